//! The same seed and the same calls give the same codes and ids.
//! It must compare what clients see.

use crate::client::Portal;
use kaspi_sandbox::Options;
use serde_json::json;

/// What a client sees in a few calls, without times.
async fn seen(portal: &Portal) -> Vec<String> {
    let mailed = portal.password("code@sandbox.test").await;
    let mut seen = vec![mailed.cookie("MS_AUTH_SSO"), portal.code("code@sandbox.test")];
    portal.sign_in(&[], &json!({"_ph": "77000000001"})).await;
    seen.push(portal.code("77000000001"));
    let session = portal.session("plain@sandbox.test").await;
    let url = format!("{}/bff/offer-view/list?m=30000001&l=3", portal.cabinet);
    seen.push(portal.get(&url, &[&session]).await.body);
    seen.push(session);
    seen
}

async fn seeded(seed: u64) -> Portal {
    Portal::start_with(Options { seed, ..Options::default() }).await
}

#[tokio::test]
async fn one_seed_repeats_itself_and_another_does_not() {
    let first = seen(&seeded(7).await).await;
    assert_eq!(first, seen(&seeded(7).await).await);
    let other = seen(&seeded(8).await).await;
    assert!(first.iter().zip(&other).all(|(first, other)| first != other), "{first:?} {other:?}");
}

#[tokio::test]
async fn a_reset_begins_again() {
    let portal = seeded(7).await;
    let first = seen(&portal).await;
    portal.control().reset();
    assert_eq!(first, seen(&portal).await);
}

#[tokio::test]
async fn codes_do_not_depend_on_other_accounts() {
    let (first, second) = (seeded(7).await, seeded(7).await);
    first.password("remembered@sandbox.test").await;
    first.password("code@sandbox.test").await;
    second.password("code@sandbox.test").await;
    assert_eq!(first.code("code@sandbox.test"), second.code("code@sandbox.test"));
}
