//! `kaspi-auth evidence`: what was seen when a login failed, for the operator who must find out why.

use std::path::{Path, PathBuf};

use kaspi_auth_core::evidence::{Evidence, EvidenceStep};
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error};

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::opened::Opened;
use super::{files, output, table};
use crate::http::model::{EvidenceView, PageFixture};

/// Which evidence, and where to put it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The login.
    login: LoginId,
    /// Write the page's picture, inputs blacked out, to this new file (PNG).
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
    /// Write the picture of what a person must look at to this new file (PNG).
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Write the page to this new file, for `kaspi-auth sandbox --fixture`.
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let opened = Opened::of(&config).await?;
    let found = opened.service().records.evidence(&Tenant::All, args.login).await.map_err(Failure::from);
    opened.audit("evidence", None, Some(&args.login.to_string()), &found).await;
    opened.close().await;
    let evidence = found.map_err(|failure| match failure.code() {
        Some(Code::EvidenceNotFound) => {
            failure.hint("it is kept of failed and unknown steps, for evidence.keep_days")
        }
        _ => failure,
    })?;
    if args.json {
        output::json(&EvidenceView::new(args.login, &evidence));
    } else {
        show(&evidence);
    }
    if let Some(file) = &args.screenshot {
        write(file, evidence.screenshot.as_deref(), "screenshot")?;
    }
    if let Some(file) = &args.picture {
        write(file, evidence.picture.as_deref(), "picture")?;
    }
    if let Some(file) = &args.fixture {
        let text = serde_json::to_vec(&PageFixture::of(&evidence)?)
            .map_err(|error| Failure::new("the page cannot be written as JSON").because(error))?;
        write(file, Some(&text), "page")?;
        output::note("replay it: kaspi-auth sandbox --fixture FILE");
    }
    Ok(Exit::Done)
}

fn write(file: &Path, bytes: Option<&[u8]>, what: &str) -> Outcome<()> {
    let Some(bytes) = bytes else {
        let missing = Error::new(Code::EvidenceNotFound, format!("No {what} was kept of this login."));
        return Err(missing.into());
    };
    files::write_new_bytes(file, bytes, "name another file")?;
    output::note(format_args!("the {what} is in {}, for this user alone", file.display()));
    Ok(())
}

const HEADS: [&str; 4] = ["STEP", "MILLISECONDS", "OUTCOME", "ADDRESS"];

fn show(evidence: &Evidence) {
    let size = |bytes: Option<usize>, option: &str| {
        bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{bytes} bytes; {option} FILE writes it"))
    };
    for (what, value) in [
        ("failed with", evidence.code.map_or("-", Code::as_str).to_owned()),
        ("driven by", evidence.driver.as_str().to_owned()),
        ("seen", format!("{:.0}", evidence.at)),
        ("page", evidence.page.clone().unwrap_or_else(|| "-".to_owned())),
        ("skeleton", size(evidence.skeleton.as_ref().map(String::len), "--fixture")),
        ("screenshot", size(evidence.screenshot.as_ref().map(Vec::len), "--screenshot")),
        ("picture", size(evidence.picture.as_ref().map(Vec::len), "--picture")),
    ] {
        output::line(format_args!("{what:<11} {}", plain(&value)));
    }
    if !evidence.steps.is_empty() {
        output::line("");
        output::line(table::layout(HEADS, &evidence.steps.iter().map(row).collect::<Vec<_>>()));
    }
}

fn row(step: &EvidenceStep) -> [String; 4] {
    [plain(&step.name), step.millis.to_string(), plain(&step.outcome), plain(&step.url)]
}

/// What a page says is not to move a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
