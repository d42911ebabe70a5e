//! `gateway`: what a call of the cabinet through the service costs over a call without it, on both databases.
//!
//! The portal is a light stand-in in this process. The Python service has no gateway: who used it read the cookies there and called the
//! cabinet itself, so that is what stands beside.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::figures::{median, ms};
use crate::lab::{Database, Lab};
use crate::limits::Limits;
use crate::load::{Caller, Client, gets, logins};
use crate::peer::{Environment, Peer};
use crate::{cores, stand_in};

const STORES: usize = 100;
const CONNECTIONS: usize = 32;
const DURATION: Duration = Duration::from_secs(5);
const RUNS: usize = 3;
/// The longest that it may add, in milliseconds.
const OVERHEAD: f64 = 1.0;
/// Requests a second that must be reached.
const FULL: f64 = 5000.0;

/// What the runs came to, a value each; times are medians in milliseconds.
#[derive(Default)]
struct Figures {
    direct: Vec<f64>,
    through: Vec<f64>,
    rates: Vec<f64>,
    peer: Vec<f64>,
}

pub async fn run() -> Result<()> {
    cores::confine()?;
    let environment = Environment::make()?;
    println!(
        "gateway: GET /v1/stores/{{uid}}/cabinet{}, {STORES} stores; stand-in portal and load on the same cores",
        stand_in::PATH
    );
    let mut limits = Limits::default();
    for database in [Database::Sqlite, Database::Postgres] {
        measure(database, &environment, &mut limits).await?;
    }
    limits.verdict()
}

async fn measure(database: Database, environment: &Environment, limits: &mut Limits) -> Result<()> {
    let mut lab = Lab::start(database).await?;
    let signed_in = logins(lab.addr, &lab.api_key, lab.accounts("gateway", STORES), 8).await?;
    ensure!(signed_in.bad == 0, "{} logins did not succeed", signed_in.bad);
    let uids = lab.uids().await?;
    // The peer knows PostgreSQL alone.
    let peer = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(Peer::beside(environment, &lab).await?),
    };
    lab.stop_service()?;
    let portal = stand_in::start().await?;
    // The same host on another port, so that the cookies fit.
    let cabinet = lab.sandbox.origins().cabinet;
    let (host, _) = cabinet.rsplit_once(':').context("a port")?;
    lab.set("KASPI_AUTH__PORTAL__CABINET_URL", &format!("{host}:{}", portal.port()));
    // The stand-in knows no merchant: nobody is to look there.
    lab.set("KASPI_AUTH__KEEPING__ENABLED", &false);
    lab.set("KASPI_AUTH__GATEWAY__OTHERS_PER_SECOND", &0);
    let key = lab.new_key("gateway", &["--scope", "cabinet:call", "--cabinet-path", stand_in::PATH])?;
    lab.start_service().await?;

    let through = Caller::with_key(lab.addr, &key);
    let direct = Caller::with_cookie(portal, "mc-sid=bench");
    let paths = |before: &str, after: &str| -> Arc<Vec<String>> {
        Arc::new(uids.iter().map(|uid| format!("{before}{uid}{after}")).collect())
    };
    let ours = paths("/v1/stores/", &format!("/cabinet{}", stand_in::PATH));
    let (bare, stored) = (Arc::new(vec![stand_in::PATH.to_owned()]), paths("/session-cookies/", ""));
    let (status, body) = Client::of(&through).await?.get(&ours[0]).await?;
    ensure!(status == 200 && body == stand_in::BODY, "{status}: {}", String::from_utf8_lossy(&body));
    // A first round that does not count: connections, caches.
    gets(&through, Arc::clone(&ours), CONNECTIONS, Duration::from_secs(1), None).await?;

    let mut figures = Figures::default();
    for run in 1..=RUNS {
        let without = gets(&direct, Arc::clone(&bare), 1, DURATION, None).await?;
        let with = gets(&through, Arc::clone(&ours), 1, DURATION, None).await?;
        let full = gets(&through, Arc::clone(&ours), CONNECTIONS, DURATION, None).await?;
        let bad = without.bad + with.bad + full.bad;
        ensure!(bad == 0, "{bad} answers were not 200");
        println!(
            "  {database:?} run {run}: one at a time p50 {} without, {} through the gateway (p99 {}); {CONNECTIONS} connections: {:.0} requests/s, p50 {}, p99 {}",
            ms(without.p50()),
            ms(with.p50()),
            ms(with.p99()),
            full.rate(),
            ms(full.p50()),
            ms(full.p99())
        );
        figures.direct.push(millis(without.p50()));
        figures.through.push(millis(with.p50()));
        figures.rates.push(full.rate());
        if let Some(peer) = &peer {
            let theirs = gets(&Caller::plain(peer.addr), Arc::clone(&stored), 1, DURATION, None).await?;
            ensure!(theirs.bad == 0, "{} answers of the peer were not 200", theirs.bad);
            println!("    peer: the session is read in p50 {}", ms(theirs.p50()));
            figures.peer.push(millis(theirs.p50()));
        }
    }
    judge(database, figures, limits);
    Ok(())
}

fn judge(database: Database, figures: Figures, limits: &mut Limits) {
    let (direct, through) = (median(figures.direct), median(figures.through));
    limits.shown(&format!("{database:?}: a call without the gateway, median"), direct, "ms");
    limits.at_most(&format!("{database:?}: the gateway adds, median"), through - direct, "ms", OVERHEAD);
    limits.at_least(
        &format!("{database:?}: calls through the gateway"),
        median(figures.rates),
        "requests/s",
        FULL,
    );
    if !figures.peer.is_empty() {
        let theirs = median(figures.peer) + direct;
        limits.shown("peer: read the session and call the cabinet oneself, median", theirs, "ms");
        limits.shown("  ours by the peer's", through / theirs, "times");
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
