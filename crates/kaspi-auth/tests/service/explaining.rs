//! Why a store stands as it does, and how it came to that: told to people in their language, and to programs.

use jiff::SignedDuration;
use kaspi_sandbox::{AccountSpec, Fault, FaultKind};
use serde_json::json;

use crate::harness::{Explanation, PASSWORD, Timeline, World, on_both, on_sqlite};

async fn explained(world: &World, uid: &str) -> Explanation {
    world.admin.get(&format!("/v1/stores/{uid}/explain")).await.is(200).read()
}

async fn what_is_well_needs_nobody(world: &World) {
    world.store("shop", "7000001").await;
    assert_eq!(world.admin.validity("7000001").await, "alive");
    let told = explained(world, "7000001").await;
    assert_eq!((told.cause.as_str(), told.who_must_act.as_str()), ("alive", "nobody"));
    assert_eq!((told.can_refresh, told.can_refresh_reason.as_str()), (true, "sso_alive"));
    let store = world.admin.store("7000001").await;
    assert_eq!(told.since, store.authenticated_at);
    let estimate = told.valid_until_estimate.clone().unwrap();
    assert_eq!(estimate.at, store.authenticated_at.unwrap() + SignedDuration::from_hours(24));
    assert_eq!((estimate.basis.as_str(), estimate.deaths), ("default", 0));
    assert_eq!((told.last_refresh.clone(), told.language.as_str()), (None, "en"));
    assert!(told.text.starts_with("The session is alive. Since "), "{}", told.text);
}

async fn a_refused_password_is_the_merchants_matter_in_three_languages(world: &World) {
    let email = world.store("shop", "7000001").await;
    world.portal.add_account(AccountSpec::email(&email).merchant("7000001").password("changed-there"));
    world.portal.kill_sessions(None);
    world.portal.kill_sso(None);
    let problem = world.admin.get("/v1/stores/7000001/session?max_age=0s&wait=30s").await;
    problem.is_problem(409, "needs_reauth");
    let path = "/v1/stores/7000001/explain";
    for (lang, header, begins) in [
        ("en", "", "The portal did not accept the stored password."),
        ("ru", "ru-KZ, en;q=0.5", "Портал не принял"),
        ("kk", "kk", "Портал"),
    ] {
        let by_query = world.admin.get(&format!("{path}?lang={lang}")).await.is(200);
        let told: Explanation = by_query.read();
        assert_eq!((told.language.as_str(), by_query.header("content-language")), (lang, lang));
        assert_eq!((told.cause.as_str(), told.who_must_act.as_str()), ("credentials_rejected", "merchant"));
        assert!(told.text.starts_with(begins), "{}", told.text);
        assert_eq!((told.can_refresh, told.valid_until_estimate.clone()), (false, None));
        let refresh = told.last_refresh.clone().unwrap();
        assert_eq!(
            (refresh.rung.as_deref(), refresh.code.as_deref()),
            (Some("password"), Some("invalid_credentials"))
        );
        assert!(told.since.is_some());
        let request = world.admin.request(reqwest::Method::GET, path).header("accept-language", header);
        let by_header: Explanation = world.admin.send(request).await.is(200).read();
        assert_eq!((by_header.language, by_header.cause), (told.language, told.cause));
        assert!(!told.text.contains("shop@"), "no account is named");
    }
    // What is said in the query counts more.
    let request =
        world.admin.request(reqwest::Method::GET, &format!("{path}?lang=kk")).header("accept-language", "ru");
    assert_eq!(world.admin.send(request).await.is(200).read::<Explanation>().language, "kk");
}

async fn what_is_tried_in_vain_is_told_since_it_began(world: &World) {
    let uid = "7000001";
    let email = world.store("shop", uid).await;
    world.portal.kill_sessions(None);
    assert_eq!(world.admin.validity(uid).await, "dead");
    let began = explained(world, uid).await.since.unwrap();
    assert_eq!(Some(began), world.admin.store(uid).await.checked_at);
    let path = format!("/v1/stores/{uid}/session?max_age=0s&wait=30s");
    let mut tries = Vec::new();
    for _ in 0..2 {
        world.advance(SignedDuration::from_mins(10));
        world.portal.set_fault(Fault::new(FaultKind::Status(503)).role("login"));
        assert!(world.admin.get(&path).await.status >= 400);
        world.portal.clear_faults();
        let told = crate::harness::eventually("the try is told", async || {
            let told = explained(world, uid).await;
            let at = told.last_refresh.as_ref().map(|refresh| refresh.at);
            at.is_some_and(|at| !tries.contains(&at)).then_some(told)
        })
        .await;
        assert_eq!(
            (told.cause.as_str(), told.who_must_act.as_str()),
            ("portal_unavailable", "portal"),
            "{told:?}"
        );
        assert_eq!(told.since, Some(began), "a further try begins nothing anew");
        let ended = told.last_refresh.unwrap().at;
        assert!(told.next_try.is_some_and(|at| at >= ended), "what is next is not over");
        tries.push(ended);
    }
    // A login that its merchant began and that failed stands there, too, and is not the beginning either.
    let body = json!({"email": email, "password": "wrong", "merchant_uid": uid});
    let login: crate::harness::Login = world.admin.post("/v1/logins?wait=30s", &body).await.is(201).read();
    assert_eq!(login.code(), "invalid_credentials");
    assert_eq!(explained(world, uid).await.since, Some(began));
    let whole: Timeline = world.admin.get(&format!("/v1/stores/{uid}/timeline")).await.is(200).read();
    let entry = &whole.entries[0];
    assert_eq!(
        (entry.act.as_str(), entry.code.as_deref()),
        ("login", Some("invalid_credentials")),
        "{entry:?}"
    );
    assert_eq!((entry.before.as_str(), entry.after.as_str()), ("dead", "dead"), "{entry:?}");
    let first = whole.entries.last().unwrap();
    assert_eq!((first.act.as_str(), first.before.as_str(), first.after.as_str()), ("login", "none", "alive"));
}

async fn each_standing_has_its_cause_and_its_actor(world: &World) {
    world.store("off", "7000001").await;
    world.admin.patch("/v1/stores/7000001", &json!({"is_active": false})).await.is(200);
    let told = explained(world, "7000001").await;
    assert_eq!((told.cause.as_str(), told.who_must_act.as_str()), ("inactive", "operator"));
    assert_eq!(told.since, None, "what another matter set is no beginning");

    world.store("dead", "7000002").await;
    world.portal.kill_sessions(Some("7000002"));
    assert_eq!(world.admin.validity("7000002").await, "dead");
    let told = explained(world, "7000002").await;
    assert_eq!((told.cause.as_str(), told.who_must_act.as_str()), ("dead_unmended", "nobody"));
    assert_eq!(told.valid_until_estimate, None, "nothing is left to estimate");

    world.store("gone", "7000003").await;
    world.database.execute("update kaspi_stores set guid = null where merchant_id = '7000003'").await;
    crate::harness::eventually("the session is gone", async || {
        let told = explained(world, "7000003").await;
        (told.cause == "never_signed_in").then(|| assert_eq!(told.who_must_act, "merchant"))
    })
    .await;
}

async fn a_timeline_tells_what_happened_newest_first(world: &World) {
    world.store("shop", "7000001").await;
    assert_eq!(world.admin.validity("7000001").await, "alive");
    world.advance(SignedDuration::from_mins(1));
    assert_eq!(world.admin.validity("7000001").await, "alive");
    world.portal.kill_sessions(None);
    assert_eq!(world.admin.validity("7000001").await, "dead");
    world.admin.get("/v1/stores/7000001/session?wait=30s").await.is(200);

    // It is written down when the session is served already.
    let whole = crate::harness::eventually("the refresh is written down", async || {
        let whole: Timeline = world.admin.get("/v1/stores/7000001/timeline").await.is(200).read();
        (whole.entries[0].act == "refresh").then_some(whole)
    })
    .await;
    assert_eq!(whole.next_before, None);
    let told: Vec<_> = whole
        .entries
        .iter()
        .map(|entry| (entry.act.as_str(), entry.before.as_str(), entry.after.as_str(), entry.generation))
        .collect();
    assert_eq!(told[..2], [("refresh", "dead", "alive", 2), ("probe", "alive", "dead", 1)], "{told:?}");
    let refresh = &whole.entries[0];
    assert_eq!((refresh.rung.as_deref(), refresh.code.as_deref()), (Some("silent"), None));
    assert!(whole.entries.iter().any(|entry| entry.times == 2 && entry.first_at < entry.at), "{told:?}");
    let sequences: Vec<_> = whole.entries.iter().map(|entry| entry.sequence).collect();
    assert!(sequences.is_sorted_by(|newer, older| newer > older));

    let (mut paged, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/stores/7000001/timeline?limit=1{before}");
        let page: Timeline = world.admin.get(&path).await.is(200).read();
        paged.extend(page.entries);
        match page.next_before {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(paged, whole.entries);
}

async fn strangers_and_nonsense_are_refused(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    one.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    for path in ["timeline", "explain", "explain?lang=ru", "timeline?before=1"] {
        let path = format!("/v1/stores/30000001/{path}");
        one.get(&path).await.is(200);
        other.get(&path).await.is_problem(404, "store_not_found");
    }
    for path in [
        "timeline?limit=0",
        "timeline?limit=501",
        "timeline?before=0",
        "timeline?before=x",
        "timeline?after=1",
        "explain?lang=de",
        "explain?lang=",
        "explain?language=ru",
    ] {
        one.get(&format!("/v1/stores/30000001/{path}")).await.is_problem(422, "invalid_value");
    }
}

async fn a_store_says_when_it_is_looked_at_and_was_used(world: &World) {
    world.store("shop", "7000001").await;
    let before = world.admin.keeping("7000001").await;
    assert!(before.next_look_at.is_some() && before.last_used_at.is_none(), "{before:?}");
    world.admin.session("7000001").await;
    world.node().service().sessions.write_uses().await.unwrap();
    assert!(world.admin.keeping("7000001").await.last_used_at.is_some());
    world.admin.refresh("7000001").await.is(200);
    let refresh = crate::harness::eventually("the refresh is noted", async || {
        world.admin.keeping("7000001").await.last_refresh
    })
    .await;
    assert_eq!((refresh.rung.as_deref(), refresh.code, refresh.retry_at), (Some("silent"), None, None));
    let listed = world.admin.get("/v1/stores").await.json();
    assert!(listed["stores"][0].get("can_refresh").is_none(), "lists stay cheap");
}

on_both!(
    a_refused_password_is_the_merchants_matter_in_three_languages,
    what_is_tried_in_vain_is_told_since_it_began,
    a_timeline_tells_what_happened_newest_first,
    a_store_says_when_it_is_looked_at_and_was_used,
);
on_sqlite!(
    what_is_well_needs_nobody,
    each_standing_has_its_cause_and_its_actor,
    strangers_and_nonsense_are_refused,
);
