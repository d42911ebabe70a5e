//! The command line: which commands there are, and how each ends. One file a command; they work on the configured
//! database through the same use cases as the API, without a running service.
//!
//! Answers go to stdout, all else to stderr. Must not hold a rule.

mod api_keys;
mod audit;
mod configuration;
mod demo;
mod doctor;
mod egress;
mod events;
mod evidence;
mod failure;
mod files;
mod import;
mod jobs;
mod keys;
mod logging;
mod login;
mod migrate;
mod openapi;
mod opened;
mod output;
mod recipe;
mod sandbox;
mod serve;
mod session;
mod shell;
mod signals;
mod stores;
mod table;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;

use self::failure::{EXIT_CODES, Failure, Outcome};
use self::logging::Loudness;
use crate::config::Config;

/// Signs Kaspi merchants in to their own cabinet, keeps their sessions sealed, and serves them.
#[derive(Debug, clap::Parser)]
#[command(name = "kaspi-auth", version, propagate_version = true, after_help = EXIT_CODES, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Global {
    /// The configuration file (TOML).
    #[arg(long, global = true, env = "KASPI_AUTH_CONFIG", value_name = "FILE")]
    config: Option<OsString>,
    /// Log to stderr what is done; twice: in detail.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl Global {
    /// The configuration file, if one is named.
    fn file(&self) -> Option<&Path> {
        // Container files pass variables on that nobody set, as empty ones.
        self.config.as_ref().filter(|file| !file.is_empty()).map(Path::new)
    }

    /// Reads the configuration and sets logging up.
    fn start(&self, loudness: Loudness) -> Outcome<Config> {
        let config = Config::load(self.file())?;
        logging::start(&config, loudness.louder(self.verbose))?;
        Ok(config)
    }

    /// The beginning of another call of this program with the same configuration, for a person to paste.
    fn same_again(&self) -> String {
        let mut words = vec![program()];
        if let Some(file) = self.file() {
            words.extend(["--config".to_owned(), shell::quoted(&file.display().to_string())]);
        }
        words.join(" ")
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// See it work: the emulated portal and the service on this machine, with three logins before your eyes.
    Demo(demo::Args),
    /// Run the service.
    Serve(serve::Args),
    /// Run the emulated portal alone.
    Sandbox(sandbox::Args),
    /// Bring the database's schema up to date.
    Migrate(migrate::Args),
    /// Sign a merchant in.
    Login(login::Args),
    /// See and delete stores; see why a store stands as it does.
    #[command(subcommand)]
    Stores(stores::Command),
    /// See, check and renew a store's session.
    #[command(subcommand)]
    Session(session::Command),
    /// See, add, change, check and remove the ways out to the portal.
    #[command(subcommand)]
    Egress(egress::Command),
    /// Take stores over from another installation, a table, or a browser's cookies.
    Import(import::Args),
    /// Show what was seen when a login failed.
    Evidence(evidence::Args),
    /// Show who read or changed what.
    Audit(audit::Args),
    /// Show what an operator should hear of: egresses that rest, accounts that moved, a portal that changed.
    Events(events::Args),
    /// Show work in the background: sessions that are looked after, batches, sweeps.
    Jobs(jobs::Args),
    /// Show and check what is known of the portal's login page.
    #[command(subcommand)]
    Recipe(recipe::Command),
    /// Make encryption keys, move the database to the newest one, and prove that everything opens.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Make, see and revoke API keys.
    #[command(subcommand)]
    ApiKeys(api_keys::Command),
    /// Look at configuration, key, database, portal and clock, and say what to do.
    Doctor(doctor::Args),
    /// Check and show the configuration.
    #[command(subcommand)]
    Config(configuration::Command),
    /// Print the description of the API (OpenAPI 3.1).
    Openapi,
}

impl Command {
    /// Whether the caller is a program that reads JSON.
    fn wants_json(&self) -> bool {
        match self {
            Self::Demo(_) | Self::Serve(_) | Self::Sandbox(_) | Self::Openapi => false,
            Self::Migrate(args) => args.json,
            Self::Login(args) => args.json,
            Self::Stores(command) => command.wants_json(),
            Self::Session(command) => command.wants_json(),
            Self::Egress(command) => command.wants_json(),
            Self::Import(args) => args.json,
            Self::Evidence(args) => args.json,
            Self::Audit(args) => args.json,
            Self::Events(args) => args.json,
            Self::Jobs(args) => args.json,
            Self::Recipe(command) => command.wants_json(),
            Self::Keys(command) => command.wants_json(),
            Self::ApiKeys(command) => command.wants_json(),
            Self::Doctor(args) => args.json,
            Self::Config(command) => command.wants_json(),
        }
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    // Installed already: whoever did that chose the same provider, for there is no other.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    let as_json = cli.command.wants_json();
    let exit = run(cli).unwrap_or_else(|failure| {
        failure.tell(as_json);
        failure.exit()
    });
    exit.into()
}

fn run(cli: Cli) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("the runtime cannot be started").because(error))?;
    let ended = runtime.block_on(dispatch(cli));
    crate::process::traces::stop();
    // A prompt that nobody answered still holds a thread: the process does not wait for it.
    runtime.shutdown_background();
    ended
}

async fn dispatch(cli: Cli) -> Outcome {
    let Cli { global, command } = cli;
    match command {
        Command::Demo(args) => demo::run(&args, &global).await,
        Command::Serve(args) => serve::run(&args, &global).await,
        Command::Sandbox(args) => sandbox::run(args, &global).await,
        Command::Migrate(args) => migrate::run(&args, &global).await,
        Command::Login(args) => login::run(&args, &global).await,
        Command::Stores(command) => stores::run(&command, &global).await,
        Command::Session(command) => session::run(&command, &global).await,
        Command::Egress(command) => egress::run(&command, &global).await,
        Command::Import(args) => import::run(&args, &global).await,
        Command::Evidence(args) => evidence::run(&args, &global).await,
        Command::Audit(args) => audit::run(&args, &global).await,
        Command::Events(args) => events::run(&args, &global).await,
        Command::Jobs(args) => jobs::run(&args, &global).await,
        Command::Recipe(command) => recipe::run(&command, &global).await,
        Command::Keys(command) => keys::run(&command, &global).await,
        Command::ApiKeys(command) => api_keys::run(&command, &global).await,
        Command::Doctor(args) => doctor::run(&args, &global).await,
        Command::Config(command) => configuration::run(&command, &global),
        Command::Openapi => openapi::run(),
    }
}

/// This program as it was called, for commands that a person is to paste.
fn program() -> String {
    let called = std::env::args_os().next().map(PathBuf::from);
    called.map_or_else(|| "kaspi-auth".to_owned(), |path| shell::quoted(&path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_and_command_says_what_it_does() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no description", command.get_name());
            for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
                assert!(
                    argument.get_help().is_some(),
                    "{} {} has no help",
                    command.get_name(),
                    argument.get_id()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    /// What touches nothing that belongs to merchants; `migrate` and `serve` change the schema alone.
    const NOT_AUDITED: [&str; 13] = [
        "config check",
        "config show",
        "config template",
        "demo",
        "doctor",
        "keys check",
        "keys generate",
        "migrate",
        "openapi",
        "recipe check",
        "recipe show",
        "sandbox",
        "serve",
    ];

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        for below in command.get_subcommands() {
            let path = format!("{path} {}", below.get_name()).trim().to_owned();
            if below.has_subcommands() {
                leaves(below, &path, found);
            } else {
                found.push(path);
            }
        }
    }

    fn sources(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, text);
            } else {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_command_that_touches_what_is_merchants_writes_an_entry_of_its_name() {
        let (mut commands, mut text) = (Vec::new(), String::new());
        leaves(&Cli::command(), "", &mut commands);
        assert!(commands.len() > 30, "{commands:?}");
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"), &mut text);
        for command in commands.iter().filter(|command| !NOT_AUDITED.contains(&command.as_str())) {
            let calls = [format!(".audit(\"{command}\""), format!("write_down(&database, \"{command}\"")];
            assert!(calls.iter().any(|call| text.contains(call)), "{command} is not in the audit log");
        }
    }
}
