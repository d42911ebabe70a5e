//! The processes of one browser, as the system lists them. Ends only members of the group that we started.

use std::{fs, path::Path, process};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A browser's processes: those of the group that its first one leads.
#[derive(Debug, Clone, Copy)]
pub struct Processes {
    leader: u32,
}

/// What is asked of `/proc/<pid>/stat`.
struct Stat {
    state: char,
    group: u32,
    started: u64,
}

impl Processes {
    /// Those that this one leads.
    pub fn led_by(leader: u32) -> Self {
        Self { leader }
    }

    /// Who is left, zombies aside.
    pub fn list(self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| stat(*pid).is_some_and(|stat| stat.group == self.leader && stat.state != 'Z'))
            .collect()
    }

    /// Ends all of them at once, and says how many there were.
    pub fn end(self) -> usize {
        let there = self.list();
        for pid in &there {
            if let Ok(pid) = i32::try_from(*pid) {
                // One that ended by itself meanwhile is as good.
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        there.len()
    }

    /// Their proportional set size in MiB.
    pub fn memory_mib(self) -> u64 {
        self.list().into_iter().map(memory_kib).sum::<u64>() / 1024
    }
}

/// The start of the name of every folder of this process: its id and its start, which no other process shares.
pub fn own_folder_name() -> String {
    let pid = process::id();
    format!("{pid}-{}-", stat(pid).map_or(0, |stat| stat.started))
}

/// Whether the process that made a folder of this name still lives.
pub fn maker_lives(folder: &str) -> bool {
    let mut parts = folder.split('-');
    let pid = parts.next().and_then(|part| part.parse::<u32>().ok());
    let started = parts.next().and_then(|part| part.parse::<u64>().ok());
    let (Some(pid), Some(started)) = (pid, started) else { return true };
    stat(pid).is_some_and(|stat| stat.started == started && stat.state != 'Z')
}

/// The command's name, which may hold anything, stands in parentheses; the rest is numbers.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.get(text.rfind(')')? + 2..)?.split(' ').collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

/// Shared pages are counted in parts. Where the system does not tell, what only this process has.
fn memory_kib(pid: u32) -> u64 {
    let folder = format!("/proc/{pid}");
    let folder = Path::new(&folder);
    let rollup = fs::read_to_string(folder.join("smaps_rollup")).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse().ok()
    });
    rollup
        .or_else(|| {
            let text = fs::read_to_string(folder.join("statm")).ok()?;
            let mut pages = text.split(' ').skip(1).filter_map(|field| field.parse::<u64>().ok());
            Some(pages.next()?.saturating_sub(pages.next()?) * 4)
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_folders_are_ours_and_strangers_are_left_alone() {
        assert!(maker_lives(&format!("{}0", own_folder_name())));
        assert!(maker_lives("lost+found"));
        assert!(!maker_lives(&format!("{}-1-0", process::id())));
    }

    #[test]
    fn our_own_memory_is_counted() {
        assert!(memory_kib(process::id()) > 500);
    }
}
