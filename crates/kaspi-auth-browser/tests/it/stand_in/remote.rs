//! A browser that listens at an address, as a service elsewhere has them.

use std::process::Stdio;

use futures_util::{SinkExt, StreamExt};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use crate::harness::{PATIENCE, browser};

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

    /// The way to it over a wire that can be cut.
    pub async fn over_wire(&self) -> Wire {
        let mut url = Url::parse(&self.endpoint).unwrap();
        let there = (url.host_str().unwrap().to_owned(), url.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let cuts = watch::Sender::new(0);
        let heard = cuts.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = TcpStream::connect(&there).await.unwrap();
                let mut cut = heard.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Wire { endpoint: url.into(), cuts, task }
    }

    /// Waits until nobody's context is left in it, as it says itself.
    pub async fn until_without_contexts(&self) {
        let url = Url::parse(&self.endpoint).unwrap();
        let stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(&self.endpoint, stream).await.unwrap();
        let mut left = String::new();
        let gone = tokio::time::timeout(PATIENCE, async {
            loop {
                let ask = r#"{"id":1,"method":"Target.getBrowserContexts"}"#;
                socket.send(Message::text(ask)).await.unwrap();
                left = socket.next().await.unwrap().unwrap().into_text().unwrap().to_string();
                if left.contains(r#""browserContextIds":[]"#) {
                    return;
                }
            }
        });
        assert!(gone.await.is_ok(), "contexts are left: {left}");
    }

    /// Ends all of it at once.
    pub fn kill(&self) {
        if let Some(pid) = self.process.id() {
            let _ = killpg(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL);
        }
    }
}

/// A wire to a browser that lives on when it is cut.
pub struct Wire {
    pub endpoint: String,
    cuts: watch::Sender<u32>,
    task: JoinHandle<()>,
}

impl Wire {
    /// Closes every connection that is open. The next ones are let through.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for RemoteBrowser {
    fn drop(&mut self) {
        self.kill();
    }
}
