//! As much of a Selenium Grid as a session needs: one is made, kept alive and given back, and its browser is elsewhere.

use std::{collections::HashMap, io, sync::Arc};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::{RemoteBrowser, read_head, says};

#[derive(Default)]
struct Shared {
    sessions: Mutex<HashMap<String, RemoteBrowser>>,
    asked: Mutex<Vec<Value>>,
    /// What its next sessions lack.
    without_socket: bool,
}

/// A Grid that knows `grid` with the password `secret`.
pub struct StandInGrid {
    pub url: Url,
    shared: Arc<Shared>,
}

impl StandInGrid {
    pub async fn start(without_socket: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
        let shared = Arc::new(Shared { without_socket, ..Shared::default() });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(serving.clone(), stream));
            }
        });
        Self { url: Url::parse(&url).unwrap(), shared }
    }

    /// What was asked for.
    pub fn asked(&self) -> Vec<Value> {
        self.shared.asked.lock().clone()
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.shared.sessions.lock().len()
    }

    /// The browsers of all sessions die.
    pub fn kill_browsers(&self) {
        self.shared.sessions.lock().values().for_each(RemoteBrowser::kill);
    }
}

async fn answer(shared: Arc<Shared>, mut stream: TcpStream) -> io::Result<()> {
    let (head, mut body) = read_head(&mut stream).await?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut rest = vec![0; length.unwrap_or_default().saturating_sub(body.len())];
    stream.read_exact(&mut rest).await?;
    body.extend(rest);
    let mut parts = head.split(' ');
    let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (status, value) = if says(&head, "authorization", "grid", "secret") {
        shared.webdriver(method, path, &body).await
    } else {
        (401, json!({"error": "unauthorized"}))
    };
    let body = json!({"value": value}).to_string();
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
    stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n{body}").as_bytes()).await
}

impl Shared {
    async fn webdriver(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        match (method, path.split('/').collect::<Vec<_>>().as_slice()) {
            ("POST", ["", "session"]) => {
                let asked: Value = serde_json::from_slice(body).unwrap();
                self.asked.lock().push(asked["capabilities"]["alwaysMatch"].clone());
                let browser = RemoteBrowser::start().await;
                let id = format!("session-{}", self.asked.lock().len());
                let mut capabilities = json!({"browserName": "chrome"});
                if !self.without_socket {
                    capabilities["se:cdp"] = json!(browser.endpoint);
                }
                self.sessions.lock().insert(id.clone(), browser);
                (200, json!({"sessionId": id, "capabilities": capabilities}))
            }
            ("DELETE", ["", "session", id]) if self.sessions.lock().remove(*id).is_some() => {
                (200, Value::Null)
            }
            ("GET", ["", "session", id, _]) if self.sessions.lock().contains_key(*id) => (200, json!({})),
            _ => (404, json!({"error": "invalid session id"})),
        }
    }
}
