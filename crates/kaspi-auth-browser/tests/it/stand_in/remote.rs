//! A browser that listens at an address, as a service elsewhere has them.

use std::process::Stdio;

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::harness::browser;

/// A browser with a WebSocket. Fields drop in this order: the processes before their folder.
pub struct RemoteBrowser {
    pub endpoint: String,
    process: Child,
    _folder: TempDir,
}

impl RemoteBrowser {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(browser())
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let endpoint = loop {
            let line = lines.next_line().await.unwrap().expect("an address before its end");
            if let Some(endpoint) = line.strip_prefix("DevTools listening on ") {
                break endpoint.to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { endpoint, process, _folder: folder }
    }

    /// Ends all of it at once.
    pub fn kill(&self) {
        if let Some(pid) = self.process.id() {
            let _ = killpg(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL);
        }
    }
}

impl Drop for RemoteBrowser {
    fn drop(&mut self) {
        self.kill();
    }
}
