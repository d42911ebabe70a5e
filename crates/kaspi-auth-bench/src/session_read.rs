//! `session-read`: how fast live sessions are served, on both databases.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::figures::{median, ms};
use crate::lab::{Database, Lab};
use crate::load::{Client, gets, logins};

const STORES: usize = 1000;
const CONNECTIONS: usize = 32;
const DURATION: Duration = Duration::from_secs(5);
const RUNS: usize = 3;
/// Half of the rate that must be reached.
const HALF: u32 = 7500;

pub async fn run() -> Result<()> {
    println!(
        "session-read: GET /v1/stores/{{uid}}/session, {STORES} stores, {CONNECTIONS} connections, load on the same cores"
    );
    for database in [Database::Sqlite, Database::Postgres] {
        let lab = Lab::start(database).await?;
        let signed_in = logins(lab.addr, &lab.api_key, lab.accounts("read", STORES), 32).await?;
        ensure!(signed_in.bad == 0, "{} logins did not succeed", signed_in.bad);
        let paths = Arc::new(paths(&lab).await?);
        ensure!(paths.len() == STORES, "{} stores instead of {STORES}", paths.len());
        let (mut rates, mut p99s) = (Vec::new(), Vec::new());
        for run in 0..RUNS {
            let full = gets(lab.addr, &lab.api_key, Arc::clone(&paths), CONNECTIONS, DURATION, None).await?;
            let half =
                gets(lab.addr, &lab.api_key, Arc::clone(&paths), CONNECTIONS, DURATION, Some(HALF)).await?;
            ensure!(full.bad + half.bad == 0, "{} answers were not 200", full.bad + half.bad);
            println!(
                "  {database:?} run {}: {:.0} requests/s; at {HALF}/s: reached {:.0}/s, p50 {}, p99 {}",
                run + 1,
                full.rate(),
                half.rate(),
                ms(half.p50()),
                ms(half.p99())
            );
            rates.push(full.rate());
            p99s.push(half.p99().as_secs_f64() * 1000.0);
        }
        println!(
            "  {database:?}: median {:.0} requests/s, median p99 at half {:.3} ms",
            median(rates),
            median(p99s)
        );
    }
    Ok(())
}

/// The session address of every store.
async fn paths(lab: &Lab) -> Result<Vec<String>> {
    let mut client = Client::connect(lab.addr, &lab.api_key).await?;
    let (mut paths, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, body) = client.get(&format!("/v1/stores?limit=500{cursor}")).await?;
        let page: serde_json::Value = serde_json::from_slice(&body)?;
        for store in page["stores"].as_array().into_iter().flatten() {
            if let Some(uid) = store["merchant_uid"].as_str() {
                paths.push(format!("/v1/stores/{uid}/session"));
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(paths),
        }
    }
}
