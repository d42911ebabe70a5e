//! `kaspi-auth jobs`: work in the background, for operators.

use kaspi_auth_core::job::{Job, JobFilter, JobState, JobView};

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::opened::Opened;
use super::{output, table};
use crate::http::model::{JOB_KINDS, JobList};

/// Which jobs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those that stand so: pending, running, done, failed or killed.
    #[arg(long, value_parser = state)]
    state: Option<JobState>,
    /// Only this kind: keep, batch or sweep.
    #[arg(long, value_parser = JOB_KINDS)]
    kind: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// As JSON: `{jobs, figures}`.
    #[arg(long)]
    pub json: bool,
}

fn state(text: &str) -> Result<JobState, &'static str> {
    JobState::parse(text).ok_or("a job is pending, running, done, failed or killed")
}

/// Runs it.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let opened = Opened::of(&config).await?;
    let records = &opened.service().records;
    let filter = JobFilter { state: args.state, kind: args.kind.clone(), limit: args.limit };
    let found =
        async { Ok::<_, Failure>((records.jobs(&filter).await?, records.job_figures().await?)) }.await;
    opened.audit("jobs", None, None, &found).await;
    opened.close().await;
    let (jobs, figures) = found?;
    if args.json {
        output::json(&JobList::new(&jobs, figures));
        return Ok(Exit::Done);
    }
    if jobs.is_empty() {
        output::note("there are no such jobs");
    } else {
        output::line(table::layout(HEADS, &jobs.iter().map(row).collect::<Vec<_>>()));
    }
    let waiting = match figures.oldest_waiting {
        Some(since) => format!("{} waiting, the oldest since {since:.0}", figures.waiting),
        None => format!("{} waiting", figures.waiting),
    };
    let (running, scheduled, killed) = (figures.running, figures.scheduled, figures.killed);
    output::note(format_args!("{waiting}; {running} running; {scheduled} scheduled; {killed} given up"));
    Ok(Exit::Done)
}

const HEADS: [&str; 6] = ["KIND", "OF", "STATE", "TRY", "RUNS AT", "ERROR"];

fn row(queued: &JobView) -> [String; 6] {
    let of = match &queued.job {
        Job::Keep { store } => store.to_string(),
        Job::Batch { batch, part } => format!("{batch}, part {part}"),
        Job::Sweep { sweep } => sweep.as_str().to_owned(),
    };
    // An error may quote what came from elsewhere.
    let error: String = queued.error.as_deref().unwrap_or_default().chars().map(shown).collect();
    [
        queued.job.kind().to_owned(),
        of,
        queued.state.as_str().to_owned(),
        queued.attempt.to_string(),
        format!("{:.0}", queued.run_at),
        error,
    ]
}

fn shown(letter: char) -> char {
    if letter.is_control() { '\u{fffd}' } else { letter }
}
