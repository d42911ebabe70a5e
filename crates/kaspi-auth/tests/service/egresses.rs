//! Ways out: added, checked, used by logins, changed by hand, left when they cannot be used. The proxy is a real one.

use kaspi_auth_core::api_key::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Egress, Kind, PASSWORD, PROXY_PASSWORD, PROXY_USER, SocksProxy, World, eventually, on_both, on_sqlite,
};

const PATH: &str = "/v1/egresses";
const DIRECT: &str = "/v1/egresses/00000000-0000-0000-0000-000000000000";

async fn all(world: &World) -> Vec<Egress> {
    let listed = world.admin.get(PATH).await.is(200).json();
    serde_json::from_value(listed["egresses"].clone()).unwrap()
}

async fn add(world: &World, body: &Value) -> Egress {
    world.admin.post(PATH, body).await.is(201).read()
}

async fn change(world: &World, egress: &Egress, body: &Value) -> Egress {
    world.admin.patch(&path(egress), body).await.is(200).read()
}

fn path(egress: &Egress) -> String {
    format!("{PATH}/{}", egress.id)
}

/// A proxy to the world's portal, and the egress through it; the direct one is switched off.
async fn only_by_proxy(world: &World) -> (SocksProxy, Egress) {
    let proxy = SocksProxy::start(world.portal_address()).await;
    let egress = add(world, &json!({"name": "proxy", "proxy": proxy.good_url()})).await;
    world.admin.patch(DIRECT, &json!({"enabled": false})).await.is(200);
    (proxy, egress)
}

async fn the_built_in_egress_goes_directly_and_stays(world: &World) {
    let only = all(world).await;
    assert_eq!(only.len(), 1);
    let direct: Egress = world.admin.get(DIRECT).await.is(200).read();
    assert_eq!(only[0], direct);
    assert!(
        direct.id.is_nil() && direct.proxy.is_none() && direct.enabled && direct.usable && !direct.managed
    );
    world.admin.delete(DIRECT).await.is_problem(422, "invalid_value");
    let proxy = json!({"proxy": "http://127.0.0.1:1"});
    world.admin.patch(DIRECT, &proxy).await.is_problem(422, "invalid_value");

    let off: Egress = world.admin.patch(DIRECT, &json!({"enabled": false})).await.is(200).read();
    assert!(!off.enabled && !off.usable && off.revision > direct.revision);
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    let refused = world.admin.post("/v1/logins", &body).await;
    assert!(refused.is_problem(503, "egress_unusable").retryable);
    assert!(refused.retry_after() >= 1);
    assert_eq!(world.posts(), 0, "nothing was sent by another way");
    world.admin.patch(DIRECT, &json!({"enabled": true})).await.is(200);
    let login = world.admin.sign_in(&body).await.stands("succeeded");
    assert!(login.egress_id.is_nil());
    assert_eq!(world.admin.get(DIRECT).await.read::<Egress>().pinned_accounts, 1);
}

async fn a_login_goes_over_its_accounts_proxy_and_keeps_to_it(world: &World) {
    let (proxy, egress) = only_by_proxy(world).await;
    assert_eq!((egress.check_error.as_deref(), egress.usable), (None, true));
    assert!(egress.checked_at.is_some() && proxy.connections() > 0, "it was checked");
    let shown = egress.proxy.clone().unwrap();
    assert_eq!((shown.scheme.as_str(), shown.port), ("socks5", proxy.addr().port()));
    assert_eq!((shown.username.as_deref(), shown.has_password), (Some(PROXY_USER), true));

    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await.stands("awaiting_code");
    assert_eq!((login.egress_id, login.driver.as_str()), (egress.id, "direct"));
    // Back on: the login and the account keep to theirs.
    world.admin.patch(DIRECT, &json!({"enabled": true})).await.is(200);
    let login = world.admin.answer_code(login.id, &world.code("code@sandbox.test")).await.stands("succeeded");
    assert_eq!(login.egress_id, egress.id);
    let store = world.admin.store("30000002").await;
    assert_eq!((store.egress_id, store.driver.as_deref()), (Some(egress.id), Some("direct")));
    let again = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await;
    assert_eq!(again.egress_id, egress.id);
    assert_eq!(world.admin.get(&path(&egress)).await.read::<Egress>().pinned_accounts, 1);
    assert_eq!(events(world).await, Vec::<Value>::new());

    let everything = format!("{:?}", (world.admin.get(PATH).await, world.admin.get("/metrics").await));
    let stored = world.database.bytes().await;
    for secret in [PROXY_PASSWORD, "pr0xy%3Ap%40ss%2Fword"] {
        assert!(!everything.contains(secret), "the proxy's password is shown");
        let bytes = secret.as_bytes();
        assert!(!stored.windows(bytes.len()).any(|window| window == bytes), "it stands in the database");
    }
}

async fn a_proxy_that_does_not_work_is_kept_and_not_used(world: &World) {
    let proxy = SocksProxy::start(world.portal_address()).await;
    let body = json!({"name": "wrong", "proxy": proxy.url(PROXY_USER, "wrong-canary")});
    let added = world.admin.post(PATH, &body).await.is(201);
    let egress: Egress = added.read();
    assert_eq!(added.header("location"), path(&egress));
    assert!(!egress.usable && egress.enabled && egress.checked_at.is_some());
    let error = egress.check_error.clone().unwrap();
    assert!(error.starts_with("portal_unavailable") && !added.text.contains("wrong-canary"), "{error}");
    assert_eq!(proxy.connections(), 0);
    // What is well is taken, what is not is left alone.
    assert!(world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.egress_id.is_nil());

    let parts = json!({
        "scheme": "socks5", "host": "127.0.0.1", "port": proxy.addr().port(), "username": PROXY_USER, "password": PROXY_PASSWORD
    });
    let mended = change(world, &egress, &json!({"proxy": parts})).await;
    assert_eq!((mended.check_error.as_deref(), mended.usable), (None, true));
    assert!(mended.revision > egress.revision && proxy.connections() > 0);
    assert_eq!(mended.health.score, 100, "the old proxy's health is not the new one's");

    // A check by hand tells how it is now.
    drop(proxy);
    let checked: Egress = world.admin.call(&format!("{}:check", path(&egress))).await.is(200).read();
    assert!(checked.check_error.is_some() && !checked.usable && checked.revision == mended.revision);
}

async fn an_account_moves_when_its_egress_cannot_be_used_and_an_event_says_so(world: &World) {
    let (_proxy, egress) = only_by_proxy(world).await;
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    world.admin.patch(DIRECT, &json!({"enabled": true})).await.is(200);

    change(world, &egress, &json!({"enabled": false})).await;
    let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    assert!(login.egress_id.is_nil());
    let events = events(world).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["type"], "egress.replaced");
    let data = &events[0]["data"];
    assert_eq!(data["from_egress_id"], egress.id.to_string());
    assert_eq!(data["to_egress_id"], uuid::Uuid::nil().to_string());
    assert!(!data["account_masked"].as_str().unwrap().contains("plain@"), "{data}");

    world.admin.delete(&path(&egress)).await.is(204);
    world.admin.get(&path(&egress)).await.is_problem(404, "egress_not_found");
    world.admin.delete(&path(&egress)).await.is_problem(404, "egress_not_found");
    world.admin.patch(&path(&egress), &json!({"enabled": true})).await.is_problem(404, "egress_not_found");
    assert_eq!(all(world).await.len(), 1);
}

async fn names_and_limits_are_changed_one_by_one(world: &World) {
    let first = add(world, &json!({"name": " one ", "proxy": null, "per_second": 2.5, "burst": 3})).await;
    assert_eq!((first.name.as_str(), first.per_second, first.burst, first.in_flight), ("one", 2.5, 3, 0));
    let off = add(world, &json!({"name": "two", "proxy": null, "enabled": false})).await;
    assert!(!off.enabled && !off.usable);
    let taken = json!({"name": "one", "proxy": null});
    world.admin.post(PATH, &taken).await.is_problem(422, "invalid_value");
    world.admin.patch(&path(&off), &json!({"name": "one"})).await.is_problem(422, "invalid_value");

    let changed = change(world, &first, &json!({"in_flight": 7})).await;
    assert_eq!((changed.per_second, changed.burst, changed.in_flight), (2.5, 3, 7));
    let changed = change(world, &first, &json!({"per_second": 0, "name": "uno"})).await;
    assert_eq!((changed.name.as_str(), changed.per_second, changed.in_flight), ("uno", 0.0, 7));
    let names: Vec<_> = all(world).await.into_iter().map(|egress| egress.name).collect();
    assert_eq!(names, ["direct", "two", "uno"], "by name");
}

async fn a_check_is_called_by_its_own_address(world: &World) {
    let checked: Egress = world.admin.call(&format!("{DIRECT}:check")).await.is(200).read();
    assert!(checked.checked_at.is_some() && checked.check_error.is_none());
    world.admin.call(&format!("{DIRECT}%3Acheck")).await.is(200);
    world.admin.call(DIRECT).await.is_problem(404, "not_found");
    world.admin.call(&format!("{DIRECT}:burn")).await.is_problem(404, "not_found");
    world.admin.get(&format!("{DIRECT}:check")).await.is_problem(404, "egress_not_found");
    for unknown in ["x:check", ":check", "0198f0c2-c5d2-7b1e-8d0c-1f2a3b4c5d6e:check"] {
        world.admin.call(&format!("{PATH}/{unknown}")).await.is_problem(404, "egress_not_found");
    }
}

async fn egresses_that_make_no_sense_are_refused(world: &World) {
    let good = json!({"name": "x", "proxy": null});
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    let parts = |key: &str, value: Value| {
        let mut parts = json!({"scheme": "http", "host": "canary", "port": 1});
        parts[key] = value;
        with("proxy", parts)
    };
    let bodies = [
        json!({"name": "x"}),
        json!({"proxy": null}),
        with("name", json!("")),
        with("name", json!(" ")),
        with("name", json!("a\u{0}b")),
        with("name", json!("n".repeat(65))),
        with("name", json!(null)),
        with("more", json!(1)),
        with("enabled", json!("yes")),
        with("per_second", json!(-1)),
        with("per_second", json!(1e9)),
        with("per_second", json!("1")),
        with("burst", json!(-1)),
        with("burst", json!(10_001)),
        with("in_flight", json!(1.5)),
        with("in_flight", json!(10_001)),
        with("proxy", json!("")),
        with("proxy", json!("canary")),
        with("proxy", json!("ftp://canary:1")),
        with("proxy", json!("http://canary:1/path")),
        with("proxy", json!("http://can\nary:70000")),
        with("proxy", json!("socks5://u:canary%0d%0a@h:1")),
        with("proxy", json!("http://:canary@h:1")),
        with("proxy", json!([])),
        with("proxy", json!({})),
        parts("scheme", json!("tor")),
        parts("host", json!("")),
        parts("host", json!("a b")),
        parts("port", json!(0)),
        parts("port", json!(65_536)),
        parts("username", json!("a:b")),
        parts("password", json!("canary")),
        parts("pass", json!("canary")),
    ];
    for body in bodies {
        let answer = world.admin.post(PATH, &body).await;
        let problem = answer.is_problem(422, "invalid_value");
        assert!(!problem.detail.contains("canary"), "{body}: {problem:?}");
    }
    for body in
        [json!({"wake": 1}), json!({"revision": 1}), json!({"proxy": "canary"}), json!({"burst": 99_999})]
    {
        world.admin.patch(DIRECT, &body).await.is_problem(422, "invalid_value");
    }
    assert_eq!(all(world).await.len(), 1);
    assert!(world.admin.patch(DIRECT, &json!({})).await.is(200).read::<Egress>().enabled);
}

async fn only_admin_sees_the_ways_out(world: &World) {
    let others = [Scope::StoresRead, Scope::StoresWrite, Scope::LoginsWrite, Scope::SessionsRead];
    let client = world.node().client(&others).await;
    for (method, path) in [
        (Method::GET, PATH.to_owned()),
        (Method::GET, DIRECT.to_owned()),
        (Method::DELETE, DIRECT.to_owned()),
        (Method::POST, format!("{DIRECT}:check")),
        (Method::GET, "/v1/events".to_owned()),
    ] {
        client.send(client.request(method, &path)).await.is_problem(403, "insufficient_scope");
    }
}

on_both!(
    the_built_in_egress_goes_directly_and_stays,
    a_login_goes_over_its_accounts_proxy_and_keeps_to_it,
    a_proxy_that_does_not_work_is_kept_and_not_used,
    an_account_moves_when_its_egress_cannot_be_used_and_an_event_says_so,
    names_and_limits_are_changed_one_by_one,
);
on_sqlite!(
    a_check_is_called_by_its_own_address,
    egresses_that_make_no_sense_are_refused,
    only_admin_sees_the_ways_out,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn walls_make_an_egress_rest_until_it_is_woken() {
    let touchy = |config: &mut kaspi_auth::config::Config| config.rates.rest_after_blocks = 1;
    World::prove_with(Kind::Sqlite, touchy, async |world| {
        let walled = world.admin.sign_in_as("wall@sandbox.test", PASSWORD).await.stands("failed");
        assert_eq!(walled.code(), "portal_blocked");
        let resting: Egress = world.admin.get(DIRECT).await.read();
        assert!(!resting.usable && resting.health.score < 100 && resting.health.blocks == 1, "{resting:?}");
        let until = resting.health.rest_until.unwrap();
        let told = &events(world).await[0];
        assert_eq!((&told["type"], &told["data"]["name"]), (&json!("egress.resting"), &json!("direct")));
        assert_eq!(told["data"]["rest_until"], until.to_string());

        let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
        let refused = world.admin.post("/v1/logins", &body).await;
        assert!(refused.is_problem(503, "egress_unusable").retry_at.is_some());
        assert!((1..=60).contains(&refused.retry_after()), "{refused:?}");

        let woken: Egress = world.admin.patch(DIRECT, &json!({"wake": true})).await.is(200).read();
        assert!(woken.usable && woken.health.rest_until.is_none() && woken.health.blocks == 0);
        world.admin.sign_in(&body).await.stands("succeeded");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_in_the_configuration_is_changed_there() {
    let proxies = |config: &mut kaspi_auth::config::Config| {
        let file = "[[egress.proxies]]\nname = \"fixed\"\nurl = \"http://user:canary@127.0.0.1:9\"\n";
        let read: toml::Table = toml::from_str(file).unwrap();
        config.egress.proxies = read["egress"]["proxies"].clone().try_into().unwrap();
    };
    World::prove_with(Kind::Sqlite, proxies, async |world| {
        // A lasting process takes the configuration over when it starts.
        let node = world.second_node().await;
        let fixed = eventually("the configured egress is there and checked", async || {
            all(world).await.into_iter().find(|egress| egress.name == "fixed" && egress.checked_at.is_some())
        })
        .await;
        let listed = world.admin.get(PATH).await.is(200);
        assert!(!listed.text.contains("canary"));
        assert!(fixed.managed && !fixed.usable && fixed.check_error.is_some(), "{fixed:?}");
        for body in [json!({"name": "other"}), json!({"proxy": null}), json!({"in_flight": 1})] {
            world.admin.patch(&path(&fixed), &body).await.is_problem(409, "egress_managed");
        }
        world.admin.delete(&path(&fixed)).await.is_problem(409, "egress_managed");
        assert!(!change(world, &fixed, &json!({"enabled": false})).await.enabled);
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_no_turn_in_time_hears_when_to_come_back() {
    let impatient = |config: &mut kaspi_auth::config::Config| config.rates.wait_seconds = 0;
    World::prove_with(Kind::Sqlite, impatient, async |world| {
        world.admin.patch(DIRECT, &json!({"per_second": 0.01, "burst": 1})).await.is(200);
        world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
        let posts = world.posts();
        let login = world.admin.sign_in_as("always@sandbox.test", PASSWORD).await.stands("failed");
        let error = login.error.clone().unwrap();
        assert_eq!((error.code.as_str(), error.retryable), ("rate_limited", true));
        assert!(error.retry_at.is_some_and(|at| at > login.created_at), "{error:?}");
        // Where the caller waits for the end, it is a problem of that very call.
        let body = json!({"email": "always@sandbox.test", "password": PASSWORD});
        let refused = world.admin.post("/api/kaspi/auth/login", &body).await;
        assert!(refused.is_problem(429, "rate_limited").retryable);
        assert!((1..=100).contains(&refused.retry_after()), "{refused:?}");
        assert_eq!(world.posts(), posts, "nothing was sent to the portal");
        world.admin.patch(DIRECT, &json!({"per_second": 0})).await.is(200);
        world.admin.sign_in(&body).await.stands("awaiting_code");
    })
    .await;
}

async fn events(world: &World) -> Vec<Value> {
    world.admin.get("/v1/events").await.is(200).json()["events"].as_array().unwrap().clone()
}
