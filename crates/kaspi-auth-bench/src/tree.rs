//! What a process and all that descend from it take: memory as PSS, CPU time. Reads `/proc`, so Linux only.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Clock ticks a second in `/proc`: fixed by the kernel's interface to programs.
const TICKS: u64 = 100;

/// One line of `/proc/<pid>/stat`, as far as it is read.
struct Stat {
    parent: u32,
    /// Its own time and that of its children which have ended, in ticks.
    ticks: u64,
    /// Its own time alone.
    own: u64,
}

/// The proportional set size of the tree in MiB: what is shared counts once, in parts.
pub fn pss_mib(root: u32) -> f64 {
    let kib: f64 = members(root)
        .into_iter()
        .filter_map(|pid| {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        })
        .sum();
    kib / 1024.0
}

/// CPU time that the tree has taken so far, with that of its members which have ended.
pub fn cpu(root: u32) -> Duration {
    let all = processes();
    let ticks: u64 = descendants(root, &all).into_iter().filter_map(|pid| Some(all.get(&pid)?.ticks)).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// CPU time that one process has taken so far, without those that it started.
pub fn cpu_alone(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    Duration::from_millis(read(&stat).map_or(0, |stat| stat.own) * 1000 / TICKS)
}

/// Which process started this one.
pub fn parent(pid: u32) -> Result<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(read(&stat).context("the fields")?.parent)
}

/// CPU time that all programs of this machine have taken so far.
pub fn machine() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("the first line")?;
    let fields: Vec<u64> = line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?;
    // user, nice, system, and past idle and its waiting: interrupts. What guests took is part of user.
    let ticks: u64 =
        fields.iter().take(7).enumerate().filter(|(index, _)| !matches!(index, 3 | 4)).map(|(_, t)| t).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// Resident memory of one process in MiB (`VmRSS`).
pub fn resident_mib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
    let kib: f64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
    Ok(kib / 1024.0)
}

fn members(root: u32) -> Vec<u32> {
    descendants(root, &processes())
}

fn processes() -> HashMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, read(&fs::read_to_string(entry.path().join("stat")).ok()?)?))
        })
        .collect()
}

/// The fields stand behind the name, which may hold spaces and brackets.
fn read(stat: &str) -> Option<Stat> {
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let sum = |fields: &[&str]| fields.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Stat { parent, ticks: sum(fields.get(11..15)?), own: sum(fields.get(11..13)?) })
}

fn descendants(root: u32, all: &HashMap<u32, Stat>) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, stat) in all {
        children.entry(stat.parent).or_default().push(*pid);
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children.remove(&pid).unwrap_or_default());
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_move_the_fields() {
        let stat = read("7 (a) (b c) S 5 1 1 0 -1 0 0 0 0 0 10 20 3 4 20 0 1 0 9").unwrap();
        assert_eq!((stat.parent, stat.ticks, stat.own), (5, 37, 30));
    }

    #[test]
    fn the_tree_of_this_process_has_a_size() {
        let own = std::process::id();
        assert!(pss_mib(own) > 0.5);
        assert!(members(own).contains(&own));
    }
}
