//! The gateway: services call the cabinet without ever holding a cookie, and do not notice that a session has ended.

use futures_util::future::join_all;
use jiff::SignedDuration;
use kaspi_auth::config::Config;
use kaspi_sandbox::{Fault, FaultKind, Renewal};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Kind, Node, World, eventually, on_each, on_sqlite};

const PRICES: &str = "/pricefeed/upload/merchant/process";

/// Many calls at once are no matter of these tests.
fn unlimited(config: &mut Config) {
    config.gateway.prices_per_second = 0.0;
    config.gateway.offers_per_second = 0.0;
    config.gateway.others_per_second = 0.0;
}

async fn key(world: &World, body: &Value) -> Client {
    let made = world.admin.post("/v1/api-keys", body).await.is(201).json();
    world.node().anyone().with(made["key"].as_str().unwrap())
}

/// A service that may call these paths.
async fn service(world: &World, paths: &[&str]) -> Client {
    key(world, &json!({"name": "service", "scopes": ["cabinet:call"], "cabinet_paths": paths})).await
}

fn at(uid: &str, path: &str) -> String {
    format!("/v1/stores/{uid}/cabinet{path}")
}

#[track_caller]
fn holds_no_secret(answer: &Answer) {
    assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
    assert!(!answer.text.contains("mc-sid"), "{answer:?}");
}

async fn push(client: &Client, uid: &str, repeat: Option<&str>) -> Answer {
    let mut request = client.request(Method::POST, &at(uid, PRICES));
    if let Some(word) = repeat {
        request = request.header("kaspi-auth-repeat", word);
    }
    let body = json!({"merchantUid": uid, "sku": "none", "model": "x", "price": 100});
    client.send(request.json(&body)).await
}

async fn a_service_calls_the_cabinet_and_never_sees_a_cookie(world: &World) {
    world.store("a", "40000001").await;
    world.store("b", "40000002").await;
    let client = service(world, &["/s/m", "/bff/*"]).await;
    let answer = client.get(&at("40000001", "/s/m")).await.is(200);
    holds_no_secret(&answer);
    assert!(answer.text.contains("40000001") && !answer.text.contains("40000002"), "{answer:?}");
    assert_eq!(answer.header("kaspi-auth-generation"), "1");
    assert_eq!(answer.header("cache-control"), "no-store");

    // The caller's own cookies and key stay here: with another store's session nothing else is opened.
    let foreign = world.admin.session("40000002").await.cookie_header;
    let request = client.request(Method::GET, &at("40000001", "/s/m")).header("cookie", foreign);
    let answer = client.send(request.header("x-forwarded-for", "1.2.3.4")).await.is(200);
    assert!(answer.text.contains("40000001") && !answer.text.contains("40000002"), "{answer:?}");

    // Query, status and body pass as they are.
    let offers = client.get(&at("40000001", "/bff/offer-view/list?m=40000001&p=0&l=2&a=true")).await.is(200);
    assert_eq!(offers.json()["data"].as_array().unwrap().len(), 2);
    let head = client.send(client.request(Method::HEAD, &at("40000001", "/s/m"))).await;
    assert!(matches!(head.status, 200 | 405) && head.text.is_empty(), "{head:?}");
    let unknown = client.get(&at("40000001", "/bff/nothing")).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.header("kaspi-auth-generation"), "1", "it is the cabinet that says so: {unknown:?}");
}

async fn calls_are_counted_and_timed_for_each_store(world: &World) {
    world.store("a", "40000001").await;
    world.store("b", "40000002").await;
    let client = service(world, &["/s/m", "/bff/*"]).await;
    for _ in 0..3 {
        client.get(&at("40000001", "/s/m")).await.is(200);
    }
    client.get(&at("40000001", "/bff/nothing")).await.is(404);
    client.get(&at("40000009", "/s/m")).await.is(404);
    world.portal.kill_sessions(None);
    world.portal.kill_sso(None);
    world.portal.set_fault(Fault::new(FaultKind::Status(503)).role("login"));
    let failed = client.get(&at("40000002", "/s/m")).await;
    world.portal.clear_faults();

    let calls = world.admin.get("/v1/stores/40000001/calls").await.is(200).json();
    assert_eq!(calls["times"], 4, "{calls}");
    let outcomes = calls["outcomes"].as_array().unwrap();
    let names: Vec<_> =
        outcomes.iter().map(|of| (of["outcome"].as_str().unwrap(), of["times"].as_u64().unwrap())).collect();
    assert_eq!(names, [("2xx", 3), ("4xx", 1)]);
    let (mean, slowest) =
        (outcomes[0]["mean_ms"].as_f64().unwrap(), outcomes[0]["slowest_ms"].as_f64().unwrap());
    assert!(mean > 0.0 && mean <= slowest, "{calls}");
    assert!(outcomes[0]["first_at"].as_str() < outcomes[0]["last_at"].as_str(), "{calls}");
    let other = world.admin.get("/v1/stores/40000002/calls").await.is(200).json();
    assert_eq!(
        other["outcomes"][0]["outcome"],
        failed.json()["code"],
        "what this service answers counts, too: {other}"
    );

    // Nothing is kept of what is not there, and another user's is not shown.
    world.admin.get("/v1/stores/40000009/calls").await.is(404);
    world.admin.delete("/v1/stores/40000001").await.is(204);
    assert_eq!(world.database.count("kaspi_auth_calls where merchant_id <> '40000002'").await, 0);
}

async fn a_key_calls_only_what_it_names(world: &World) {
    world.store("a", "40000001").await;
    let client = service(world, &["GET /s/m", "/bff/*"]).await;
    for path in ["/mc/facade/graphql", "/s/mm", "/b%66f", "/pricefeed/upload/merchant/process"] {
        client.get(&at("40000001", path)).await.is_problem(403, "cabinet_path_forbidden");
    }
    let post = client.request(Method::POST, &at("40000001", "/s/m")).body("{}");
    client.send(post).await.is_problem(403, "cabinet_path_forbidden");
    for path in ["/bff/../s/m", "/bff/%2e%2e/s", "/bff//x", "/bff/%2fs"] {
        let target = format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
            at("40000001", path),
            client.bearer()
        );
        let answer = crate::harness::raw(client.base(), target.as_bytes()).await;
        assert_eq!(answer.status, 422, "{path}: {answer:?}");
    }
    client.get(&at("40000001", "/login")).await.is_problem(403, "cabinet_path_forbidden");
    let calls = world.portal.counters();
    assert_eq!(calls.calls_to("GET", "cabinet", "/mc/facade/graphql"), 0, "nothing was sent");

    let no_scope =
        key(world, &json!({"name": "x", "scopes": ["stores:read"], "cabinet_paths": ["/*"]})).await;
    no_scope.get(&at("40000001", "/s/m")).await.is_problem(403, "insufficient_scope");
    // Whoever may do everything still names the paths.
    world.admin.get(&at("40000001", "/s/m")).await.is_problem(403, "cabinet_path_forbidden");
    world.node().anyone().get(&at("40000001", "/s/m")).await.is_problem(401, "unauthorized");
    for body in [
        json!({"name": "x", "scopes": ["cabinet:call"], "cabinet_paths": ["bff"]}),
        json!({"name": "x", "scopes": ["cabinet:call"], "cabinet_paths": ["/a/*/b"]}),
        json!({"name": "x", "scopes": ["cabinet:call"], "cabinet_paths": ["get /s/m"]}),
    ] {
        world.admin.post("/v1/api-keys", &body).await.is_problem(422, "invalid_value");
    }
    let listed = world.admin.get("/v1/api-keys").await.json();
    let keys = listed["api_keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["cabinet_paths"] == json!(["GET /s/m", "/bff/*"])), "{listed}");
}

async fn another_users_store_is_not_there(world: &World) {
    let owner = world.node().user("owner").await;
    let email = world.account("a", "40000001");
    owner.sign_in_as(&email, crate::harness::PASSWORD).await.stands("succeeded");
    let body = |user: &str| json!({"name": user, "scopes": ["cabinet:call"], "cabinet_paths": ["/s/m"], "user_id": user});
    let (own, other) = (key(world, &body("owner")).await, key(world, &body("other")).await);
    own.get(&at("40000001", "/s/m")).await.is(200);
    let before = world.portal.counters().calls_to("GET", "cabinet", "/s/m");
    other.get(&at("40000001", "/s/m")).await.is_problem(404, "store_not_found");
    other.get(&at("40009999", "/s/m")).await.is_problem(404, "store_not_found");
    assert_eq!(world.portal.counters().calls_to("GET", "cabinet", "/s/m"), before);
}

async fn a_session_that_ended_is_renewed_once_and_nobody_notices(kind: Kind) {
    World::prove_with(kind, unlimited, async |world| {
        world.store("a", "40000001").await;
        let client = service(world, &["/*"]).await;
        client.get(&at("40000001", "/s/m")).await.is(200);
        let sessions = world.portal.counters().sessions;
        world.portal.kill_sessions(Some("40000001"));
        let path = at("40000001", "/bff/offer-view/list?m=40000001&p=0&l=1&a=true");
        let answers = join_all((0..50).map(|_| client.get(&path))).await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.header("kaspi-auth-generation"), "2");
            holds_no_secret(answer);
        }
        assert_eq!(world.portal.counters().sessions, sessions + 1, "one login for all");
        assert_eq!(world.admin.store("40000001").await.generation, 2);
    })
    .await;
}

async fn what_cannot_be_renewed_is_told_with_its_reason_and_never_as_the_cabinets_401(kind: Kind) {
    World::prove_with(kind, unlimited, async |world| {
        let email = world.account("a", "40000001");
        let body = json!({"email": email, "password": crate::harness::PASSWORD});
        world.admin.sign_in(&body).await.stands("succeeded");
        world.admin.patch("/v1/stores/40000001", &json!({"forget_password": true})).await.is(200);
        let client = service(world, &["/*"]).await;
        world.portal.kill_sso(None);
        world.portal.kill_sessions(None);
        for _ in 0..2 {
            let answer = client.get(&at("40000001", "/s/m")).await;
            answer.is_problem(409, "needs_reauth");
        }
        let posted = push(&client, "40000001", Some("true")).await;
        posted.is_problem(409, "needs_reauth");
    })
    .await;
}

async fn what_changes_something_is_repeated_only_where_the_caller_says_so(kind: Kind) {
    World::prove_with(kind, unlimited, async |world| {
        world.store("a", "40000001").await;
        let client = service(world, &["/*"]).await;
        let posts = || world.portal.counters().calls_to("POST", "cabinet", PRICES);
        world.portal.kill_sessions(None);
        let refused = push(&client, "40000001", None).await;
        let problem = refused.is_problem(409, "session_refreshing");
        assert!(problem.retryable && problem.detail.contains("Kaspi-Auth-Repeat"), "{problem:?}");
        assert_eq!(posts(), 1);
        assert_ne!(push(&client, "40000001", None).await.status, 401, "the session was renewed meanwhile");
        assert_eq!(posts(), 2);

        world.clock.advance(SignedDuration::from_secs(10));
        world.portal.kill_sessions(None);
        let repeated = push(&client, "40000001", Some("true")).await;
        assert_eq!(repeated.header("kaspi-auth-generation"), "3", "{repeated:?}");
        assert_eq!(posts(), 4);

        push(&client, "40000001", Some("maybe")).await.is_problem(422, "invalid_value");
        let large = vec![b'x'; world.config.gateway.repeat_limit_bytes + 1];
        let request =
            client.request(Method::POST, &at("40000001", PRICES)).header("kaspi-auth-repeat", "true");
        client.send(request.body(large)).await.is_problem(413, "payload_too_large");
        assert_eq!(posts(), 4);
    })
    .await;
}

async fn bodies_beyond_what_this_service_reads_for_itself_pass(world: &World) {
    world.store("a", "40000001").await;
    let client = service(world, &["/*"]).await;
    let path = at("40000001", "/pricefeed/upload/merchant/upload?merchantUid=40000001");
    let body = vec![b'x'; 1_500_000];
    assert!(body.len() > world.config.server.body_limit_bytes);
    let answer = client.send(client.request(Method::POST, &path).body(body.clone())).await.is(200);
    assert!(answer.json()["id"].as_str().unwrap().starts_with("40000001-"), "{answer:?}");
    // Without a length, bit by bit.
    let chunks =
        body.chunks(100_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let answer = client.send(client.request(Method::POST, &path).body(stream)).await;
    assert_eq!((answer.status, answer.text.as_str()), (400, "Unfinished file found"));
}

async fn a_store_is_not_called_faster_than_the_portal_puts_up_with(world: &World) {
    world.store("a", "40000001").await;
    world.store("b", "40000002").await;
    let client = service(world, &["/*"]).await;
    let mut answers = Vec::new();
    for _ in 0..=world.config.gateway.prices_burst + 3 {
        answers.push(push(&client, "40000001", None).await);
    }
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    let problem = refused.is_problem(429, "rate_limited");
    assert!(problem.retryable && refused.retry_after() >= 1, "{problem:?}");
    let sent = world.portal.counters().calls_to("POST", "cabinet", PRICES);
    assert_eq!(sent, answers.iter().filter(|answer| answer.status != 429).count() as u64);
    assert_ne!(push(&client, "40000002", None).await.status, 429, "another store has its own turns");
    client.get(&at("40000001", "/s/m")).await.is(200);
}

async fn nodes_share_the_rates_of_a_store(kind: Kind) {
    let slow = |config: &mut Config| {
        (config.gateway.others_per_second, config.gateway.others_burst) = (0.001, 6);
    };
    World::prove_with(kind, slow, async |world| {
        world.store("a", "40000001").await;
        let client = service(world, &["/*"]).await;
        let (one, other) = (world.second_node().await, world.second_node().await);
        let turns = async |node: &Node| {
            let client = client.at(node.anyone().base());
            let mut turns = 0;
            while client.get(&at("40000001", "/s/m")).await.status != 429 {
                turns += 1;
            }
            turns
        };
        // Each has all the turns until it knows of the other.
        eventually("each has heard of the other", async || {
            let gateways = [&one, &other].map(|node| node.service().gateway.nodes());
            (gateways == [2, 2]).then_some(())
        })
        .await;
        assert_eq!((turns(&one).await, turns(&other).await), (3, 3), "no more than one alone may send");
        other.stop().await;
        eventually("the other's share is free", async || (one.service().gateway.nodes() == 1).then_some(()))
            .await;
        one.stop().await;
    })
    .await;
}

async fn cookies_that_the_cabinet_renews_are_kept(kind: Kind) {
    World::prove_with(kind, unlimited, async |world| {
        let mut knobs = world.portal.knobs();
        knobs.session.renewal = Renewal::Rotate;
        knobs.session.renewal_seconds = 60;
        knobs.session.rotation_grace_seconds = 10;
        world.portal.set_knobs(knobs);
        world.store("a", "40000001").await;
        let client = service(world, &["/*"]).await;
        let first = world.admin.session("40000001").await;
        world.advance(SignedDuration::from_secs(61));
        let path = at("40000001", "/bff/offer-view/list?m=40000001&p=0&l=1&a=true");
        let answers = join_all((0..20).map(|_| client.get(&path))).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        let renewed = eventually("the renewed cookie is stored", async || {
            let session = world.admin.session("40000001").await;
            (session.cookie_header != first.cookie_header).then_some(session)
        })
        .await;
        assert_eq!(renewed.generation, 2, "another session cookie is another generation");
        let passwords = world.passwords();
        // The old value ends: only the new one goes on.
        world.portal.advance_clock(std::time::Duration::from_secs(30));
        assert_eq!(world.open_cabinet(&first.cookie_header).await.0, 401);
        client.get(&path).await.is(200);
        assert_eq!(world.passwords(), passwords, "nobody signed in again");
    })
    .await;
}

async fn an_outage_of_the_portal_is_told_as_that_and_no_upgrade_passes(world: &World) {
    world.store("a", "40000001").await;
    let client = service(world, &["/*"]).await;
    world.portal.set_fault(Fault::new(FaultKind::Status(503)).role("cabinet").path("/bff").times(1));
    let answer = client.get(&at("40000001", "/bff/offer-view/list?m=40000001")).await;
    assert_eq!(answer.status, 503, "the cabinet's own answer passes: {answer:?}");
    assert_eq!(answer.header("kaspi-auth-generation"), "1");
    world.portal.set_fault(Fault::new(FaultKind::Wall(403)).role("cabinet").path("/bff").times(1));
    let wall = client.get(&at("40000001", "/bff/offer-view/list?m=40000001")).await;
    assert_eq!(wall.status, 403);
    assert_eq!(world.admin.store("40000001").await.validity, "alive");
    let upgrade = client.request(Method::GET, &at("40000001", "/s/m"));
    let upgrade = upgrade.header("connection", "upgrade").header("upgrade", "websocket");
    client.send(upgrade).await.is_problem(400, "invalid_request");
}

on_sqlite!(
    calls_are_counted_and_timed_for_each_store,
    a_service_calls_the_cabinet_and_never_sees_a_cookie,
    a_key_calls_only_what_it_names,
    another_users_store_is_not_there,
    bodies_beyond_what_this_service_reads_for_itself_pass,
    a_store_is_not_called_faster_than_the_portal_puts_up_with,
    an_outage_of_the_portal_is_told_as_that_and_no_upgrade_passes,
);

on_each!(
    nodes_share_the_rates_of_a_store,
    a_session_that_ended_is_renewed_once_and_nobody_notices,
    what_cannot_be_renewed_is_told_with_its_reason_and_never_as_the_cabinets_401,
    what_changes_something_is_repeated_only_where_the_caller_says_so,
    cookies_that_the_cabinet_renews_are_kept,
);
