//! The `kaspi-sandbox` program: starts a sandbox, says where it is, and serves until it is told to stop.
//! It must not hold anything that the library could.
#![expect(clippy::print_stdout, reason = "a program that tells a person where to go")]

use clap::Parser;
use kaspi_sandbox::{Fixture, Knobs, Options, Sandbox, TlsOptions, stories};
use std::{error::Error, net::SocketAddr, path::PathBuf};
use tracing_subscriber::EnvFilter;

/// An emulated Kaspi merchant cabinet on loopback.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Where to listen: a loopback address; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// Serve HTTPS on the real host names.
    #[arg(long)]
    tls: bool,
    /// Where the certificate of the authority goes, in PEM.
    #[arg(long, default_value = "kaspi-sandbox-ca.pem", requires = "tls")]
    ca_file: PathBuf,
    /// The suffix of the main host names instead of kaspi.localhost (with --tls: kaspi.kz).
    #[arg(long)]
    host_suffix: Option<String>,
    /// The same seed and the same calls give the same codes and ids.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Serve the control API.
    #[arg(long)]
    control: bool,
    /// A JSON file with settings that differ from the defaults.
    #[arg(long)]
    knobs: Option<PathBuf>,
    /// A page that was seen when a login failed, to be served as the login page.
    #[arg(long)]
    fixture: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let knobs = match &arguments.knobs {
        Some(file) => Knobs::default().changed(&serde_json::from_slice(&tokio::fs::read(file).await?)?)?,
        None => Knobs::default(),
    };
    let fixture = match &arguments.fixture {
        Some(file) => Some(Fixture::read(&tokio::fs::read(file).await?)?),
        None => None,
    };
    let sandbox = Sandbox::start(Options {
        listen: arguments.listen,
        tls: arguments.tls.then(|| TlsOptions { ca_file: arguments.ca_file.clone() }),
        seed: arguments.seed,
        control: arguments.control,
        knobs,
        host_suffix: arguments.host_suffix,
        stories: true,
        fixture,
    })
    .await?;
    let origins = sandbox.origins();
    println!("SANDBOX portal on {}", sandbox.addr());
    println!("  site     {}", origins.site);
    println!("  login    {}/login", origins.login);
    println!("  cabinet  {}", origins.cabinet);
    println!("  inbox    {}/sandbox/inbox", origins.site);
    if arguments.tls {
        println!("  CA       {}", arguments.ca_file.display());
    }
    if arguments.control {
        println!("  control  {}/sandbox/control/", origins.site);
    }
    println!("Accounts (password: {}):", kaspi_sandbox::DEFAULT_PASSWORD);
    for story in stories::all() {
        println!("  {:28} {}", story.id(), story.tells);
    }
    stopped().await?;
    sandbox.stop().await;
    Ok(())
}

/// Waits for Ctrl-C or a polite kill.
async fn stopped() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}
