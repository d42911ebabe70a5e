//! `kaspi-auth sandbox`: the emulated portal alone, as the crate `kaspi-sandbox` offers it.

use std::net::SocketAddr;
use std::path::PathBuf;

use kaspi_sandbox::{Fixture, Knobs, Options, Sandbox, StartError, TlsOptions};

use super::demo::{inbox, programme};
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::{Global, output, signals};

/// How the emulated portal runs.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command line")]
pub struct Args {
    /// Where to listen: a loopback address; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4010", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Serve HTTPS on the real host names, for clients that map them.
    #[arg(long)]
    tls: bool,
    /// Where the certificate of the authority goes, in PEM; it is a new one at every start.
    #[arg(long, default_value = "kaspi-sandbox-ca.pem", requires = "tls", value_name = "FILE")]
    ca_file: PathBuf,
    /// The suffix of the main host names instead of kaspi.localhost (with --tls: kaspi.kz).
    #[arg(long, value_name = "NAME")]
    host_suffix: Option<String>,
    /// The same seed and the same calls give the same codes and ids.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Serve the control API: clock, faults, counters, reset.
    #[arg(long)]
    control: bool,
    /// A JSON file with settings of the portal's behaviour that differ from the defaults.
    #[arg(long, value_name = "FILE")]
    knobs: Option<PathBuf>,
    /// A page that was seen when a login failed, to be served as the login page: an exported evidence.
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,
    /// Do not print the mail and SMS that it "sends".
    #[arg(long)]
    quiet: bool,
    /// Print the settings of the portal's behaviour with their defaults as JSON, and end.
    #[arg(long)]
    print_knobs: bool,
}

/// Serves until a signal, and tells what is "sent".
pub async fn run(args: Args, global: &Global) -> Outcome {
    global.start(Loudness::Errors)?;
    let knobs = knobs(args.knobs.as_ref())?;
    if args.print_knobs {
        output::pretty(&knobs);
        return Ok(Exit::Done);
    }
    let stop =
        signals::stop().map_err(|error| Failure::new("signals cannot be listened to").because(error))?;
    let sandbox = start(
        Options {
            listen: args.listen,
            tls: args.tls.then(|| TlsOptions { ca_file: args.ca_file.clone() }),
            seed: args.seed,
            control: args.control,
            knobs,
            host_suffix: args.host_suffix,
            stories: true,
            fixture: fixture(args.fixture.as_ref())?,
        },
        "--listen",
    )
    .await?;
    let origins = sandbox.origins();
    let paint = output::Paint::stdout();
    output::line(format_args!("{} on {}", paint.bold("SANDBOX portal"), sandbox.addr()));
    output::line(format_args!("  start page  {}", paint.cyan(&origins.site)));
    output::line(format_args!("  login page  {}", paint.cyan(format_args!("{}/login", origins.login))));
    output::line(format_args!("  cabinet     {}", paint.cyan(&origins.cabinet)));
    output::line(format_args!(
        "  inbox       {}",
        paint.cyan(format_args!("{}/sandbox/inbox", origins.site))
    ));
    if args.tls {
        output::line(format_args!("  authority   {}", args.ca_file.display()));
    }
    if args.control {
        output::line(format_args!("  control     {}/sandbox/control/", origins.site));
    }
    programme::accounts();
    if args.quiet {
        output::line("\nCtrl-C ends it.");
        stop.cancelled().await;
    } else {
        output::line("\nMail and SMS appear here. Ctrl-C ends it.");
        inbox::tell(&sandbox.control(), &stop).await;
    }
    sandbox.stop().await;
    Ok(Exit::Done)
}

/// Starts a sandbox, or says what to do about its address. `option` is how another one is chosen.
///
/// # Errors
/// What the sandbox says.
pub async fn start(options: Options, option: &str) -> Outcome<Sandbox> {
    let wanted = options.listen;
    Sandbox::start(options).await.map_err(|error| {
        let failure = Failure::new(error.to_string());
        match error {
            StartError::Bind(_, source) => failure.because(source).hint(format!(
                "is {wanted} another program's? Stop that, or choose another address with {option} (port 0: any free one)"
            )),
            StartError::NotLoopback(_) => {
                failure.hint(format!("choose an address like 127.0.0.1:4010 with {option}")).ending(Exit::Usage)
            }
            StartError::HostSuffix(_) => failure.ending(Exit::Usage),
            StartError::CaFile(_, source) => failure.because(source).hint("choose another file with --ca-file"),
            StartError::Tls(source) => failure.because(source),
        }
    })
}

fn fixture(file: Option<&PathBuf>) -> Outcome<Option<Fixture>> {
    let Some(file) = file else { return Ok(None) };
    let bad = |what: &str| Failure::usage(format!("--fixture {}: {what}", file.display()));
    let text = std::fs::read(file).map_err(|error| bad("cannot be read").because(error))?;
    Fixture::read(&text).map(Some).map_err(|error| bad("is no page to replay").because(error))
}

fn knobs(file: Option<&PathBuf>) -> Outcome<Knobs> {
    let Some(file) = file else { return Ok(Knobs::default()) };
    let bad = |what: &str| Failure::usage(format!("--knobs {}: {what}", file.display()));
    let text = std::fs::read(file).map_err(|error| bad("cannot be read").because(error))?;
    let change = serde_json::from_slice(&text).map_err(|error| bad("is no JSON").because(error))?;
    Knobs::default().changed(&change).map_err(|error| {
        bad("has a setting that is not known")
            .because(error)
            .hint("`kaspi-auth sandbox --print-knobs` shows them all")
    })
}
