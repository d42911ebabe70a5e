//! `keys-rotate`: how long `keys rotate` takes over 100,000 stores while the service serves their sessions, on both databases.
//!
//! The first run moves the rows to a second key, the next one to a third: the service runs with the new key and the one before. Each
//! answer must be 200 and hold the session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinHandle;

use crate::figures::{median, ms, percentile};
use crate::lab::{Database, Lab};
use crate::load::{Client, logins};
use crate::rows::Rows;
use crate::seed;

const STORES: usize = 100_000;
const RUNS: usize = 3;
/// How long a rotation may take.
const LIMIT: f64 = 60.0;
/// Reads a second in all.
const RATE: u32 = 1000;
const CONNECTIONS: usize = 8;

pub async fn run() -> Result<()> {
    println!(
        "keys-rotate: {STORES} stores, {RATE} session reads/s on {CONNECTIONS} connections meanwhile, load on the same cores"
    );
    let mut missed = Vec::new();
    for database in [Database::Sqlite, Database::Postgres] {
        let mut lab = Lab::start(database).await?;
        let signed_in = logins(lab.addr, &lab.api_key, lab.accounts("rotate", 1), 1).await?;
        ensure!(signed_in.bad == 0, "the login did not succeed");
        lab.stop_service()?;
        seed::stores(&lab, STORES - 1).await?;
        let mut seconds = Vec::new();
        for run in 1..=RUNS {
            let done = rotation(&mut lab).await?;
            println!("  {database:?} run {run}: {}", done.told());
            if done.failed + done.behind > 0 || done.moved < STORES || done.reads == 0 {
                missed.push(format!("{database:?} run {run}"));
            }
            seconds.push(done.seconds);
        }
        let middle = median(seconds);
        println!("  {database:?}: median {middle:.1} s, limit {LIMIT} s");
        if middle > LIMIT {
            missed.push(format!("{database:?} within {LIMIT} s"));
        }
    }
    ensure!(missed.is_empty(), "missed: {}", missed.join(", "));
    Ok(())
}

/// What a rotation came to.
struct Done {
    seconds: f64,
    moved: usize,
    behind: usize,
    reads: usize,
    failed: usize,
    /// Of the reads, sorted.
    latencies: Vec<Duration>,
}

impl Done {
    fn told(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let rate = self.moved as f64 / self.seconds;
        format!(
            "{:.1} s, {} rows, {rate:.0} rows/s, {} rows behind; {} reads, {} failed, p50 {}, p99 {}",
            self.seconds,
            self.moved,
            self.behind,
            self.reads,
            self.failed,
            ms(percentile(&self.latencies, 0.5)),
            ms(percentile(&self.latencies, 0.99)),
        )
    }
}

/// Starts the service with a new key first, and moves everything to it while sessions are read.
async fn rotation(lab: &mut Lab) -> Result<Done> {
    lab.add_key()?;
    lab.start_service().await?;
    let uids = lab.uids().await?;
    ensure!(uids.len() == STORES, "{} stores instead of {STORES}", uids.len());
    let readers = Readers::start(lab, uids).await?;

    let mut command = lab.command()?;
    command.args(["keys", "rotate", "--json"]);
    let began = Instant::now();
    let ran = tokio::task::spawn_blocking(move || command.output()).await??;
    let seconds = began.elapsed().as_secs_f64();

    let (reads, failed, latencies) = readers.end().await?;
    lab.stop_service()?;
    let told = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "keys rotate ended with {}: {told}", ran.status);
    let told: serde_json::Value = serde_json::from_slice(&ran.stdout).context("keys rotate --json")?;
    let number =
        |name: &str| told[name].as_u64().and_then(|number| usize::try_from(number).ok()).context("a number");
    // Not only by its own word.
    let newest = told["fingerprint"].as_str().context("a fingerprint")?;
    let counted = format!("select count(*) from kaspi_stores where coalesce(auth_key_id, '') <> '{newest}'");
    let behind = Rows::of(lab).await?.number(&counted).await?;
    let behind = number("rows_behind")?.max(usize::try_from(behind)?);
    Ok(Done { seconds, moved: number("moved")?, behind, reads, failed, latencies })
}

/// Who reads sessions, in turn, at a rate, until they are told to end.
struct Readers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Result<Reads>>>,
}

/// How many, how many of them failed, and each one's time.
type Reads = (usize, usize, Vec<Duration>);

impl Readers {
    async fn start(lab: &Lab, uids: Vec<String>) -> Result<Self> {
        let paths: Arc<Vec<_>> =
            Arc::new(uids.iter().map(|uid| format!("/v1/stores/{uid}/session")).collect());
        let sign = Arc::new(sign(lab, &paths[0]).await?);
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let began = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut client = Client::connect(lab.addr, &lab.api_key).await?;
            let (paths, sign) = (Arc::clone(&paths), Arc::clone(&sign));
            let (stop, next) = (Arc::clone(&stop), Arc::clone(&next));
            tasks.push(tokio::spawn(async move {
                let (mut reads, mut failed, mut latencies) = (0, 0, Vec::new());
                while !stop.load(Ordering::Acquire) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let due = began + Duration::from_secs(1) / RATE * u32::try_from(number)?;
                    tokio::time::sleep_until(due.into()).await;
                    // All over the table: what is being moved, what was and what will be. 7919 divides no number of stores here.
                    let (status, body) = client.get(&paths[number.wrapping_mul(7919) % paths.len()]).await?;
                    latencies.push(due.elapsed());
                    reads += 1;
                    let whole = body.windows(sign.len()).any(|part| part == sign.as_bytes());
                    failed += usize::from(status != 200 || !whole);
                }
                Ok((reads, failed, latencies))
            }));
        }
        Ok(Self { stop, tasks })
    }

    async fn end(self) -> Result<Reads> {
        self.stop.store(true, Ordering::Release);
        let mut all = (0, 0, Vec::new());
        for task in self.tasks {
            let (reads, failed, latencies) = task.await.context("a reader")??;
            all.0 += reads;
            all.1 += failed;
            all.2.extend(latencies);
        }
        all.2.sort_unstable();
        Ok(all)
    }
}

/// The value of a cookie that every session here has.
async fn sign(lab: &Lab, path: &str) -> Result<String> {
    let (status, body) = Client::connect(lab.addr, &lab.api_key).await?.get(path).await?;
    ensure!(status == 200, "a session is answered with {status}");
    let session: serde_json::Value = serde_json::from_slice(&body)?;
    let cookies = session["cookies"].as_array().context("cookies")?;
    let values = cookies.iter().filter_map(|cookie| cookie["value"].as_str());
    let longest = values.max_by_key(|value| value.len()).context("a cookie")?;
    ensure!(!longest.is_empty(), "the session's cookies are empty");
    Ok(longest.to_owned())
}
