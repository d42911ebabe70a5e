//! Browsers under test: the settings that switch them on, and what the system lists of their processes. Ends only processes of
//! browsers that the test's own services started.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use kaspi_auth::config::BrowserMode;
use kaspi_auth::config::Config;
use kaspi_auth_browser::{Figures, find_browser};
use serde_json::{Value, json};

use crate::harness::{Node, PASSWORD, eventually, until};

/// Switches browsers on: one, that starts with the first login, and keeps a page warm.
pub fn on(config: &mut Config) {
    config.browser.mode = BrowserMode::OnDemand;
    config.browser.min_warm = 1;
    config.browser.max_running = 4;
}

/// As [`on`], without a warm page: the first document that is asked for is the login's, as the portal shows it then.
pub fn cold(config: &mut Config) {
    on(config);
    config.browser.min_warm = 0;
    config.browser.page_timeout_seconds = 6;
}

/// As [`on`], in the environment of a process. Profiles live in `folder`.
pub fn on_for<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let binary = find_browser(None).expect("a Chromium must be installed: cargo xtask test brings one");
    command
        .env("KASPI_AUTH__BROWSER__MODE", "on_demand")
        .env("KASPI_AUTH__BROWSER__MIN_WARM", "1")
        .env("KASPI_AUTH__BROWSER__BINARY", binary)
        .env("TMPDIR", folder)
}

/// A login that is to be driven by a browser.
pub fn by_browser(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "engine": "browser"})
}

/// How the node's farm stands.
#[track_caller]
pub fn farm(node: &Node) -> Figures {
    sleeping(node).expect("the browsers of this node sleep")
}

/// As [`farm`]; `None` while no login has needed a browser.
pub fn sleeping(node: &Node) -> Option<Figures> {
    node.service().browser.as_ref().unwrap().figures()
}

/// A browser: its first process and its profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chromium {
    pid: u32,
    profile: PathBuf,
}

impl Chromium {
    /// The one that a node with one browser has, once it is up.
    pub async fn of(node: &Node) -> Self {
        eventually("the browser is up", async || Self::all_of(node).into_iter().next()).await
    }

    /// Those of a node that are up.
    pub fn all_of(node: &Node) -> BTreeSet<Self> {
        let shards = sleeping(node).unwrap_or_default().shards;
        shards.into_iter().filter_map(|shard| Self::at(shard.process?)).collect()
    }

    /// The one whose profile lives below a folder, once it is up.
    pub async fn below(folder: &Path) -> Self {
        let found =
            || everyone().into_iter().filter_map(Self::at).find(|one| one.profile.starts_with(folder));
        eventually("the browser is up", async || found()).await
    }

    fn at(pid: u32) -> Option<Self> {
        let arguments = arguments(pid);
        let profile = arguments.iter().find_map(|argument| argument.strip_prefix("--user-data-dir="))?;
        let leads = group(pid) == Some(pid);
        leads.then(|| Self { pid, profile: PathBuf::from(profile) })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// All its processes that are left.
    pub fn processes(&self) -> Vec<u32> {
        everyone().into_iter().filter(|pid| group(*pid) == Some(self.pid)).collect()
    }

    /// Those that hold pages.
    pub fn renderers(&self) -> Vec<u32> {
        let holds_pages = |pid: &u32| arguments(*pid).iter().any(|argument| argument == "--type=renderer");
        self.processes().into_iter().filter(holds_pages).collect()
    }

    /// Sends a signal to the browser itself. Debian starts it by a script, which is then the first process and does nothing more.
    pub fn signal(&self, name: &str) {
        let is_one = |pid: &u32| {
            let program = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            program.to_string_lossy().contains("chrom")
                && !arguments(*pid).iter().any(|argument| argument.starts_with("--type="))
        };
        self.processes().into_iter().filter(is_one).for_each(|pid| signal(pid, name));
    }

    /// `kill -9` of the browser itself.
    pub fn kill(&self) {
        self.signal("KILL");
    }

    /// `kill -9` of everything that holds a page.
    pub fn kill_renderers(&self) {
        self.renderers().into_iter().for_each(|pid| signal(pid, "KILL"));
    }

    /// Waits until no process of it is left.
    pub async fn has_ended(&self) {
        until("all processes of the browser are gone", || self.processes().is_empty()).await;
    }

    /// Waits until neither a process nor its profile is left.
    pub async fn has_left_nothing(&self) {
        self.has_ended().await;
        until("the browser's profile is gone", || !self.profile.exists()).await;
    }
}

/// One that is just ending may be gone already.
fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args(["-s", name, &pid.to_string()]).output().unwrap();
}

fn everyone() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

fn arguments(pid: u32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    // Some processes of a browser write their arguments as one line.
    let separator = |byte: &u8| *byte == 0 || *byte == b' ';
    let parts = bytes.split(separator).map(|part| String::from_utf8_lossy(part).into_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// The group of a process that lives.
fn group(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 2..)?.split(' ').collect();
    if *fields.first()? == "Z" { None } else { fields.get(2)?.parse().ok() }
}
