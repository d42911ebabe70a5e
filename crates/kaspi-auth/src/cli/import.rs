//! `kaspi-auth import`: takes stores over from another installation's database, from tables, and from browsers' cookies.
//!
//! A dry run unless `--apply` is given. Each row is a transaction of its own, and what is here already is skipped, so that
//! an import that was cut off is simply run again; one of a table may go on behind the row to which it came.

mod report;
mod source;

use std::collections::HashSet;
use std::path::PathBuf;

use kaspi_auth_core::audit::Actor;
use kaspi_auth_core::id::{MerchantUid, UserId};
use kaspi_auth_core::import::{FoundStore, Imported};
use kaspi_auth_core::port::{ImportRepository as _, RepositoryError};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::tenant::Tenant;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use self::report::{Fate, Report};
use self::source::Source;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::opened::Opened;
use super::{Global, audit, output, shell, signals};
use crate::import::{Format, Row};
use crate::process::Chain;

/// How to go on with an import that was cut off.
const GO_ON: &str = "run it again: what is here already is skipped";

/// What to take over, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where from: postgres://… of another installation, a file (CSV, JSON, cookies.txt), or - for stdin. An address with a
    /// password in it belongs into the variable: everybody on the machine can see a command line.
    #[arg(long, value_name = "SOURCE", env = "KASPI_AUTH_IMPORT_FROM", hide_env_values = true)]
    from: SecretString,
    /// What the file is, where its content does not tell.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Whose cookies they are: a browser's export does not say it.
    #[arg(long, value_name = "UID", value_parser = MerchantUid::parse)]
    merchant_uid: Option<MerchantUid>,
    /// For whom the stores are held whose rows do not say it.
    #[arg(long, value_parser = UserId::parse)]
    user_id: Option<UserId>,
    /// The table in the other database, with its schema where the search path does not find it. When left out: kaspi_stores.
    #[arg(long)]
    table: Option<String>,
    /// Go on behind this row of the table: an import that was cut off has named it. Rows before it are not read again.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// The file with the ENCRYPTION_KEY of the other installation. When left out, the keys of this one are tried.
    #[arg(long, value_name = "FILE", conflicts_with = "source_key")]
    source_key_file: Option<PathBuf>,
    /// The key itself; rather in the variable than on a command line that everybody on the machine can see.
    #[arg(long, value_name = "KEY", env = "KASPI_AUTH_IMPORT_KEY", hide_env_values = true)]
    source_key: Option<SecretString>,
    /// Do it. Without this it is only said what would become of each row.
    #[arg(long)]
    apply: bool,
    /// Ask the cabinet about each session that was taken. Without this nothing is sent to the portal.
    #[arg(long, requires = "apply")]
    validate: bool,
    /// Write what becomes of every row to this new file, as CSV.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let stop = signals::stop().map_err(|error| Failure::new("signals cannot be handled").because(error))?;
    let mut source = Source::open(args, &config).await?;
    let done = match Opened::of(&config).await {
        Ok(opened) => {
            let done = carry_out(args, &opened, &mut source, &stop).await;
            let what = format!("{}{}", source.kind(), if args.apply { "" } else { ", dry run" });
            opened.audit("import", None, Some(&what), &done).await;
            opened.close().await;
            done
        }
        Err(failure) => Err(failure),
    };
    source.close().await;
    done
}

async fn carry_out(args: &Args, opened: &Opened, source: &mut Source, stop: &CancellationToken) -> Outcome {
    tracing::info!(source = source.kind(), apply = args.apply, "importing");
    let mut report = Report::new(args.apply, args.report.as_deref(), source)?;
    let mut taker = Taker { args, opened, by: audit::operator(), taken: HashSet::new() };
    let ended = loop {
        if stop.is_cancelled() {
            break Err(Failure::interrupted("the import was interrupted").hint(GO_ON));
        }
        let next = tokio::select! {
            next = source.next() => next,
            () = stop.cancelled() => continue,
        };
        let mut row = match next {
            Ok(Some(row)) => row,
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        };
        let fate = match taker.fate(&mut row).await {
            Ok(fate) => fate,
            Err(failure) => break Err(failure),
        };
        if let Err(failure) = report.row(&row, &fate, source) {
            break Err(failure);
        }
        source.row_is_done();
    };
    let troubled = report.end(ended.is_ok(), args.json)?;
    ended.map_err(|failure| match source.done() {
        Some(row) => failure.hint(format!("--after {} goes on; or {GO_ON}", shell::quoted(row))),
        None => failure,
    })?;
    if !args.apply {
        output::note("nothing was changed; --apply does it");
    }
    Ok(if troubled == 0 { Exit::Done } else { Exit::Failed })
}

/// Takes rows over, or says what would become of them.
struct Taker<'a> {
    args: &'a Args,
    opened: &'a Opened,
    by: Actor,
    /// Merchants of whom a dry run has said already that a row would be taken.
    taken: HashSet<MerchantUid>,
}

impl Taker<'_> {
    /// What becomes of a row.
    async fn fate(&mut self, row: &mut Row) -> Outcome<Fate> {
        let found = match &mut row.found {
            Ok(found) => found,
            Err(why) => return Ok(Fate::Unreadable(why.clone())),
        };
        if found.user_id.is_none() {
            found.user_id.clone_from(&self.args.user_id);
        }
        let service = self.opened.service();
        let by = self.args.apply.then_some(&self.by);
        match service.database.import_store(found, by, service.clock.now()).await {
            // It was held against what is here, and not against the row that would stand here by then.
            Ok(answer)
                if by.is_none() && is_taken(answer) && !self.taken.insert(found.merchant_uid.clone()) =>
            {
                Ok(Fate::Repeated)
            }
            Ok(answer) => Ok(Fate::Judged(answer, self.look(found, answer).await)),
            Err(error @ RepositoryError::Unavailable { .. }) => {
                Err(Failure::new("the database does not take the stores")
                    .because(error)
                    .hint(GO_ON)
                    .ending(Exit::Later))
            }
            Err(error) => Ok(Fate::Refused(Chain(&error).to_string())),
        }
    }

    /// What the cabinet says of a session that was taken, where that is wanted.
    async fn look(&self, found: &FoundStore, answer: Imported) -> Option<Validity> {
        if !(self.args.validate && is_taken(answer)) || found.cookies.is_empty() {
            return None;
        }
        let looked = self.opened.service().sessions.validate(&Tenant::All, &found.merchant_uid).await;
        Some(looked.map_or_else(
            |error| {
                tracing::warn!(store = %found.merchant_uid, error = %Chain(&error), "an imported session could not be looked at");
                Validity::Unknown
            },
            |found| found.validity,
        ))
    }
}

fn is_taken(answer: Imported) -> bool {
    matches!(answer, Imported::Added | Imported::Updated)
}
