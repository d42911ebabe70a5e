//! The attempt ledger: a rolling window over all nodes, never overdrawn.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::account::Account;
use kaspi_auth_core::keeping::{Attempt, AttemptBudget, AttemptKind, AttemptRequest, Origin};
use kaspi_auth_core::port::AttemptRepository;

use crate::support::*;

on_both!(
    the_window_rolls,
    people_and_robots_count_together,
    kinds_and_accounts_are_counted_apart,
    without_a_limit_attempts_are_counted_and_granted,
    a_lowered_limit_says_when_there_is_room_again,
    many_who_ask_at_once_never_get_more_than_there_are,
    a_clock_that_is_set_back_forgets_no_attempt,
    attempts_are_pruned,
    an_account_stands_there_as_a_digest,
);

fn account(text: &str) -> Account {
    credentials(text).account().clone()
}

fn ask(account: &Account, limit: u32, now: Timestamp) -> AttemptRequest<'_> {
    let budget = AttemptBudget { limit, window: SignedDuration::from_secs(100) };
    AttemptRequest { account, kind: AttemptKind::Password, origin: Origin::Automatic, budget, now }
}

async fn the_window_rolls(place: &Place) {
    let database = place.open().await;
    let account = account("a@example.kz");
    for at in [0, 10, 20] {
        assert_eq!(database.take_attempt(ask(&account, 3, later(at))).await.unwrap(), Attempt::Granted);
    }
    for at in [21, 99] {
        let refused = database.take_attempt(ask(&account, 3, later(at))).await.unwrap();
        assert_eq!(refused, Attempt::Refused { until: later(100) }, "and asking costs nothing");
    }
    assert_eq!(database.take_attempt(ask(&account, 3, later(100))).await.unwrap(), Attempt::Granted);
    let refused = database.take_attempt(ask(&account, 3, later(101))).await.unwrap();
    assert_eq!(refused, Attempt::Refused { until: later(110) });
    let counted = |since| database.attempts(&account, AttemptKind::Password, later(since));
    assert_eq!(counted(-1).await.unwrap(), (4, Some(later(0))));
    assert_eq!(counted(15).await.unwrap(), (2, Some(later(20))));
    assert_eq!(counted(100).await.unwrap(), (0, None));
}

async fn people_and_robots_count_together(place: &Place) {
    let database = place.open().await;
    let account = account("a@example.kz");
    let robot = ask(&account, 2, now());
    let person = AttemptRequest { origin: Origin::Caller, ..robot };
    assert_eq!(database.take_attempt(robot).await.unwrap(), Attempt::Granted);
    assert_eq!(database.take_attempt(person).await.unwrap(), Attempt::Granted);
    for request in [robot, person] {
        assert_eq!(database.take_attempt(request).await.unwrap(), Attempt::Refused { until: later(100) });
    }
}

async fn kinds_and_accounts_are_counted_apart(place: &Place) {
    let database = place.open().await;
    let (one, other) = (account("a@example.kz"), account("b@example.kz"));
    let code = AttemptRequest { kind: AttemptKind::Code, ..ask(&one, 1, now()) };
    for request in [ask(&one, 1, now()), ask(&other, 1, now()), code] {
        assert_eq!(database.take_attempt(request).await.unwrap(), Attempt::Granted);
        assert!(matches!(database.take_attempt(request).await.unwrap(), Attempt::Refused { .. }));
    }
    assert_eq!(database.attempts(&one, AttemptKind::Rejection, later(-99)).await.unwrap(), (0, None));
}

async fn without_a_limit_attempts_are_counted_and_granted(place: &Place) {
    let database = place.open().await;
    let account = account("a@example.kz");
    for _ in 0..5 {
        assert_eq!(database.take_attempt(ask(&account, 0, now())).await.unwrap(), Attempt::Granted);
    }
    let counted = database.attempts(&account, AttemptKind::Password, later(-1)).await.unwrap();
    assert_eq!(counted, (5, Some(now())));
}

async fn a_lowered_limit_says_when_there_is_room_again(place: &Place) {
    let database = place.open().await;
    let account = account("a@example.kz");
    for at in [0, 10, 20, 30] {
        database.take_attempt(ask(&account, 9, later(at))).await.unwrap();
    }
    let refused = database.take_attempt(ask(&account, 2, later(40))).await.unwrap();
    assert_eq!(refused, Attempt::Refused { until: later(120) }, "when one of four is left");
    assert_eq!(database.take_attempt(ask(&account, 2, later(120))).await.unwrap(), Attempt::Granted);
}

async fn many_who_ask_at_once_never_get_more_than_there_are(place: &Place) {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let asking: Vec<_> = (0..30)
        .map(|number| {
            let database = Arc::clone(&nodes[number % 2]);
            tokio::spawn(async move {
                let account = account("a@example.kz");
                database.take_attempt(ask(&account, 4, now())).await.unwrap()
            })
        })
        .collect();
    let mut granted = 0;
    for one in asking {
        match one.await.unwrap() {
            Attempt::Granted => granted += 1,
            Attempt::Refused { until } => assert_eq!(until, later(100)),
        }
    }
    assert_eq!(granted, 4);
}

async fn a_clock_that_is_set_back_forgets_no_attempt(place: &Place) {
    let database = place.open().await;
    let account = account("a@example.kz");
    for _ in 0..2 {
        let ahead = ask(&account, 2, later(1000));
        assert_eq!(database.take_attempt(ahead).await.unwrap(), Attempt::Granted);
    }
    // How long ago they were is not known: the account is spared.
    let refused = database.take_attempt(ask(&account, 2, now())).await.unwrap();
    assert_eq!(refused, Attempt::Refused { until: later(1100) });
    let counted = database.attempts(&account, AttemptKind::Password, later(-100)).await.unwrap();
    assert_eq!(counted, (2, Some(later(1000))));
}

async fn attempts_are_pruned(place: &Place) {
    let database = place.open().await;
    let account = account("a@example.kz");
    for at in 0..5 {
        database.take_attempt(ask(&account, 9, later(at))).await.unwrap();
    }
    assert_eq!(database.prune_attempts(later(4), 3).await.unwrap(), 3);
    assert_eq!(database.prune_attempts(later(4), 3).await.unwrap(), 1);
    let left = database.attempts(&account, AttemptKind::Password, later(-9)).await.unwrap();
    assert_eq!(left, (1, Some(later(4))));
}

async fn an_account_stands_there_as_a_digest(place: &Place) {
    let database = place.open().await;
    let account = account("canary@example.kz");
    database.take_attempt(ask(&account, 9, now())).await.unwrap();
    let length = place.text("select cast(length(account_key) as text) from kaspi_auth_attempts").await;
    assert_eq!(length.as_deref(), Some("32"));
    let ledger = database.attempts(&account, AttemptKind::Password, later(-1)).await.unwrap();
    assert_eq!(ledger.0, 1);
}
