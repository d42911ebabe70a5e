//! `login-browser`: logins by a browser against the Python service that this project replaces, in turn in one run.
//!
//! Same sandbox, same browser's binary, same database server, same two cores. Every ratio has its limit; a missed one
//! is a failure.

mod memory;
mod side;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use kaspi_auth_browser::find_browser;

use crate::cores;
use crate::figures::median;
use crate::lab::{Database, Lab, new_postgres};
use crate::peer::{Environment, Mode, Peer, Start};
use side::{Load, Side};
use verdict::{Limit, Row, heading};

/// Pages that our service keeps warm.
const WARM: usize = 10;
/// Single logins in a round.
const SINGLE: [usize; 3] = [15, 2, 6];
/// Loads of a round: the first decides the latency under load, the better one the saturation.
const IN_FLIGHT: [usize; 2] = [8, 4];
/// Sign-ins of a load beside the head start: ours, the peer's.
const MANY: [usize; 2] = [90, 30];
/// What both sides are given as a head start: as much as may lie ready.
const HEAD_START: usize = WARM;

struct Options {
    binary: Option<PathBuf>,
    rounds: usize,
}

/// Everything that was measured, a value a round where nothing else is said.
#[derive(Default)]
struct Figures {
    /// Every single login in milliseconds: ours, pooled, tuned.
    single: [Vec<f64>; 3],
    /// Median latency of a round in milliseconds with eight in flight: ours, tuned.
    loaded: [Vec<f64>; 2],
    /// Logins a minute by number in flight: ours, tuned.
    rates: [[Vec<f64>; 2]; 2],
    /// CPU milliseconds of a login with eight in flight: ours, tuned.
    cpu: [Vec<f64>; 2],
}

pub async fn run(arguments: impl Iterator<Item = String>) -> Result<()> {
    let options = options(arguments)?;
    let browser = find_browser(options.binary.as_deref()).context("a Chromium: name one with --binary")?;
    cores::confine()?;
    let environment = Environment::make()?;
    println!(
        "login-browser: {} on both sides, {} rounds, {WARM} warm pages",
        browser.display(),
        options.rounds
    );
    let settings = vec![
        ("KASPI_AUTH__BROWSER__MODE", "warm".to_owned()),
        ("KASPI_AUTH__BROWSER__BINARY", browser.display().to_string()),
        ("KASPI_AUTH__BROWSER__MIN_WARM", WARM.to_string()),
        ("KASPI_AUTH__BROWSER__MAX_CONTEXTS", "40".to_owned()),
    ];
    let mut lab = Lab::start_with(Database::Postgres, settings).await?;
    let mut emails = lab.accounts("browser", 12_000).into_iter();
    let database_url = new_postgres("peer").await?;
    let (key, origins) = (lab.key().to_owned(), lab.sandbox.origins());
    let start = |mode| Start {
        mode,
        browser: &browser,
        database_url: &database_url,
        key: &key,
        login_url: &origins.login,
        cabinet_url: &origins.cabinet,
    };
    let pooled = Peer::start(&environment, &start(Mode::Pooled)).await?;
    let tuned = Peer::start(&environment, &start(Mode::Tuned)).await?;
    let ours = Side { addr: lab.addr, pid: lab.pid()?, api_key: Some(lab.api_key.clone()) };
    let sides = [ours, peer(&pooled), peer(&tuned)];
    let figures = rounds(&sides, &mut emails, options.rounds).await?;
    drop(pooled);
    let memory = memory::measure(&mut lab, &sides[2], &mut emails).await?;
    let rows = rows(figures, &memory);
    println!("{}", heading());
    for row in &rows {
        println!("{}", row.line());
    }
    let missed = rows.iter().filter(|row| !row.holds()).count();
    ensure!(missed == 0, "{missed} of the limits are missed");
    Ok(())
}

/// The sides in turn, round by round.
async fn rounds(
    sides: &[Side; 3],
    emails: &mut impl Iterator<Item = String>,
    rounds: usize,
) -> Result<Figures> {
    let mut figures = Figures::default();
    // A first login each, which no figure counts: caches, connections, tables.
    for side in sides {
        side.sign_in(&mut side.client().await?, &next(emails)?).await?;
    }
    for round in 1..=rounds {
        for (index, side) in sides.iter().enumerate() {
            for _ in 0..SINGLE[index] {
                sides[0].warm(WARM).await?;
                let took = side.sign_in(&mut side.client().await?, &next(emails)?).await?;
                figures.single[index].push(millis(took));
            }
        }
        for (number, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            for (index, side) in [&sides[0], &sides[2]].into_iter().enumerate() {
                sides[0].warm(WARM).await?;
                let accounts = (0..MANY[index] + HEAD_START).map(|_| next(emails)).collect::<Result<_>>()?;
                let Load { latencies, per_minute, cpu, cores, others } =
                    side.load(accounts, in_flight, HEAD_START).await?;
                let middle = median(latencies.into_iter().map(millis).collect());
                let name = ["ours", "tuned"][index];
                let cpu = millis(cpu);
                println!(
                    "  round {round}: {name}, {in_flight} in flight: {per_minute:.0} a minute, median {middle:.0} ms, CPU {cpu:.0} ms a login, {cores:.1} cores; others {others:.1} cores"
                );
                figures.rates[index][number].push(per_minute);
                if number == 0 {
                    figures.loaded[index].push(middle);
                    figures.cpu[index].push(cpu);
                }
            }
        }
    }
    Ok(figures)
}

fn rows(figures: Figures, memory: &memory::Memory) -> Vec<Row> {
    let [ours, pooled, tuned] = figures.single.map(median);
    let [ours_loaded, tuned_loaded] = figures.loaded.map(median);
    let [ours_rate, tuned_rate] =
        figures.rates.map(|by_number| by_number.into_iter().map(median).fold(f64::NAN, f64::max));
    let [ours_cpu, tuned_cpu] = figures.cpu.map(median);
    let row = |what, unit, ours, theirs, of, limit| Row { what, unit, ours, theirs, of, limit };
    let tuned_name = "tuned";
    vec![
        row("median login, page warm", "ms", ours, pooled, "pooled", Some(Limit::AtMost(0.04))),
        row("median login, page warm", "ms", ours, tuned, tuned_name, Some(Limit::AtMost(0.25))),
        row(
            "median login, 8 in flight",
            "ms",
            ours_loaded,
            tuned_loaded,
            tuned_name,
            Some(Limit::AtMost(0.4)),
        ),
        row(
            "logins a minute, 2 cores full",
            "",
            ours_rate,
            tuned_rate,
            tuned_name,
            Some(Limit::AtLeast(3.0)),
        ),
        row("CPU of a login, 8 in flight", "ms", ours_cpu, tuned_cpu, tuned_name, None),
        row(
            "memory of a warm context (peer: in flight)",
            "MiB",
            memory.warm,
            memory.theirs,
            tuned_name,
            Some(Limit::AtMost(1.0)),
        ),
        row(
            "memory of a login in flight",
            "MiB",
            memory.ours,
            memory.theirs,
            tuned_name,
            Some(Limit::AtMost(1.0)),
        ),
    ]
}

fn peer(peer: &Peer) -> Side {
    Side { addr: peer.addr, pid: peer.pid(), api_key: None }
}

fn next(emails: &mut impl Iterator<Item = String>) -> Result<String> {
    emails.next().context("an account that was not used yet: fewer rounds, please")
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options { binary: None, rounds: 3 };
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next()) {
            ("--binary", Some(path)) => options.binary = Some(path.into()),
            ("--rounds", Some(number)) => options.rounds = number.parse().context("--rounds: a number")?,
            _ => bail!("login-browser takes --binary PATH and --rounds N"),
        }
    }
    ensure!(options.rounds > 0, "--rounds: at least one");
    Ok(options)
}
