//! `start-up`: from the start of the process to a ready service, on an existing SQLite file.

use anyhow::Result;

use crate::figures::{ms, percentile};
use crate::lab::{Database, Lab};
use crate::load::logins;

const RUNS: usize = 15;

pub async fn run() -> Result<()> {
    let mut lab = Lab::start(Database::Sqlite).await?;
    logins(lab.addr, &lab.api_key, lab.accounts("start", 1000), 32).await?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        lab.stop_service()?;
        times.push(lab.start_service().await?);
    }
    times.sort_unstable();
    println!(
        "start-up: SQLite file with 1,000 stores, {RUNS} starts to the first /readyz: median {}, worst {}",
        ms(percentile(&times, 0.5)),
        ms(percentile(&times, 1.0))
    );
    Ok(())
}
