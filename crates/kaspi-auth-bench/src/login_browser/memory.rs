//! Memory of a warm context and of a login in flight: PSS of the service with its browser, so that what is shared counts
//! once. The peer has no warm contexts; its logins in flight stand for both.

use std::time::Duration;

use anyhow::{Result, ensure};
use kaspi_sandbox::{Fault, FaultKind};

use super::side::Side;
use crate::figures::median;
use crate::lab::Lab;
use crate::tree;

const FEW_WARM: usize = 2;
const MANY_WARM: usize = 10;
/// Logins that are held in flight.
const IN_FLIGHT: usize = 8;
/// How late the portal answers meanwhile, in milliseconds: well below the ten seconds that the peer waits for a step.
const DELAY: u64 = 6000;
/// How long memory is let settle before it is read.
const SETTLE: Duration = Duration::from_secs(3);
const READINGS: usize = 5;

/// Mebibytes.
pub struct Memory {
    pub warm: f64,
    pub ours: f64,
    pub theirs: f64,
}

/// Starts the service anew for each number of warm pages; the peer stays as it is.
pub async fn measure(
    lab: &mut Lab,
    tuned: &Side,
    emails: &mut impl Iterator<Item = String>,
) -> Result<Memory> {
    lab.set("KASPI_AUTH__BROWSER__MAX_RUNNING", &IN_FLIGHT);
    let (_, few) = restarted(lab, FEW_WARM).await?;
    let (ours, many) = restarted(lab, MANY_WARM).await?;
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let warm = (many - few) / (MANY_WARM - FEW_WARM) as f64;
    let in_ours = in_flight(lab, &ours, emails).await?;
    let theirs = in_flight(lab, tuned, emails).await?;
    println!("  memory: {few:.0} MiB with {FEW_WARM} warm pages, {many:.0} MiB with {MANY_WARM}");
    Ok(Memory { warm, ours: in_ours, theirs })
}

async fn restarted(lab: &mut Lab, warm: usize) -> Result<(Side, f64)> {
    lab.stop_service()?;
    lab.set("KASPI_AUTH__BROWSER__MIN_WARM", &warm);
    lab.start_service().await?;
    let side = Side { addr: lab.addr, pid: lab.pid()?, api_key: Some(lab.api_key.clone()) };
    side.warm(warm).await?;
    Ok((side.clone(), settled(&side).await))
}

/// Memory of each of several logins that the portal keeps waiting all at once, beyond that of the idle service.
async fn in_flight(lab: &Lab, side: &Side, emails: &mut impl Iterator<Item = String>) -> Result<f64> {
    // What a first load leaves behind, such as caches, is no login in flight.
    side.load(emails.take(2 * IN_FLIGHT).collect(), IN_FLIGHT, 1).await?;
    if side.api_key.is_some() {
        side.warm(MANY_WARM).await?;
    }
    let idle = settled(side).await;
    let control = lab.sandbox.control();
    control.set_fault(Fault::new(FaultKind::Delay(DELAY)).path("/api/p/login"));
    let accounts: Vec<String> = emails.take(IN_FLIGHT).collect();
    ensure!(accounts.len() == IN_FLIGHT, "accounts that were not used yet: fewer rounds, please");
    let before = control.counters();
    let loaded = side.clone();
    let running = tokio::spawn(async move { loaded.load(accounts, IN_FLIGHT, 1).await });
    let mut readings = Vec::new();
    while !running.is_finished() {
        let now = control.counters();
        let all_wait = now.faults - before.faults == IN_FLIGHT as u64 && now.passwords == before.passwords;
        readings.push((all_wait, tree::pss_mib(side.pid)));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let outcome = running.await;
    control.clear_faults();
    outcome??;
    let waiting: Vec<f64> =
        readings.into_iter().filter(|(all_wait, _)| *all_wait).map(|(_, mib)| mib).collect();
    ensure!(
        !waiting.is_empty(),
        "the machine was too busy: {IN_FLIGHT} logins never waited at the portal together"
    );
    let last = waiting[waiting.len().saturating_sub(READINGS)..].to_vec();
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let each = (median(last) - idle) / IN_FLIGHT as f64;
    Ok(each)
}

async fn settled(side: &Side) -> f64 {
    tokio::time::sleep(SETTLE).await;
    let mut readings = Vec::new();
    for _ in 0..READINGS {
        readings.push(tree::pss_mib(side.pid));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    median(readings)
}
