//! `keys verify`: the drill after a restore. Opens everything and changes nothing.

use kaspi_auth_store::{RekeyCursor, SqlDatabase, Verified};
use serde_json::json;

use super::super::failure::{Exit, Outcome};
use super::super::{Global, output};
use super::{bar, findings_json, open, stopped, tell, write_down};

/// Rows that are read at once.
const BATCH: u32 = 1000;

/// Runs it; the exit code is 1 when something does not open.
pub async fn run(global: &Global, as_json: bool) -> Outcome {
    let database = open(global).await?;
    let all = verify(&database, as_json).await;
    write_down(&database, "keys verify", &all).await;
    database.close().await;
    let all = all?;
    if as_json {
        output::json(&json!({
            "rows": all.rows,
            "values": all.values,
            "plain": all.plain,
            "findings": findings_json(&all.findings),
        }));
    } else {
        tell(&all.findings);
        output::line(format_args!(
            "{} values of {} rows open for their owners; {} do not; {} sessions are not sealed",
            all.values,
            all.rows,
            all.findings.len(),
            all.plain
        ));
    }
    Ok(if all.findings.is_empty() { Exit::Done } else { Exit::Failed })
}

async fn verify(database: &SqlDatabase, as_json: bool) -> Outcome<Verified> {
    let bar = bar(None, as_json);
    let mut all = Verified::default();
    let mut cursor = Some(RekeyCursor::default());
    while let Some(at) = cursor {
        let part = database.verify(&at, BATCH).await.map_err(stopped)?;
        bar.inc(part.rows);
        all.rows += part.rows;
        all.values += part.values;
        all.plain += part.plain;
        all.findings.extend(part.findings);
        cursor = part.next;
    }
    bar.finish_and_clear();
    Ok(all)
}
