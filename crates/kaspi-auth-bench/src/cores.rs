//! Keeps a measurement to the cores that its limits are meant for. Linux only.

use anyhow::{Context, Result, ensure};

/// Cores that may be used.
const CORES: usize = 2;

/// Keeps this process, and all that it starts from now on, to two cores.
pub fn confine() -> Result<()> {
    let allowed = std::fs::read_to_string("/proc/self/status")?;
    let list =
        allowed.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).context("the cores")?;
    let cores: Vec<usize> = list.trim().split(',').flat_map(cores).collect();
    if cores.len() <= CORES {
        ensure!(cores.len() == CORES, "the comparison is for {CORES} cores");
        return Ok(());
    }
    let list = format!("{},{}", cores[0], cores[1]);
    let own = std::process::id().to_string();
    let status = std::process::Command::new("taskset").args(["-a", "-p", "-c", &list, &own]).status()?;
    ensure!(status.success(), "taskset: {status}");
    Ok(())
}

/// `3` or `0-7`.
fn cores(part: &str) -> std::ops::RangeInclusive<usize> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => first..=last,
        #[expect(clippy::reversed_empty_ranges, reason = "what cannot be read is no core")]
        _ => 1..=0,
    }
}
