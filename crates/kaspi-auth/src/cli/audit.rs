//! `kaspi-auth audit`: who read or changed what, newest first; and how the command line's own entries are made.

use jiff::Timestamp;
use kaspi_auth_core::Code;
use kaspi_auth_core::audit::{Actor, AuditEntry, AuditFilter, NewAudit};
use kaspi_auth_core::id::MerchantUid;

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::opened::Opened;
use super::{output, table};
use crate::http::model::AuditPage;

/// Which entries.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those about this store.
    #[arg(long, value_name = "MERCHANT_UID", value_parser = MerchantUid::parse)]
    store: Option<MerchantUid>,
    /// Only those of this actor: `api_key:ID`, `user:ID`, `command_line:NAME` or `anonymous`.
    #[arg(long, value_name = "ACTOR", value_parser = crate::http::model::actor)]
    actor: Option<Actor>,
    /// Only this action: `get_session`, `delete_store`, `api-keys create` …
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only those before this one: the number of the last that was seen.
    #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(i64).range(1..))]
    before: Option<i64>,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// As JSON: `{entries, next_before}`.
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let opened = Opened::of(&config).await?;
    let filter = AuditFilter {
        store: args.store.clone(),
        actor: args.actor.clone(),
        action: args.action.clone(),
        before: args.before,
        limit: args.limit + 1,
    };
    let found = opened.service().records.audit_log(&filter).await.map_err(Failure::from);
    // After the look: nobody wants to find his own look first.
    opened.audit("audit", args.store.as_ref(), None, &found).await;
    opened.close().await;
    let mut entries = found?;
    if args.json {
        output::json(&AuditPage::new(&entries, args.limit));
        return Ok(Exit::Done);
    }
    entries.truncate(args.limit as usize);
    if entries.is_empty() {
        output::note("nothing of that kind was done");
    } else {
        output::line(table::layout(HEADS, &entries.iter().map(row).collect::<Vec<_>>()));
    }
    Ok(Exit::Done)
}

const HEADS: [&str; 8] = ["SEQUENCE", "AT", "WHO", "ACTION", "STORE", "ABOUT", "RESULT", "TIMES"];

fn row(entry: &AuditEntry) -> [String; 8] {
    let what = &entry.what;
    let who = match &what.actor {
        Actor::Anonymous => "anonymous".to_owned(),
        actor => format!("{}:{}", actor.kind(), actor.id()),
    };
    let shown = [
        entry.sequence.to_string(),
        format!("{:.0}", what.at),
        who,
        what.action.clone(),
        what.store.as_ref().map(ToString::to_string).unwrap_or_default(),
        what.subject.clone().unwrap_or_default(),
        what.result.clone(),
        what.times.to_string(),
    ];
    // Parts of it are a caller's words.
    shown.map(|text| text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect())
}

/// An entry of the command line's: what was done, about what, and how it ended.
pub fn entry<T>(
    at: Timestamp,
    action: &str,
    store: Option<&MerchantUid>,
    subject: Option<&str>,
    done: &Outcome<T>,
) -> NewAudit {
    let result = match done {
        Ok(_) => "ok",
        Err(failure) if failure.exit() == Exit::Interrupted => INTERRUPTED,
        Err(failure) => failure.code().map_or("failed", Code::as_str),
    };
    NewAudit {
        at,
        actor: operator(),
        action: action.to_owned(),
        store: store.cloned(),
        subject: subject.map(str::to_owned),
        result: result.to_owned(),
        times: 1,
        request_id: None,
    }
}

/// Stopped by a signal; what was done by then is done.
const INTERRUPTED: &str = "interrupted";

/// Whoever runs this command, as the operating system has it; where it does not tell, as the environment says.
pub fn operator() -> Actor {
    Actor::CommandLine(by_the_system().or_else(by_the_environment).unwrap_or_else(|| "unknown".to_owned()))
}

#[cfg(target_os = "linux")]
fn by_the_system() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let id = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, user) = (parts.next()?, parts.next()?, parts.next()?);
        (user == id).then(|| name.to_owned())
    });
    Some(named.unwrap_or_else(|| format!("uid {id}")))
}

#[cfg(not(target_os = "linux"))]
fn by_the_system() -> Option<String> {
    None
}

fn by_the_environment() -> Option<String> {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.is_empty())
}
