//! Reading a session: what is served opens the merchant's cabinet, with nothing but what the answer holds.

use serde_json::json;

use crate::harness::{PASSWORD, World, on_both, on_sqlite};

async fn what_is_served_opens_the_cabinet(world: &World) {
    for (account, uid) in
        [("plain@sandbox.test", "30000001"), ("several@sandbox.test", "SBX"), ("su@sandbox.test", "30000022")]
    {
        let body = json!({"email": account, "password": PASSWORD, "merchant_uid": uid});
        world.admin.sign_in(&body).await.stands("succeeded");
        let session = world.admin.session(uid).await;
        let (status, text) = world.open_cabinet(&session.cookie_header).await;
        assert_eq!(status, 200, "{account}: {text}");
        assert!(text.contains(uid), "{text}");
    }
    assert_eq!(world.open_cabinet("mc-sid=guessed").await.0, 401);
}

async fn a_session_tells_all_that_calls_need(world: &World) {
    let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await;
    let session = world.admin.session("30000001").await;
    assert_eq!((session.merchant_uid.as_str(), session.generation), ("30000001", 1));
    assert_eq!(session.cabinet_host, "mc.shop.kaspi.localhost");
    assert!(session.authenticated_at.is_some_and(|at| at >= login.created_at));
    for (name, value) in [("x-auth-version", "3"), ("origin", "http://kaspi.localhost")] {
        let held = session.headers.iter().find(|(held, _)| held.eq_ignore_ascii_case(name));
        assert!(held.is_some_and(|(_, held)| held.starts_with(value)), "{name}: {:?}", session.headers);
    }
    assert!(!session.headers.keys().any(|name| name.eq_ignore_ascii_case("cookie")));

    // The list has the shape that browsers export, and the header is made of it. Nothing of the login host's is handed out:
    // with that, a consumer could sign in again by itself.
    let cookie = session.cookies.iter().find(|cookie| cookie["name"] == "mc-sid").unwrap();
    assert_eq!(
        (&cookie["path"], &cookie["httpOnly"], &cookie["expires"]),
        (&json!("/"), &json!(true), &json!(-1.0))
    );
    for cookie in &session.cookies {
        assert_eq!(cookie["domain"], session.cabinet_host, "{}", cookie["name"]);
        let pair = format!("{}={}", cookie["name"].as_str().unwrap(), cookie["value"].as_str().unwrap());
        assert!(session.cookie_header.split("; ").any(|held| held == pair), "{}", cookie["name"]);
    }
    assert!(!session.cookie_header.contains("MS_AUTH"));
    let names: Vec<_> = session.cookies.iter().map(|cookie| cookie["name"].as_str().unwrap()).collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "no name stands twice: {names:?}");
}

async fn generations_count_up_and_each_is_a_session_of_its_own(world: &World) {
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let first = world.admin.session("30000001").await;
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let second = world.admin.session("30000001").await;
    world.admin.refresh("30000001").await.is(200);
    let third = world.admin.session("30000001").await;
    assert_eq!([first.generation, second.generation, third.generation], [1, 2, 3]);
    assert!(first.cookie_header != second.cookie_header && second.cookie_header != third.cookie_header);
    assert_eq!(world.admin.store("30000001").await.generation, 3);
}

async fn sessions_of_different_merchants_never_mix(world: &World) {
    let accounts: Vec<_> = (0..12)
        .map(|number| {
            (world.account(&format!("shop-{number}"), &format!("7{number:06}")), format!("7{number:06}"))
        })
        .collect();
    let logins = accounts.iter().map(|(email, _)| world.admin.sign_in_as(email, PASSWORD));
    for login in futures_util::future::join_all(logins).await {
        login.stands("succeeded");
    }
    let mut headers = std::collections::BTreeSet::new();
    for (_, uid) in &accounts {
        let session = world.admin.session(uid).await;
        let (status, text) = world.open_cabinet(&session.cookie_header).await;
        let listed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, listed["merchants"][0]["uid"].as_str()), (200, Some(uid.as_str())));
        headers.insert(session.cookie_header);
    }
    assert_eq!(headers.len(), accounts.len());
}

async fn where_nothing_is_held_it_is_said_so(world: &World) {
    world.admin.get("/v1/stores/30000001/session").await.is_problem(404, "store_not_found");
    let other = world.second_node().await;
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let there = world.admin.at(other.anyone().base());
    let (here, other_side) = (world.admin.session("30000001").await, there.session("30000001").await);
    assert_eq!(here, other_side, "every node serves the same");
    // A row whose session somebody else took away.
    world.database.execute("update kaspi_stores set guid = null").await;
    crate::harness::eventually("the session is gone here and there", async || {
        let gone = |answer: &crate::harness::Answer| answer.status == 404;
        let answers = (
            world.admin.get("/v1/stores/30000001/session").await,
            there.get("/v1/stores/30000001/session").await,
        );
        (gone(&answers.0) && gone(&answers.1)).then(|| answers.0.is_problem(404, "session_not_found"))
    })
    .await;
    other.stop().await;
}

on_both!(
    what_is_served_opens_the_cabinet,
    generations_count_up_and_each_is_a_session_of_its_own,
    sessions_of_different_merchants_never_mix,
    where_nothing_is_held_it_is_said_so,
);
on_sqlite!(a_session_tells_all_that_calls_need);
