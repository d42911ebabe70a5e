//! Logs, to stderr: for people or as JSON. Libraries stay quiet unless they are named. Must run once, at the start.

use std::io::IsTerminal as _;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{EnvFilter, FilterFn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::failure::{Failure, Outcome};
use crate::config::{Config, LogFormat};
use crate::process::traces;

/// What libraries say is of interest to those who look for it: `log.filter` names them then, and counts more. Spans that are made for traces
/// are no part of a line.
const QUIET: &str = "sqlx=warn,hyper=warn,hyper_util=warn,h2=warn,reqwest=warn,rustls=warn,tower=warn,tungstenite=warn,\
                     cookie_store=warn,mio=warn,want=warn,kaspi_sandbox=warn,opentelemetry=warn,opentelemetry_sdk=warn,\
                     opentelemetry_otlp=warn,opentelemetry_http=warn,kaspi_auth::trace=off";

/// Says how much a command logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// As the configuration says: the service.
    Configured,
    /// Only what went wrong inside: the other commands tell their outcome themselves.
    Errors,
    /// Everything of ours.
    Debug,
}

impl Loudness {
    /// What `-v` makes of it.
    pub fn louder(self, times: u8) -> Self {
        match (self, times) {
            (loudness, 0) => loudness,
            (Self::Errors, 1) => Self::Configured,
            _ => Self::Debug,
        }
    }
}

/// Sets logging up, panics included, and traces where a collector is configured.
///
/// # Errors
/// A filter that cannot be read; a collector's client that cannot be built.
pub fn start(config: &Config, loudness: Loudness) -> Outcome<()> {
    let filter = filter(&config.log.filter, loudness)?;
    let colour = std::io::stderr().is_terminal() && super::output::Paint::stderr().is_on();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    let lines = match config.log.format {
        LogFormat::Pretty => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
    };
    let tracer = traces::start(&config.telemetry).map_err(|error| {
        Failure::new("the client of telemetry.otlp_endpoint cannot be built").because(error)
    })?;
    let spans = tracer.map(|tracer| {
        // Ours alone, and no lines of the log: what leaves the process is what traces.rs lists.
        let ours = FilterFn::new(|what| what.is_span() && what.target() == traces::TARGET)
            .with_max_level_hint(tracing::level_filters::LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(ours)
    });
    // Set already in a process that runs several commands: the first setting stays.
    let _ = tracing_subscriber::registry().with(lines).with(spans).try_init();
    log_panics();
    Ok(())
}

fn filter(wanted: &str, loudness: Loudness) -> Outcome<EnvFilter> {
    let wanted = match loudness {
        Loudness::Configured => wanted,
        Loudness::Errors => "error",
        Loudness::Debug => {
            "info,kaspi_auth=debug,kaspi_auth_core=debug,kaspi_auth_portal=debug,kaspi_auth_store=debug"
        }
    };
    EnvFilter::builder()
        .parse(format!("{QUIET},{wanted}"))
        .map_err(|error| Failure::usage("log.filter cannot be read").because(error))
}

/// A panic is a line of the log like any other; the message is the program's own text.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        let backtrace = std::backtrace::Backtrace::capture();
        let trace =
            (backtrace.status() == std::backtrace::BacktraceStatus::Captured).then(|| backtrace.to_string());
        tracing::error!(
            panic.message = message,
            panic.place = place,
            panic.backtrace = trace,
            "a thread panicked"
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_stay_quiet_unless_they_are_named() {
        let shown = |wanted: &str| filter(wanted, Loudness::Configured).unwrap().to_string();
        assert!(shown("debug").contains("sqlx=warn"));
        let named = shown("info,sqlx=debug");
        assert!(named.contains("sqlx=debug") && !named.contains("sqlx=warn"), "{named}");
        assert!(filter("kaspi_auth=loud", Loudness::Configured).is_err());
    }

    #[test]
    fn a_command_is_quiet_until_asked() {
        assert_eq!(Loudness::Errors.louder(0), Loudness::Errors);
        assert_eq!(Loudness::Errors.louder(1), Loudness::Configured);
        assert_eq!(Loudness::Errors.louder(2), Loudness::Debug);
        assert_eq!(Loudness::Configured.louder(1), Loudness::Debug);
    }
}
