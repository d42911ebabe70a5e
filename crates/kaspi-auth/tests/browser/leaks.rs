//! Many logins with browsers and pages that die at any moment: each ends with a word that says what happened, no password is sent
//! twice, and nothing is left over. And a day on which nothing happens.
//!
//! `KASPI_AUTH_TEST_ROUNDS` asks for more logins than the usual number.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use jiff::SignedDuration;
use kaspi_auth::config::Config;
use kaspi_sandbox::{AccountSpec, CodeRule};
use parking_lot::Mutex;

use crate::chromium::{Chromium, by_browser, farm, on};
use crate::harness::{Kind, Login, World, until};

/// Logins, unless more are asked for.
const ROUNDS: u64 = 40;
/// Logins at a time.
const AT_ONCE: u64 = 4;
/// What may become of a login whose browser dies.
const TYPED: [&str; 3] = ["browser_lost", "browser_unavailable", "login_interrupted"];

fn restless(config: &mut Config) {
    on(config);
    config.browser.shards = 2;
    config.browser.command_timeout_seconds = 7;
    config.rates.logins_per_second = 0.0;
}

/// A number that looks like no other, and is the same in each run.
fn scattered(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

struct Havoc<'a> {
    world: &'a World,
    met: Mutex<BTreeSet<Chromium>>,
    succeeded: AtomicU64,
}

impl Havoc<'_> {
    /// Kills a browser, a page, or nothing.
    fn strike(&self, number: u64) {
        let up: Vec<_> = Chromium::all_of(self.world.node()).into_iter().collect();
        self.met.lock().extend(up.iter().cloned());
        let chance = usize::try_from(scattered(number)).unwrap();
        let Some(one) = up.get(chance % up.len().max(1)) else { return };
        match chance % 7 {
            0 => one.kill(),
            1 | 2 => one.kill_renderers(),
            _ => {}
        }
    }

    async fn login(&self, number: u64) {
        let email = format!("login-{number}@shop.test");
        let rule = if number.is_multiple_of(2) { CodeRule::Always } else { CodeRule::Never };
        let account = AccountSpec::email(&email).merchant(format!("93{number:06}")).code(rule);
        self.world.portal.add_account(account);
        let mut login = self.world.admin.sign_in(&by_browser(&email)).await;
        if login.state == "awaiting_code" {
            self.strike(number);
            let body = serde_json::json!({"code": self.world.code(&email)});
            let answer = self.world.admin.answer(login.id, &body).await;
            // It may have failed before the code came.
            login = if answer.status == 200 { answer.read() } else { self.world.admin.login(login.id).await };
        } else {
            self.strike(number);
        }
        self.judge(&login).await;
        let passwords = self.world.portal.account_counters(&email).unwrap().passwords;
        assert!(passwords <= 1, "{passwords} passwords for one login: {login:?}");
    }

    async fn judge(&self, login: &Login) {
        if matches!(login.state.as_str(), "opening" | "submitting" | "verifying" | "finishing") {
            let ended = self.world.admin.login(login.id).await;
            let evidence = self.world.admin.get(&format!("/v1/logins/{}/evidence", login.id)).await.text;
            panic!("it hung: {login:?}\n{ended:?}\n{evidence}");
        }
        if login.state == "succeeded" {
            self.succeeded.fetch_add(1, Ordering::SeqCst);
        } else {
            assert_eq!(login.state, "failed", "{login:?}");
            assert!(TYPED.contains(&login.code()), "{login:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_logins_with_random_deaths_leave_nothing_and_each_says_what_became_of_it() {
    let rounds = std::env::var("KASPI_AUTH_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let rounds: u64 = rounds.unwrap_or(ROUNDS);
    let met = Mutex::new(BTreeSet::new());
    World::prove_with(Kind::Sqlite, restless, async |world| {
        let havoc = Havoc { world, met: Mutex::default(), succeeded: AtomicU64::new(0) };
        join_all((0..AT_ONCE).map(async |row| {
            for number in (row..rounds).step_by(usize::try_from(AT_ONCE).unwrap()) {
                havoc.login(number).await;
            }
        }))
        .await;
        assert!(havoc.succeeded.load(Ordering::SeqCst) > 0, "some came through");
        assert!(havoc.met.lock().len() > 2, "some browsers died");

        // What is there now is what the configuration has warm.
        until("the farm is at rest", || {
            let now = farm(world.node());
            let contexts: usize = now.shards.iter().map(|shard| shard.contexts).sum();
            now.shards.len() == 2
                && (now.running, now.held, now.queued, now.warming) == (0, 0, 0, 0)
                && contexts == now.warm
        })
        .await;
        let alive = Chromium::all_of(world.node());
        let mut all = havoc.met.into_inner();
        for dead in all.difference(&alive) {
            dead.has_left_nothing().await;
        }
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        all.extend(alive);
        met.lock().append(&mut all);
    })
    .await;
    for browser in met.into_inner() {
        browser.has_left_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_without_logins_makes_nothing_grow() {
    World::prove_with(Kind::Sqlite, on, async |world| {
        let node = world.second_node().await;
        let client = node.anyone().with(world.admin.bearer());
        client.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        let at_rest = || {
            let now = farm(&node);
            let contexts: usize = now.shards.iter().map(|shard| shard.contexts).sum();
            (now.warm, now.warming, contexts) == (1, 0, 1)
        };
        until("the farm is at rest", at_rest).await;
        let chromium = Chromium::of(&node).await;
        let processes = chromium.processes().len();
        for _ in 0..24 {
            world.advance(SignedDuration::from_hours(1));
            client.get("/v1/stores").await.is(200);
            until("the farm is at rest", at_rest).await;
        }
        assert_eq!(Chromium::all_of(&node), BTreeSet::from([chromium.clone()]));
        until("no process was added", || chromium.processes().len() <= processes).await;
        client.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        until("the farm is at rest", at_rest).await;
        node.stop().await;
        chromium.has_left_nothing().await;
    })
    .await;
}
