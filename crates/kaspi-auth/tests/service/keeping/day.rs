//! A day in the life of many stores of all kinds, by a moved clock: sessions die, the login host forgets, and nobody is there. No
//! background work ever makes the portal send a code, and everything that can live, lives.

use jiff::SignedDuration;
use kaspi_sandbox::{AccountSpec, CodeRule};
use serde_json::json;

use super::{rows, serve, settle, sign_in_to};
use crate::harness::{Kind, PASSWORD, World};

/// How many stores; more than the default outlast the runner's patience.
const STORES: &str = "KASPI_AUTH_TEST_STORES";
const DAY: i64 = 24 * 60;
/// A step of the clock, in minutes.
const STEP: i64 = 30;
/// More than the day asks for: two memories of the login host end in it.
const PASSWORDS: u64 = 6;

/// Kinds of stores, by the last digit of their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A password, and a device that the portal knows.
    Device,
    /// A password, and never a code.
    Plain,
    Phone,
    /// A password and a mailed code; the device is lost.
    Code,
    /// The password was left out.
    LeftOut,
}

impl What {
    fn of(number: u64) -> Self {
        match number % 10 {
            0..4 => Self::Device,
            4 | 5 => Self::Plain,
            6 => Self::Phone,
            7 | 8 => Self::Code,
            _ => Self::LeftOut,
        }
    }

    /// Why it cannot be kept alive for a day.
    fn obstacle(self) -> Option<&'static str> {
        match self {
            Self::Device | Self::Plain => None,
            Self::Phone => Some("needs_code_sms"),
            Self::Code => Some("needs_code_email"),
            Self::LeftOut => Some("no_credentials"),
        }
    }
}

fn number_of(uid: &str) -> u64 {
    uid.parse::<u64>().unwrap() - 40_000_000
}

fn email(number: u64) -> String {
    format!("day-{number}@shop.test")
}

fn account(number: u64) -> (AccountSpec, serde_json::Value) {
    let uid = (40_000_000 + number).to_string();
    let what = What::of(number);
    let body = json!({"email": email(number), "password": PASSWORD, "store_password": what != What::LeftOut});
    match what {
        What::Phone => {
            let phone = format!("+7701{number:07}");
            (AccountSpec::phone(phone.clone()).merchant(uid), json!({"phone": phone}))
        }
        What::Device | What::Code => {
            (AccountSpec::email(email(number)).merchant(uid).code(CodeRule::UnlessRemembered), body)
        }
        What::Plain | What::LeftOut => (AccountSpec::email(email(number)).merchant(uid), body),
    }
}

async fn a_day(world: &World) {
    let stores: u64 = std::env::var(STORES).map_or(100, |number| number.parse().unwrap());
    let mut knobs = world.portal.knobs();
    knobs.session.absolute_seconds = 5 * 3_600;
    knobs.login.sso_seconds = 8 * 3_600;
    world.portal.set_knobs(knobs);
    let (lost, others): (Vec<u64>, Vec<u64>) =
        (0..stores).partition(|number| What::of(*number) == What::Code);
    sign_in_to(world, lost.into_iter().map(account).collect()).await;
    world.database.execute("delete from kaspi_auth_devices").await;
    sign_in_to(world, others.into_iter().map(account).collect()).await;
    assert_eq!(world.database.count("kaspi_stores where auth_generation = 1").await, stores);
    let codes = world.portal.counters().codes_sent;

    let keeper = world.second_node().await;
    let mut visits = u64::from(settle(world).await);
    for _ in 0..DAY / STEP {
        world.advance(SignedDuration::from_mins(STEP));
        visits += u64::from(settle(world).await);
    }
    let after = rows(world).await;
    for row in &after {
        let what = What::of(number_of(&row.uid));
        let expected = what.obstacle().map_or((false, ""), |reason| (true, reason));
        assert_eq!((row.needs_reauth, row.reason.as_str()), expected, "{what:?}: {row:?}");
        if what.obstacle().is_none() {
            assert!(row.validity == "alive" && row.generation >= 4, "{what:?}: {row:?}");
            let counters = world.portal.account_counters(&email(number_of(&row.uid))).unwrap();
            assert!((2..=PASSWORDS).contains(&counters.passwords), "{what:?}: {counters:?}");
            assert_eq!(counters.wrong_passwords, 0);
        }
    }
    // Not by the word of the rows alone.
    for row in after.iter().filter(|row| !row.needs_reauth) {
        serve(world, &keeper, &row.uid).await.unwrap();
    }
    let counters = world.portal.counters();
    assert_eq!(
        (counters.codes_sent.sms, counters.codes_sent.email),
        (codes.sms, codes.email),
        "nobody was there to read a code"
    );
    assert!(visits <= stores * 30, "no more looks than needed: {visits}");
    keeper.stop().await;
}

/// Signing in is not what is measured here; many stores are due in one step of the clock.
fn change(config: &mut kaspi_auth::config::Config) {
    config.rates.logins_per_second = 0.0;
    config.rates.in_flight = 0;
    config.keeping.looks_per_second = 200.0;
    config.keeping.looks_burst = 200;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_code_is_ever_sent_in_a_day_without_people_on_sqlite() {
    World::prove_with(Kind::Sqlite, change, a_day).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_code_is_ever_sent_in_a_day_without_people_on_postgres() {
    World::prove_with(Kind::Postgres, change, a_day).await;
}
