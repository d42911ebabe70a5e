//! `session-read`: how fast live sessions are served from memory, on both databases, and by the Python service beside it.
//!
//! A session that was last seen alive longer ago than the caller allows is looked at first; what is measured is the reading, so
//! all are looked at shortly before, and none while the clock runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::figures::{median, ms};
use crate::lab::{Database, Lab};
use crate::limits::Limits;
use crate::load::{Caller, Client, gets, logins};
use crate::peer::{Environment, Peer};
use crate::{cores, metrics};

const STORES: usize = 1000;
const CONNECTIONS: usize = 32;
const DURATION: Duration = Duration::from_secs(5);
const RUNS: usize = 3;
/// Requests a second that must be reached.
const FULL: f64 = 30_000.0;
/// Half of that: the rate at which latency is looked at.
const HALF: u32 = 15_000;
/// The longest 99th percentile at that rate, in milliseconds.
const P99: f64 = 5.0;
/// Exchanges with the portal so far.
const EXCHANGES: &str = "kaspi_auth_portal_exchange_seconds_count";

/// What the runs came to, a value each.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    p99s: Vec<f64>,
    /// The peer's stored sessions, without a look at the portal.
    peer_stored: Vec<f64>,
    /// The peer's usual answer, which asks the portal every time.
    peer_usual: Vec<f64>,
}

pub async fn run() -> Result<()> {
    cores::confine()?;
    let environment = Environment::make()?;
    println!(
        "session-read: GET /v1/stores/{{uid}}/session?max_age=60s, {STORES} stores, {CONNECTIONS} connections, load on the same cores"
    );
    let mut limits = Limits::default();
    for database in [Database::Sqlite, Database::Postgres] {
        let lab = Lab::start(database).await?;
        let signed_in = logins(lab.addr, &lab.api_key, lab.accounts("read", STORES), 32).await?;
        ensure!(signed_in.bad == 0, "{} logins did not succeed", signed_in.bad);
        let uids = lab.uids().await?;
        ensure!(uids.len() == STORES, "{} stores instead of {STORES}", uids.len());
        // The peer knows PostgreSQL alone.
        let peer = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Peer::beside(&environment, &lab).await?),
        };
        let figures = runs(&lab, &uids, peer.as_ref()).await?;
        judge(database, figures, &mut limits);
    }
    limits.verdict()
}

async fn runs(lab: &Lab, uids: &[String], peer: Option<&Peer>) -> Result<Figures> {
    let database = lab.database();
    let ours = paths(uids, "/v1/stores/", "/session?max_age=60s");
    // Fresh enough then for the runs that follow.
    let look = paths(uids, "/v1/stores/", "/session?max_age=15s");
    let stored = paths(uids, "/session-cookies/", "");
    let usual = paths(uids, "/api/kaspi/auth/session/", "");
    let caller = Caller::with_key(lab.addr, &lab.api_key);
    let mut client = Client::of(&caller).await?;
    let mut figures = Figures::default();
    for run in 1..=RUNS {
        for path in look.iter() {
            let (status, _) = client.get(path).await?;
            ensure!(status == 200, "{path} answers {status}");
        }
        let before = metrics::sum(&mut client, EXCHANGES).await?;
        let full = gets(&caller, Arc::clone(&ours), CONNECTIONS, DURATION, None).await?;
        let half = gets(&caller, Arc::clone(&ours), CONNECTIONS, DURATION, Some(HALF)).await?;
        ensure!(full.bad + half.bad == 0, "{} answers were not 200", full.bad + half.bad);
        let asked = metrics::sum(&mut client, EXCHANGES).await? - before;
        ensure!(asked < 1.0, "the portal was asked {asked:.0} times: not all came from memory");
        println!(
            "  {database:?} run {run}: {:.0} requests/s, p50 {}; at {HALF}/s: reached {:.0}/s, p50 {}, p99 {}",
            full.rate(),
            ms(full.p50()),
            half.rate(),
            ms(half.p50()),
            ms(half.p99())
        );
        figures.rates.push(full.rate());
        figures.p99s.push(half.p99().as_secs_f64() * 1000.0);
        if let Some(peer) = peer {
            for (what, paths, rates) in
                [("stored", &stored, &mut figures.peer_stored), ("usual", &usual, &mut figures.peer_usual)]
            {
                let theirs =
                    gets(&Caller::plain(peer.addr), Arc::clone(paths), CONNECTIONS, DURATION, None).await?;
                ensure!(theirs.bad == 0, "{} answers of the peer were not 200", theirs.bad);
                println!("    peer, {what}: {:.0} requests/s, p50 {}", theirs.rate(), ms(theirs.p50()));
                rates.push(theirs.rate());
            }
        }
    }
    Ok(figures)
}

fn judge(database: Database, figures: Figures, limits: &mut Limits) {
    let rate = median(figures.rates);
    limits.at_least(&format!("{database:?}: session reads"), rate, "requests/s", FULL);
    limits.at_most(&format!("{database:?}: p99 at {HALF} requests/s"), median(figures.p99s), "ms", P99);
    for (what, rates) in [
        ("the stored session, without a look at the portal", figures.peer_stored),
        ("its usual answer, which asks the portal every time", figures.peer_usual),
    ] {
        if !rates.is_empty() {
            let theirs = median(rates);
            limits.shown(&format!("peer: {what}"), theirs, "requests/s");
            limits.shown("  ours by the peer's", rate / theirs, "times");
        }
    }
}

/// An address of every store.
fn paths(uids: &[String], before: &str, after: &str) -> Arc<Vec<String>> {
    Arc::new(uids.iter().map(|uid| format!("{before}{uid}{after}")).collect())
}
