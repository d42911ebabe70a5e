//! Nodes, and the logins whose page one of them holds.

use kaspi_auth_core::id::NodeId;
use kaspi_auth_core::login::{Answer, Challenge, Effect, Login, LoginState, PersonChallenge};
use kaspi_auth_core::port::{LoginRepository, LoginUpdate, NodeRepository, SecretsChange};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::SqlDatabase;

use crate::support::*;

on_both!(
    a_login_that_waits_is_an_orphan_when_its_holder_is_gone,
    a_node_finds_what_it_holds,
    what_is_left_for_the_holder_comes_back,
    a_lease_may_be_anothers_than_the_writers,
    nodes_that_nobody_has_seen_for_long_are_pruned,
);

/// A login that waits for a person.
async fn waiting(database: &SqlDatabase, email: &str, holder: Option<NodeId>) -> Login {
    let (running, _) = finishing(database, email, None).await;
    let person = PersonChallenge { instruction: "look".to_owned(), sent_at: now(), expires_at: later(600) };
    let asked =
        Login { state: LoginState::Awaiting { challenge: Challenge::Captcha(person) }, holder, ..running };
    let version = database.update_login(update(&asked)).await.unwrap();
    Login { version, ..asked }
}

async fn a_login_that_waits_is_an_orphan_when_its_holder_is_gone(place: &Place) {
    let database = place.open().await;
    let held = waiting(&database, "a@example.kz", Some(node(2))).await;
    waiting(&database, "b@example.kz", None).await;
    let (running, _) = finishing(&database, "c@example.kz", None).await;
    database.update_login(update(&Login { holder: Some(node(2)), ..running })).await.unwrap();
    assert_eq!(database.orphaned_logins(now(), 10).await.unwrap(), [held.id], "it was never seen");
    database.beat(node(2), now()).await.unwrap();
    database.beat(node(3), later(60)).await.unwrap();
    assert_eq!(database.orphaned_logins(now(), 10).await.unwrap(), []);
    assert_eq!(database.orphaned_logins(later(1), 10).await.unwrap(), [held.id]);
    database.beat(node(2), later(5)).await.unwrap();
    assert_eq!(database.orphaned_logins(later(5), 10).await.unwrap(), []);
    database.forget_node(node(2)).await.unwrap();
    assert_eq!(database.orphaned_logins(now(), 10).await.unwrap(), [held.id]);
    let ended = Login { state: LoginState::Expired, ..held };
    database.update_login(update(&ended)).await.unwrap();
    assert_eq!(database.orphaned_logins(now(), 10).await.unwrap(), []);
}

async fn a_node_finds_what_it_holds(place: &Place) {
    let database = place.open().await;
    let mut held = Vec::new();
    for number in 0..3 {
        held.push(waiting(&database, &format!("a{number}@example.kz"), Some(node(2))).await.id);
    }
    waiting(&database, "b@example.kz", Some(node(3))).await;
    let mut found = database.held_logins(node(2), u32::MAX).await.unwrap();
    found.sort();
    assert_eq!(found, held);
    assert_eq!(database.held_logins(node(2), 2).await.unwrap().len(), 2);
    assert_eq!(database.held_logins(node(9), 10).await.unwrap(), []);
    assert_eq!(database.orphaned_logins(now(), 2).await.unwrap().len(), 2);
}

async fn what_is_left_for_the_holder_comes_back(place: &Place) {
    let database = place.open().await;
    let other = place.open().await;
    let held = waiting(&database, "a@example.kz", Some(node(2))).await;
    let (_, secrets) = other.open_login(held.id).await.unwrap().unwrap();
    let mut secrets = secrets.unwrap();
    assert_eq!(secrets.forwarded, []);
    let effects =
        vec![Effect::Answer(Answer::code("123456").unwrap()), Effect::Finish { merchant: Some(uid("17")) }];
    secrets.forwarded.clone_from(&effects);
    let change = LoginUpdate { secrets: SecretsChange::Replace(secrets), ..update(&held) };
    let version = other.update_login(change).await.unwrap();
    let (opened, secrets) = database.open_login(held.id).await.unwrap().unwrap();
    assert_eq!(opened, Login { version, ..held });
    let mut secrets = secrets.unwrap();
    assert_eq!(secrets.forwarded, effects);
    secrets.forwarded.clear();
    let change = LoginUpdate { secrets: SecretsChange::Replace(secrets), ..update(&opened) };
    database.update_login(change).await.unwrap();
    let (_, secrets) = database.open_login(opened.id).await.unwrap().unwrap();
    assert_eq!(secrets.unwrap().forwarded, []);
}

async fn a_lease_may_be_anothers_than_the_writers(place: &Place) {
    let database = place.open().await;
    let held = waiting(&database, "a@example.kz", Some(node(2))).await;
    let answered = Login { state: LoginState::Finishing { merchant: None }, ..held };
    let forwarded = LoginUpdate { lease: Some((node(2), later(15))), ..update(&answered) };
    database.update_login(forwarded).await.unwrap();
    // It is the holder's to extend.
    database.renew_lease(answered.id, node(1), later(90)).await.unwrap();
    assert_eq!(database.claim_lost_logins(node(3), later(14), later(30), 10).await.unwrap(), []);
    database.renew_lease(answered.id, node(2), later(60)).await.unwrap();
    assert_eq!(database.claim_lost_logins(node(3), later(59), later(90), 10).await.unwrap(), []);
    assert_eq!(database.claim_lost_logins(node(3), later(61), later(90), 10).await.unwrap(), [answered.id]);
    let found = database.find_login(&Tenant::All, answered.id).await.unwrap().unwrap();
    assert_eq!(found.holder, Some(node(2)), "who takes it over says so in the next change");
}

async fn nodes_that_nobody_has_seen_for_long_are_pruned(place: &Place) {
    let database = place.open().await;
    database.beat(node(1), now()).await.unwrap();
    database.beat(node(2), later(60)).await.unwrap();
    database.prune_logins(later(60), 10).await.unwrap();
    let count = "select cast(count(*) as text) from kaspi_auth_nodes";
    assert_eq!(place.text(count).await.as_deref(), Some("1"));
}
