//! `login-direct`: what the service adds to the portal's own time, and logins a second with many in flight.

use std::time::Duration;

use anyhow::Result;

use crate::figures::{median, ms, percentile};
use crate::lab::{Database, Lab};
use crate::load::{Client, logins};
use crate::metrics;

const SINGLE: usize = 300;
const IN_FLIGHT: usize = 64;
const MANY: usize = 3000;
const RUNS: usize = 3;
/// The time that the service has spent in exchanges with the portal so far.
const PORTAL: &str = "kaspi_auth_portal_exchange_seconds_sum";

pub async fn run() -> Result<()> {
    println!("login-direct: sandbox with zero added delay, service and load on the same cores");
    for database in [Database::Sqlite, Database::Postgres] {
        let lab = Lab::start(database).await?;
        logins(lab.addr, &lab.api_key, lab.accounts("warm", 200), 8).await?;
        overhead(&lab).await?;
        let mut rates = Vec::new();
        for run in 0..RUNS {
            let emails = lab.accounts(["many-a", "many-b", "many-c"][run], MANY);
            let outcome = logins(lab.addr, &lab.api_key, emails, IN_FLIGHT).await?;
            anyhow::ensure!(outcome.bad == 0, "{} of {MANY} logins did not succeed", outcome.bad);
            println!(
                "  {database:?} run {}: {:.0} logins/s with {IN_FLIGHT} in flight, p50 {}, p99 {}",
                run + 1,
                outcome.rate(),
                ms(outcome.p50()),
                ms(outcome.p99())
            );
            rates.push(outcome.rate());
        }
        println!("  {database:?}: median {:.0} logins/s with {IN_FLIGHT} in flight", median(rates));
    }
    Ok(())
}

/// One login after another: API call to stored session, less the portal exchanges as the service itself measures them.
async fn overhead(lab: &Lab) -> Result<()> {
    let mut client = Client::connect(lab.addr, &lab.api_key).await?;
    let (mut totals, mut overheads) = (Vec::new(), Vec::new());
    for email in lab.accounts("single", SINGLE) {
        let before = metrics::sum(&mut client, PORTAL).await?;
        let begun = std::time::Instant::now();
        let body = format!(r#"{{"email":"{email}","password":"sandbox-password"}}"#);
        let (status, body) = client.post("/v1/logins?wait=30s", body).await?;
        let total = begun.elapsed();
        let login: serde_json::Value = serde_json::from_slice(&body)?;
        anyhow::ensure!(status == 201 && login["state"] == "succeeded", "a login did not succeed: {login}");
        let portal = metrics::sum(&mut client, PORTAL).await? - before;
        totals.push(total);
        overheads.push(total.saturating_sub(Duration::from_secs_f64(portal)));
    }
    totals.sort_unstable();
    overheads.sort_unstable();
    println!(
        "  {:?}: one at a time: whole login median {}, service overhead median {}, p99 {}",
        lab.database(),
        ms(percentile(&totals, 0.5)),
        ms(percentile(&overheads, 0.5)),
        ms(percentile(&overheads, 0.99))
    );
    Ok(())
}
