//! Every story account of the sandbox, signed in to as a caller would: where it ends, why, and what the portal has seen.

use kaspi_sandbox::stories;
use serde_json::{Value, json};

use crate::harness::{Login, PASSWORD, World, on_both, on_sqlite};

/// What comes of one story.
struct Tale {
    account: &'static str,
    ends: End,
    /// Passwords, mailed codes and SMS codes that the portal has seen or sent.
    cost: (u64, u64, u64),
}

enum End {
    /// The merchant that is opened.
    Store(&'static str),
    /// The code of the failure, whether it is retryable, and after how many seconds.
    Failure(&'static str, bool, Option<i64>),
}

use End::{Failure, Store};

const TALES: [Tale; 23] = [
    Tale { account: "plain@sandbox.test", ends: Store("30000001"), cost: (1, 0, 0) },
    Tale { account: "code@sandbox.test", ends: Store("30000002"), cost: (1, 1, 0) },
    Tale { account: "remembered@sandbox.test", ends: Store("30000003"), cost: (1, 1, 0) },
    Tale { account: "always@sandbox.test", ends: Store("30000004"), cost: (1, 1, 0) },
    Tale { account: "several@sandbox.test", ends: Store("SBX"), cost: (1, 0, 0) },
    Tale { account: "su@sandbox.test", ends: Store("30000022"), cost: (1, 0, 0) },
    Tale { account: "su-code@sandbox.test", ends: Store("30000024"), cost: (1, 1, 0) },
    Tale { account: "+7 (700) 000-00-01", ends: Store("30000031"), cost: (0, 0, 1) },
    Tale { account: "+7 (700) 000-00-02", ends: Store("30000033"), cost: (0, 0, 1) },
    Tale { account: "none@sandbox.test", ends: Failure("no_merchants", false, None), cost: (1, 0, 0) },
    Tale {
        account: "noperm@sandbox.test",
        ends: Failure("insufficient_permissions", false, None),
        cost: (1, 0, 0),
    },
    Tale {
        account: "wrong@sandbox.test",
        ends: Failure("invalid_credentials", false, None),
        cost: (1, 0, 0),
    },
    Tale { account: "locked@sandbox.test", ends: Store("30000042"), cost: (1, 0, 0) },
    Tale {
        account: "flood@sandbox.test",
        ends: Failure("portal_rate_limited", true, Some(122)),
        cost: (1, 0, 0),
    },
    Tale {
        account: "+7 (700) 000-00-03",
        ends: Failure("portal_rate_limited", true, Some(122)),
        cost: (0, 0, 0),
    },
    Tale { account: "slow@sandbox.test", ends: Store("30000045"), cost: (1, 0, 0) },
    Tale { account: "wall@sandbox.test", ends: Failure("portal_blocked", true, None), cost: (1, 0, 0) },
    Tale {
        account: "wall.direct@sandbox.test",
        ends: Failure("portal_blocked", true, None),
        cost: (1, 0, 0),
    },
    Tale { account: "broken@sandbox.test", ends: Failure("portal_unavailable", true, None), cost: (1, 0, 0) },
    Tale { account: "changed@sandbox.test", ends: Failure("portal_changed", false, None), cost: (1, 0, 0) },
    Tale { account: "dies-seconds@sandbox.test", ends: Store("30000051"), cost: (1, 0, 0) },
    Tale { account: "dies-calls@sandbox.test", ends: Store("30000052"), cost: (1, 0, 0) },
    Tale { account: "exclusive@sandbox.test", ends: Store("30000053"), cost: (1, 0, 0) },
];

async fn every_story_ends_as_it_is_told(world: &World) {
    let mut knobs = world.portal.knobs();
    knobs.login.slow_millis = 100;
    world.portal.set_knobs(knobs);
    for tale in &TALES {
        let before = cost(world);
        let login = sign_in(world, tale.account).await;
        let after = cost(world);
        let spent = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
        assert_eq!(spent, tale.cost, "{}: {login:?}", tale.account);
        match tale.ends {
            Store(uid) => {
                assert_eq!((login.state.as_str(), login.uid().as_str()), ("succeeded", uid), "{login:?}");
                assert_eq!((&login.error, &login.challenge), (&None, &None));
                world.admin.session(uid).await;
            }
            Failure(code, retryable, wait) => {
                assert_eq!((login.state.as_str(), login.code()), ("failed", code), "{login:?}");
                let error = login.error.unwrap();
                assert_eq!(error.retryable, retryable, "{error:?}");
                let waits = error.retry_at.map(|at| login.updated_at.duration_until(at).as_secs());
                let near = |wait: i64| waits.is_some_and(|waits| (wait - 2..=wait).contains(&waits));
                assert!(wait.map_or(waits.is_none(), near), "{}: {waits:?}", tale.account);
                assert_eq!((&login.store, &login.challenge), (&None, &None));
            }
        }
    }
}

async fn the_table_tells_all_stories(_world: &World) {
    let told: Vec<_> = stories::all().iter().map(|story| story.id().to_owned()).collect();
    let here: Vec<_> = TALES.iter().map(|tale| tale.account.to_owned()).collect();
    assert_eq!(here, told, "a story of the sandbox is not in this table, or in another place");
}

async fn a_remembered_device_is_asked_for_no_second_code(world: &World) {
    sign_in(world, "remembered@sandbox.test").await.stands("succeeded");
    assert_eq!(world.codes(), 1);
    world.admin.sign_in_as("remembered@sandbox.test", PASSWORD).await.stands("succeeded");
    assert_eq!((world.passwords(), world.codes()), (2, 1));
}

async fn a_store_tells_its_name_logo_and_points(world: &World) {
    let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await;
    let summary = login.store.clone().unwrap();
    let store = world.admin.store("30000001").await;
    assert_eq!(store.shop_name.as_deref(), Some("Магазин 30000001"));
    assert_eq!(store.logo_url.as_deref(), Some("https://sandbox.invalid/logo/30000001.png"));
    assert_eq!(store.points.keys().collect::<Vec<_>>(), ["PP1", "PP2"]);
    assert!(store.points.values().all(|point| point.city_id.is_some() && point.city_name.is_some()));
    assert!(store.points["PP1"].enabled);
    assert_eq!((summary.shop_name, summary.points), (store.shop_name, store.points));
}

async fn the_way_the_login_is_driven_and_the_account_are_shown_starred(world: &World) {
    let body =
        json!({"email": "plain@sandbox.test", "password": PASSWORD, "engine": "direct", "user_id": "u-1"});
    let login = world.admin.sign_in(&body).await;
    let shown = (login.engine.as_str(), login.method.as_str(), login.account_masked.as_str());
    assert_eq!(shown, ("direct", "password", "p***@sandbox.test"));
    assert_eq!(login.user_id.as_deref(), Some("u-1"));
    let login = world.admin.sign_in(&json!({"phone": "8 700 000 00 01"})).await.stands("awaiting_code");
    let shown = (login.engine.as_str(), login.method.as_str(), login.account_masked.as_str());
    assert_eq!(shown, ("auto", "phone", "+7 (7**) ***-**-01"));
    let asked = login.asked();
    assert_eq!((asked.kind.as_str(), asked.channel.as_deref()), ("code", Some("sms")));
    assert!(
        asked.destination_masked.as_ref().is_some_and(|to| to.contains('*') && to.ends_with("01")),
        "{asked:?}"
    );
}

on_both!(every_story_ends_as_it_is_told, a_remembered_device_is_asked_for_no_second_code);
on_sqlite!(
    the_table_tells_all_stories,
    a_store_tells_its_name_logo_and_points,
    the_way_the_login_is_driven_and_the_account_are_shown_starred,
);

/// Signs in as a caller who knows the inbox and takes the last merchant of a choice.
async fn sign_in(world: &World, account: &str) -> Login {
    let body: Value = if account.contains('@') {
        json!({"email": account, "password": PASSWORD})
    } else {
        json!({"phone": account})
    };
    let mut login = world.admin.sign_in(&body).await;
    for _ in 0..3 {
        login = match login.state.as_str() {
            "awaiting_code" => world.admin.answer_code(login.id, &world.code(account)).await,
            "awaiting_merchant" => {
                let last = login.asked().merchants.clone().unwrap().pop().unwrap();
                world.admin.choose(login.id, &last.uid).await
            }
            _ => return login,
        };
    }
    login
}

fn cost(world: &World) -> (u64, u64, u64) {
    let counters = world.portal.counters();
    (counters.passwords, counters.codes_sent.email, counters.codes_sent.sms)
}
