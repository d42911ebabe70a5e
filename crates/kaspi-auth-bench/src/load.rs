//! A client on one connection, and load over many: closed loop for throughput, open loop at a rate for latency.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderName;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::figures::percentile;

/// Who calls whom.
#[derive(Clone)]
pub struct Caller {
    addr: SocketAddr,
    /// What the caller is known by.
    proof: Option<(HeaderName, String)>,
}

impl Caller {
    /// One that nobody asks who it is.
    pub fn plain(addr: SocketAddr) -> Self {
        Self { addr, proof: None }
    }

    /// One with an API key; an empty one is none.
    pub fn with_key(addr: SocketAddr, api_key: &str) -> Self {
        let proof = (!api_key.is_empty()).then(|| (header::AUTHORIZATION, format!("Bearer {api_key}")));
        Self { addr, proof }
    }

    /// One with a session.
    pub fn with_cookie(addr: SocketAddr, cookie: &str) -> Self {
        Self { addr, proof: Some((header::COOKIE, cookie.to_owned())) }
    }
}

/// One keep-alive connection.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    caller: Caller,
    host: String,
}

impl Client {
    /// Connects with an API key; an empty one is none.
    pub async fn connect(addr: SocketAddr, api_key: &str) -> Result<Self> {
        Self::of(&Caller::with_key(addr, api_key)).await
    }

    /// Connects.
    pub async fn of(caller: &Caller) -> Result<Self> {
        let stream = TcpStream::connect(caller.addr).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, caller: caller.clone(), host: caller.addr.to_string() })
    }

    /// GET; the status and the body.
    pub async fn get(&mut self, path: &str) -> Result<(u16, Bytes)> {
        self.send("GET", path, Bytes::new()).await
    }

    /// POST of JSON; the status and the body.
    pub async fn post(&mut self, path: &str, body: String) -> Result<(u16, Bytes)> {
        self.send("POST", path, body.into()).await
    }

    async fn send(&mut self, method: &str, path: &str, body: Bytes) -> Result<(u16, Bytes)> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.host);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some((name, value)) = &self.caller.proof {
            request = request.header(name, value);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, body))
    }
}

/// What a load came to.
pub struct Outcome {
    /// Requests answered 200.
    pub good: usize,
    /// All others.
    pub bad: usize,
    /// From the first to the last.
    pub took: Duration,
    /// Each request's time, sorted. In an open loop it counts from when the request was due.
    pub latencies: Vec<Duration>,
}

impl Outcome {
    /// Good answers a second.
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let good = self.good as f64;
        good / self.took.as_secs_f64()
    }

    /// The 99th percentile.
    pub fn p99(&self) -> Duration {
        percentile(&self.latencies, 0.99)
    }

    /// The median.
    pub fn p50(&self) -> Duration {
        percentile(&self.latencies, 0.5)
    }
}

/// GETs paths in turn from `connections` connections for `duration`; at `rate` a second in all, or as fast as it goes.
pub async fn gets(
    caller: &Caller,
    paths: Arc<Vec<String>>,
    connections: usize,
    duration: Duration,
    rate: Option<u32>,
) -> Result<Outcome> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(Client::of(caller).await?);
    }
    let started = Instant::now();
    for mut client in clients {
        let (paths, next) = (Arc::clone(&paths), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let (mut good, mut bad, mut latencies) = (0, 0, Vec::new());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let due = match rate {
                    Some(rate) => started + Duration::from_secs(1) / rate * u32::try_from(number)?,
                    None => Instant::now(),
                };
                if due.duration_since(started) >= duration {
                    return anyhow::Ok((good, bad, latencies));
                }
                if rate.is_some() {
                    tokio::time::sleep_until(due.into()).await;
                }
                let (status, _) = client.get(&paths[number % paths.len()]).await?;
                // The timer wakes up to a millisecond late; that is not the service's time, waiting for a connection is.
                let begun = if rate.is_some() { due } else { due.max(started) };
                latencies.push(begun.elapsed());
                if status == 200 { good += 1 } else { bad += 1 }
            }
        }));
    }
    collect(tasks, started).await
}

/// Signs the accounts in, `in_flight` at once, each waited for to its end.
pub async fn logins(
    addr: SocketAddr,
    api_key: &str,
    emails: Vec<String>,
    in_flight: usize,
) -> Result<Outcome> {
    let emails = Arc::new(emails);
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..in_flight {
        clients.push(Client::connect(addr, api_key).await?);
    }
    let started = Instant::now();
    let mut tasks = Vec::new();
    for mut client in clients {
        let (emails, next) = (Arc::clone(&emails), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let (mut good, mut bad, mut latencies) = (0, 0, Vec::new());
            while let Some(email) = emails.get(next.fetch_add(1, Ordering::Relaxed)) {
                let begun = Instant::now();
                let body = format!(r#"{{"email":"{email}","password":"sandbox-password"}}"#);
                let (status, body) = client.post("/v1/logins?wait=30s", body).await?;
                latencies.push(begun.elapsed());
                let login: serde_json::Value = serde_json::from_slice(&body)?;
                if status == 201 && login["state"] == "succeeded" { good += 1 } else { bad += 1 }
            }
            anyhow::Ok((good, bad, latencies))
        }));
    }
    collect(tasks, started).await
}

/// What each connection came to: good, bad, and each request's time.
type Share = (usize, usize, Vec<Duration>);

async fn collect(tasks: Vec<JoinHandle<Result<Share>>>, started: Instant) -> Result<Outcome> {
    let mut outcome = Outcome { good: 0, bad: 0, took: Duration::ZERO, latencies: Vec::new() };
    for task in tasks {
        let (good, bad, latencies) = task.await.context("a connection's task")??;
        outcome.good += good;
        outcome.bad += bad;
        outcome.latencies.extend(latencies);
    }
    outcome.took = started.elapsed();
    outcome.latencies.sort_unstable();
    Ok(outcome)
}
