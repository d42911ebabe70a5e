//! `scheduler`: what 100,000 stores cost while nothing is due, and how soon stores that are due are done.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::figures::median;
use crate::lab::{Database, Lab};
use crate::limits::Limits;
use crate::load::logins;
use crate::rows::Rows;
use crate::{cores, seed, tree};

const STORES: usize = 100_000;
/// Those that are made due.
const DUE: usize = 100;
/// After a start.
const WARM_UP: Duration = Duration::from_secs(20);
/// Longer than anything that comes round, save what comes round in an hour.
const IDLE: Duration = Duration::from_mins(1);
/// How often stores are made due.
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_mins(1);
/// Of one core, in percent.
const LIMIT: f64 = 5.0;
/// Longer than sessions go unseen, in microseconds.
const UNSEEN: i64 = 7 * 3_600_000_000;
/// Two months, in microseconds.
const FAR: i64 = 60 * 24 * 3_600_000_000;
/// A store that was looked at is not due again for longer than this; one that is only in the queue is, in case its job is lost.
const SETTLED: i64 = 3_600_000_000;

pub async fn run() -> Result<()> {
    cores::confine()?;
    println!(
        "scheduler: {STORES} stores that are alive, none due for {IDLE:?}; then {DUE} of them due at once"
    );
    let mut limits = Limits::default();
    for database in [Database::Sqlite, Database::Postgres] {
        measure(database, &mut limits).await?;
    }
    limits.verdict()
}

async fn measure(database: Database, limits: &mut Limits) -> Result<()> {
    // The portal is ours: what spares the real one would be all that is measured.
    let mut lab =
        Lab::start_with(database, vec![("KASPI_AUTH__KEEPING__LOOKS_PER_SECOND", "0".to_owned())]).await?;
    let signed_in = logins(lab.addr, &lab.api_key, lab.accounts("due", DUE), 8).await?;
    ensure!(signed_in.bad == 0, "{} logins did not succeed", signed_in.bad);
    lab.stop_service()?;
    let begun = Instant::now();
    seed::stores(&lab, STORES - DUE).await?;
    let mut rows = Rows::of(&lab).await?;
    let now = rows.number("select max(auth_checked_at) from kaspi_stores").await?;
    rows.write(format!("update kaspi_auth_keeping set due_at = {}", now + FAR)).await?;
    let count = rows.number("select count(*) from kaspi_stores where auth_validity = 'alive'").await?;
    ensure!(usize::try_from(count)? == STORES, "{count} stores instead of {STORES}");
    println!("  {database:?}: {STORES} stores written in {:.1} s", begun.elapsed().as_secs_f64());
    lab.start_service().await?;
    tokio::time::sleep(WARM_UP).await;

    let server = match database {
        Database::Sqlite => None,
        Database::Postgres => {
            Some(tree::parent(u32::try_from(rows.number("select pg_backend_pid()").await?)?)?)
        }
    };
    let (begun, own) = (Instant::now(), tree::cpu_alone(lab.pid()?));
    let (of_server, of_machine) = (server.map(tree::cpu), tree::machine()?);
    tokio::time::sleep(IDLE).await;
    let took = begun.elapsed();
    let share = |used: Duration| used.as_secs_f64() / took.as_secs_f64() * 100.0;
    let idle = share(tree::cpu_alone(lab.pid()?).saturating_sub(own));
    limits.at_most(&format!("{database:?}, nothing due: the service, of one core"), idle, "%", LIMIT);
    if let (Some(server), Some(before)) = (server, of_server) {
        let used = share(tree::cpu(server).saturating_sub(before));
        limits.shown(&format!("{database:?}, nothing due: the database server, of one core"), used, "%");
    }
    println!(
        "  {database:?}: idle {idle:.2} % of one core; the whole machine {:.0} %; memory {:.1} MiB",
        share(tree::machine()?.saturating_sub(of_machine)),
        lab.resident_mib()?
    );
    let mut seconds = Vec::new();
    for round in 1..=ROUNDS {
        let took = due(&mut rows).await?;
        println!("  {database:?} round {round}: {DUE} due stores looked at in {:.2} s", took.as_secs_f64());
        seconds.push(took.as_secs_f64());
    }
    limits.shown(&format!("{database:?}, {DUE} stores made due: until all are done"), median(seconds), "s");
    Ok(())
}

/// Makes those that signed in due; how long it takes until all were looked at and have their next time.
async fn due(rows: &mut Rows) -> Result<Duration> {
    let those = seed::SIGNED_IN;
    let before = rows.number(&format!("select max(auth_checked_at) from kaspi_stores where {those}")).await?;
    let unseen = before - UNSEEN;
    rows.write(format!(
        "update kaspi_stores set auth_checked_at = {unseen}, auth_signed_in_at = {unseen}, auth_revision = auth_revision + 1
          where {those}"
    ))
    .await?;
    let begun = Instant::now();
    rows.write(format!("update kaspi_auth_keeping set due_at = 0 where {those}")).await?;
    let done = format!(
        "select count(*) from kaspi_stores join kaspi_auth_keeping using (merchant_id)
          where {those} and auth_validity = 'alive' and auth_checked_at > {unseen} and due_at > {}",
        before + SETTLED
    );
    while usize::try_from(rows.number(&done).await?)? < DUE {
        ensure!(begun.elapsed() < PATIENCE, "the stores that are due were not done in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(begun.elapsed())
}
