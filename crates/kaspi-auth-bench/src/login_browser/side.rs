//! The service and its peer as the load sees them: the same sign-ins, each in its own words. Judges nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::load::Client;
use crate::tree;

/// How long the pool of warm pages may take to fill.
const FILLING: Duration = Duration::from_mins(1);
/// The pool counts as filled when it was so this many times in a row.
const SETTLED: usize = 3;

/// One of those that are compared.
#[derive(Clone)]
pub struct Side {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its process; its browser descends from it.
    pub pid: u32,
    /// Our service's key; the peer has none.
    pub api_key: Option<String>,
}

/// What a load came to.
pub struct Load {
    /// Each sign-in's time, in the order of their ends, without those of the head start.
    pub latencies: Vec<Duration>,
    /// Sign-ins a minute after the head start.
    pub per_minute: f64,
    /// CPU time of the service and its browser for each sign-in.
    pub cpu: Duration,
    /// Cores that the service and its browser kept busy.
    pub cores: f64,
    /// Cores that neither they nor this process kept busy, but others: the database, and whatever else runs here.
    pub others: f64,
}

impl Side {
    /// Signs the account in; the time from the call to the stored session.
    pub async fn sign_in(&self, client: &mut Client, email: &str) -> Result<Duration> {
        let (path, engine) = match self.api_key {
            Some(_) => ("/v1/logins?wait=60s", r#","engine":"browser""#),
            None => ("/api/kaspi/auth/login", ""),
        };
        let body = format!(r#"{{"email":"{email}","password":"sandbox-password"{engine}}}"#);
        let begun = Instant::now();
        let (status, body) = client.post(path, body).await?;
        let took = begun.elapsed();
        let told = String::from_utf8_lossy(&body);
        let answer: serde_json::Value =
            serde_json::from_slice(&body).with_context(|| format!("{status}: {told}"))?;
        let good = match self.api_key {
            Some(_) => status == 201 && answer["state"] == "succeeded",
            None => status == 200 && answer["success"] == true,
        };
        ensure!(good, "a login did not succeed ({status}): {told}");
        Ok(took)
    }

    /// A connection to it.
    pub async fn client(&self) -> Result<Client> {
        Client::connect(self.addr, self.api_key.as_deref().unwrap_or_default()).await
    }

    /// Waits until `wanted` pages are warm and none is on the way, so that the next measurement begins with all of them.
    pub async fn warm(&self, wanted: usize) -> Result<()> {
        let mut client = self.client().await?;
        let deadline = Instant::now() + FILLING;
        let mut seen = 0;
        while Instant::now() < deadline {
            let (_, body) = client.get("/metrics").await?;
            let text = String::from_utf8_lossy(&body).into_owned();
            let warm = gauge(&text, r#"kaspi_auth_browser_contexts{state="warm"}"#);
            let warming = gauge(&text, r#"kaspi_auth_browser_contexts{state="warming"}"#);
            #[expect(clippy::cast_precision_loss, reason = "a handful")]
            let filled = warm >= wanted as f64 && warming == 0.0;
            seen = if filled { seen + 1 } else { 0 };
            if seen == SETTLED {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        bail!("the pool of {wanted} warm pages did not fill")
    }

    /// Signs the accounts in, `in_flight` at once. The first `head_start` to end do not count: they may have found what
    /// was made before the clock ran, which no load that lasts finds.
    pub async fn load(&self, emails: Vec<String>, in_flight: usize, head_start: usize) -> Result<Load> {
        let count = emails.len();
        ensure!(count > head_start, "more sign-ins than the head start");
        let mut clients = Vec::new();
        for _ in 0..in_flight {
            clients.push(self.client().await?);
        }
        let (emails, next) = (Arc::new(emails), Arc::new(AtomicUsize::new(0)));
        let (begun, before) = (Instant::now(), tree::cpu(self.pid));
        let (machine, own) = (tree::machine()?, tree::cpu_alone(std::process::id()));
        let mut tasks = Vec::new();
        for mut client in clients {
            let (side, emails, next) = (self.clone(), Arc::clone(&emails), Arc::clone(&next));
            tasks.push(tokio::spawn(async move {
                let mut ends = Vec::new();
                while let Some(email) = emails.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let took = side.sign_in(&mut client, email).await?;
                    ends.push((Instant::now(), took));
                }
                anyhow::Ok(ends)
            }));
        }
        let mut ends = Vec::new();
        for task in tasks {
            ends.extend(task.await.context("a connection's task")??);
        }
        let took = begun.elapsed().as_secs_f64();
        let used = tree::cpu(self.pid).saturating_sub(before);
        let own = tree::cpu_alone(std::process::id()).saturating_sub(own);
        let others = tree::machine()?.saturating_sub(machine).saturating_sub(used + own).as_secs_f64() / took;
        let (cpu, cores) = (used / u32::try_from(count)?, used.as_secs_f64() / took);
        ends.sort_unstable();
        let (from, last) = (ends[head_start.saturating_sub(1)].0, ends[count - 1].0);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let per_minute = (count - head_start.max(1)) as f64 / (last - from).as_secs_f64() * 60.0;
        let latencies = ends.into_iter().skip(head_start).map(|(_, took)| took).collect();
        Ok(Load { latencies, per_minute, cpu, cores, others })
    }
}

fn gauge(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
}
