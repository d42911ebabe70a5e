//! `memory`: resident memory idle, and with many stores and logins in flight.

use std::time::Duration;

use anyhow::{Result, ensure};
use kaspi_sandbox::{Fault, FaultKind};

use crate::lab::{Database, Lab};
use crate::load::{Client, logins};

const STORES: usize = 10_000;
const IN_FLIGHT: usize = 200;
/// How late the portal answers while logins are in flight, in milliseconds.
const DELAY: u64 = 8000;

pub async fn run() -> Result<()> {
    for database in [Database::Sqlite, Database::Postgres] {
        let mut lab = Lab::start(database).await?;
        println!("memory, {database:?}: idle after start {:.1} MiB", lab.resident_mib()?);
        for part in ["heap-a", "heap-b"] {
            let outcome = logins(lab.addr, &lab.api_key, lab.accounts(part, STORES / 2), 32).await?;
            ensure!(outcome.bad == 0, "{} logins did not succeed", outcome.bad);
        }
        println!(
            "memory, {database:?}: after {STORES} logins by this process {:.1} MiB",
            lab.resident_mib()?
        );
        with_logins_in_flight(&lab, "flight").await?;
        lab.stop_service()?;
        lab.start_service().await?;
        println!(
            "memory, {database:?}: idle after a restart with {STORES} stores {:.1} MiB",
            lab.resident_mib()?
        );
        let mut client = Client::connect(lab.addr, &lab.api_key).await?;
        let uids = lab.uids().await?;
        for uid in &uids {
            let (status, _) = client.get(&format!("/v1/stores/{uid}/session")).await?;
            ensure!(status == 200, "the session of {uid} answers {status}");
        }
        let read = uids.len();
        println!("memory, {database:?}: after {read} sessions were read {:.1} MiB", lab.resident_mib()?);
        with_logins_in_flight(&lab, "second").await?;
    }
    Ok(())
}

/// Holds many logins inside the portal at once and looks at the memory then.
async fn with_logins_in_flight(lab: &Lab, name: &str) -> Result<()> {
    let control = lab.sandbox.control();
    control.set_fault(Fault::new(FaultKind::Delay(DELAY)).path("/api/p/login"));
    let emails = lab.accounts(name, IN_FLIGHT);
    let (addr, key) = (lab.addr, lab.api_key.clone());
    let running = tokio::spawn(async move { logins(addr, &key, emails, IN_FLIGHT).await });
    let mut client = Client::connect(lab.addr, &lab.api_key).await?;
    let mut most = 0.0_f64;
    let mut seen = 0.0_f64;
    while !running.is_finished() {
        let (_, body) = client.get("/metrics").await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let gauge = text.lines().find_map(|line| line.strip_prefix("kaspi_auth_logins_running "));
        seen = seen.max(gauge.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0));
        most = most.max(lab.resident_mib()?);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let outcome = running.await??;
    control.clear_faults();
    ensure!(outcome.bad == 0, "{} logins did not succeed", outcome.bad);
    println!("memory, {:?}: with {seen:.0} logins in flight, at most {most:.1} MiB", lab.database());
    Ok(())
}
