//! `kaspi-auth doctor`: looks at everything that the service needs, changes nothing, and says what to do.
//!
//! Towards the portal it is one GET of the login page, without credentials.

mod browser;
mod checks;
mod finding;

use kaspi_auth_core::port::Clock;
use serde_json::json;

use self::checks::Checks;
use self::finding::{Finding, Verdict};
use super::Global;
use super::failure::{Exit, Outcome};
use super::logging::{self, Loudness};
use super::output::{self, Paint};
use crate::config::Config;
use crate::process::SystemClock;

/// What is looked at, and how it is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not ask the portal for its login page.
    #[arg(long)]
    offline: bool,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Looks, tells, and fails when something must be mended.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let findings = match Config::load(global.file()) {
        Ok(config) => {
            logging::start(&config, Loudness::Errors.louder(global.verbose))?;
            Checks { config: &config, file: global.file(), clock: std::sync::Arc::new(SystemClock) }
                .all(args.offline)
                .await
        }
        Err(error) => {
            let cause = super::failure::Failure::from(error);
            vec![Finding::fail(
                "configuration",
                cause.to_string(),
                "mend it; `kaspi-auth config template` shows a good one",
            )]
        }
    };
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    if args.json {
        output::pretty(&json!({ "ok": !failed, "checks": findings }));
    } else {
        findings.iter().for_each(tell);
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn tell(finding: &Finding) {
    let paint = Paint::stdout();
    let verdict = match finding.verdict {
        Verdict::Ok => paint.green("ok  "),
        Verdict::Warn => paint.yellow("warn"),
        Verdict::Fail => paint.red("fail"),
    };
    output::line(format_args!("{verdict}  {:<14} {}", finding.check, finding.found));
    if let Some(advice) = &finding.advice {
        output::line(format_args!("      {:<14} {} {advice}", "", paint.bold("→")));
    }
}

/// The time that checks go by.
type SharedClock = std::sync::Arc<dyn Clock>;
