//! Counts and times what keeps sessions alive. Must not take an account or a merchant as a label.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::Code;
use kaspi_auth_core::account::Account;
use kaspi_auth_core::job::JobFigures;
use kaspi_auth_core::keeping::{AttemptKind, Breaker, Origin, Rung};
use kaspi_auth_core::login::Channel;
use kaspi_auth_core::session::Validity;
use kaspi_auth_store::{Figures, SessionCount};
use parking_lot::Mutex;

/// Accounts whose failures are counted at once.
const COUNTED: usize = 10_000;

/// A code was sent because we asked.
pub fn code_requested(channel: Channel, origin: Origin) {
    let channel = match channel {
        Channel::Email => "email",
        Channel::Sms => "sms",
    };
    metrics::counter!("kaspi_auth_codes_requested_total", "channel" => channel, "origin" => origin.as_str())
        .increment(1);
}

/// A session was looked at.
pub fn probed(result: Validity, at: Timestamp) {
    metrics::counter!("kaspi_auth_probes_total", "result" => result.as_str()).increment(1);
    metrics::gauge!("kaspi_auth_last_probe_timestamp_seconds").set(at.as_duration().as_secs_f64());
}

/// A refresh ended: on its last rung, if it came to one; `error`: what it failed with.
pub fn refreshed(rung: Option<Rung>, error: Option<Code>, took: SignedDuration) {
    let (rung, result) = (rung.map_or("none", Rung::as_str), error.map_or("ok", Code::as_str));
    metrics::counter!("kaspi_auth_refreshes_total", "rung" => rung, "result" => result).increment(1);
    metrics::histogram!("kaspi_auth_refresh_seconds").record(length(took));
}

/// A session was found dead at this age.
pub fn session_died(age: SignedDuration) {
    metrics::histogram!("kaspi_auth_session_age_at_death_seconds").record(length(age));
}

/// A password or a code was set going, or a password refused: it counts towards the account's budget.
pub fn attempt_counted(kind: AttemptKind, origin: Origin) {
    metrics::counter!("kaspi_auth_attempts_total", "kind" => kind.as_str(), "origin" => origin.as_str())
        .increment(1);
}

/// A password or a code was not sent: the account's budget is used up.
pub fn attempt_refused(kind: AttemptKind, origin: Origin) {
    metrics::counter!("kaspi_auth_attempts_refused_total", "kind" => kind.as_str(), "origin" => origin.as_str())
        .increment(1);
}

/// How the mass-failure breaker stands.
pub fn breaker(stands: &Breaker) {
    let open = matches!(stands, Breaker::Frozen(_));
    metrics::gauge!("kaspi_auth_breaker_open").set(if open { 1.0 } else { 0.0 });
}

/// A request went through the gateway. `outcome`: a class of status, or a code of ours; never what a caller sent.
pub fn gateway_answered(outcome: &'static str, took: Duration) {
    metrics::counter!("kaspi_auth_gateway_requests_total", "outcome" => outcome).increment(1);
    metrics::histogram!("kaspi_auth_gateway_seconds").record(took);
}

/// How the queue of jobs stands.
pub fn jobs(figures: &JobFigures, now: Timestamp) {
    for (state, count) in [
        ("waiting", figures.waiting),
        ("running", figures.running),
        ("scheduled", figures.scheduled),
        ("killed", figures.killed),
    ] {
        metrics::gauge!("kaspi_auth_jobs", "state" => state).set(figure(count));
    }
    let lag = figures.oldest_waiting.map(|since| length(since.duration_until(now))).unwrap_or_default();
    metrics::gauge!("kaspi_auth_job_lag_seconds").set(lag);
}

/// The most failures in a row that one store's looks and refreshes have behind them.
pub fn store_failures(most: u64) {
    metrics::gauge!("kaspi_auth_consecutive_failures_max", "of" => "store").set(figure(most));
}

/// How many stores stand how. What is not among `counts` is zero by now.
pub fn sessions(counts: &[SessionCount]) {
    for state in ["active", "needs_reauth", "inactive"] {
        for validity in ["alive", "dead", "unknown"] {
            let counted = counts.iter().find(|one| one.status == state && one.validity == validity);
            metrics::gauge!("kaspi_auth_sessions", "state" => state, "validity" => validity)
                .set(figure(counted.map_or(0, |one| one.stores)));
        }
    }
}

/// How the database fares.
pub fn database(figures: Figures) {
    let gauge = |count: usize| figure(u64::try_from(count).unwrap_or(u64::MAX));
    metrics::gauge!("kaspi_auth_database_connections", "state" => "open").set(gauge(figures.connections));
    metrics::gauge!("kaspi_auth_database_connections", "state" => "idle").set(gauge(figures.idle));
    if let Some(waiting) = figures.waiting {
        metrics::gauge!("kaspi_auth_database_waiting").set(gauge(waiting));
    }
    metrics::counter!("kaspi_auth_session_cache_hits_total").absolute(figures.session_hits);
    metrics::counter!("kaspi_auth_session_cache_misses_total").absolute(figures.session_misses);
}

/// Whether the database answered.
pub fn database_up(up: bool) {
    metrics::gauge!("kaspi_auth_database_up").set(if up { 1.0 } else { 0.0 });
}

/// Failures in a row of each account's logins on this node. Accounts stand here as hashes of this process's own.
#[derive(Debug, Default)]
pub struct Streaks {
    hasher: RandomState,
    failures: Mutex<HashMap<u64, u32>>,
}

impl Streaks {
    /// A login of the account ended.
    pub fn note(&self, account: &Account, failed: bool) {
        let account = self.hasher.hash_one(account);
        let mut failures = self.failures.lock();
        if failed {
            if failures.len() >= COUNTED && !failures.contains_key(&account) {
                // Those who failed once are the many, and the ones that nobody asks for.
                failures.retain(|_, count| *count > 1);
            }
            if failures.len() < COUNTED || failures.contains_key(&account) {
                let count = failures.entry(account).or_default();
                *count = count.saturating_add(1);
            }
        } else {
            failures.remove(&account);
        }
        let most = failures.values().copied().max().unwrap_or_default();
        metrics::gauge!("kaspi_auth_consecutive_failures_max", "of" => "account").set(most);
    }
}

/// A length of time in seconds; what a clock that was set back makes of one is nothing.
fn length(took: SignedDuration) -> f64 {
    took.as_secs_f64().max(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn figure(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    /// What `/metrics` says after these calls.
    fn shown(calls: impl FnOnce()) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, calls);
        handle.render()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn looks_and_refreshes_are_counted_by_what_they_came_to() {
        let shown = shown(|| {
            probed(Validity::Alive, at(5));
            probed(Validity::Unknown, at(7));
            refreshed(Some(Rung::Silent), None, SignedDuration::from_secs(1));
            refreshed(None, Some(Code::LoginsFrozen), SignedDuration::ZERO);
            attempt_counted(AttemptKind::Password, Origin::Caller);
            attempt_refused(AttemptKind::Code, Origin::Automatic);
            code_requested(Channel::Sms, Origin::Caller);
            gateway_answered("2xx", Duration::from_millis(3));
        });
        for line in [
            "kaspi_auth_probes_total{result=\"unknown\"} 1",
            "kaspi_auth_last_probe_timestamp_seconds 7",
            "kaspi_auth_refreshes_total{rung=\"silent\",result=\"ok\"} 1",
            "kaspi_auth_refreshes_total{rung=\"none\",result=\"logins_frozen\"} 1",
            "kaspi_auth_attempts_total{kind=\"password\",origin=\"caller\"} 1",
            "kaspi_auth_attempts_refused_total{kind=\"code\",origin=\"automatic\"} 1",
            "kaspi_auth_codes_requested_total{channel=\"sms\",origin=\"caller\"} 1",
            "kaspi_auth_gateway_requests_total{outcome=\"2xx\"} 1",
        ] {
            assert!(shown.contains(line), "{line}\n{shown}");
        }
    }

    #[test]
    fn the_queue_lags_by_its_oldest_job_and_not_at_all_when_nothing_waits() {
        let waiting = JobFigures { waiting: 2, oldest_waiting: Some(at(100)), ..JobFigures::default() };
        assert!(shown(|| jobs(&waiting, at(130))).contains("kaspi_auth_job_lag_seconds 30\n"));
        let ahead = shown(|| jobs(&waiting, at(90)));
        assert!(ahead.contains("kaspi_auth_job_lag_seconds 0\n"), "another node's clock is ahead: {ahead}");
        assert!(shown(|| jobs(&JobFigures::default(), at(130))).contains("kaspi_auth_job_lag_seconds 0\n"));
    }

    #[test]
    fn a_state_that_no_store_has_any_more_goes_back_to_zero() {
        let counts =
            |stores| [SessionCount { status: "active".to_owned(), validity: "dead".to_owned(), stores }];
        let shown = shown(|| {
            sessions(&counts(3));
            sessions(&[]);
        });
        assert!(shown.contains("kaspi_auth_sessions{state=\"active\",validity=\"dead\"} 0"), "{shown}");
    }

    #[test]
    fn failures_in_a_row_are_an_accounts_own_and_end_with_a_success() {
        let account = |email| Account::email(email).unwrap();
        let (one, other, streaks) = (account("a@shop.test"), account("b@shop.test"), Streaks::default());
        let most = |calls: &dyn Fn()| {
            let shown = shown(calls);
            let line = shown.lines().find(|line| line.starts_with("kaspi_auth_consecutive_failures_max"));
            line.unwrap().rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!(most(&|| (0..3).for_each(|_| streaks.note(&one, true))), "3");
        assert_eq!(most(&|| streaks.note(&other, true)), "3");
        assert_eq!(most(&|| streaks.note(&one, false)), "1");
        assert_eq!(most(&|| streaks.note(&other, false)), "0");
    }

    #[test]
    fn many_accounts_that_fail_take_no_more_room() {
        let streaks = Streaks::default();
        for number in 0..COUNTED + 100 {
            streaks.note(&Account::email(&format!("a{number}@shop.test")).unwrap(), true);
        }
        assert!(streaks.failures.lock().len() <= COUNTED);
    }

    #[test]
    fn the_breaker_and_the_database_are_one_or_zero() {
        let text = shown(|| {
            breaker(&Breaker::Closed);
            database_up(false);
        });
        assert!(text.contains("kaspi_auth_breaker_open 0") && text.contains("kaspi_auth_database_up 0"));
    }
}
