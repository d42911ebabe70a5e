//! Evidence of a login: read by operators, replayed by the sandbox, gone after its time. And the picture of a challenge, which
//! the login's own caller sees.

use jiff::SignedDuration;
use kaspi_auth_core::Code;
use kaspi_auth_core::evidence::{Evidence, EvidenceStep};
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::login::Driver;
use kaspi_auth_core::port::Clock as _;
use kaspi_sandbox::Fixture;
use serde_json::{Value, json};

use crate::harness::{Kind, Login, PASSWORD, World, on_both, on_sqlite};

const HTML: &str = "<!doctype html><title>canary page</title><input name=\"username\">";
const SCREENSHOT: &[u8] = b"\x89PNG\r\n\x1a\nscreenshot";
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\npicture";

fn seen(world: &World) -> Evidence {
    let page = "https://idmc.shop.kaspi.kz/login?client_id".to_owned();
    let step = |name: &str, millis| EvidenceStep {
        name: name.to_owned(),
        url: page.clone(),
        outcome: "unknown page".to_owned(),
        millis,
    };
    Evidence {
        driver: Driver::Browser,
        code: Some(Code::PortalChanged),
        at: world.clock.now(),
        page: Some(page.clone()),
        steps: vec![step("open", 12), step("password", 345)],
        skeleton: Some(HTML.to_owned()),
        screenshot: Some(SCREENSHOT.to_vec()),
        picture: Some(PICTURE.to_vec()),
    }
}

async fn keep(world: &World, login: &Login, evidence: &Evidence) -> String {
    world.node().service().records.keep(LoginId(login.id), evidence).await.unwrap();
    format!("/v1/logins/{}/evidence", login.id)
}

async fn an_operator_reads_what_was_seen(world: &World) {
    let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await;
    let evidence = seen(world);
    let path = keep(world, &login, &evidence).await;
    let page = evidence.page.clone().unwrap();
    let expected = json!({
        "login_id": login.id, "driver": "browser", "code": "portal_changed", "at": evidence.at, "page": page,
        "steps": [
            {"name": "open", "url": page, "outcome": "unknown page", "millis": 12},
            {"name": "password", "url": page, "outcome": "unknown page", "millis": 345},
        ],
        "skeleton": HTML, "screenshot": format!("{path}/screenshot"), "picture": format!("{path}/picture"),
        "fixture": format!("{path}?format=fixture"),
    });
    assert_eq!(world.admin.get(&path).await.is(200).json(), expected);
    assert_eq!(world.admin.get(&format!("{path}?format=json")).await.is(200).json(), expected);
    for (part, bytes) in [("screenshot", SCREENSHOT), ("picture", PICTURE)] {
        let request = world.admin.request(reqwest::Method::GET, &format!("{path}/{part}"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "image/png");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").contains("default-src 'none'"));
        assert_eq!(answer.bytes().await.unwrap(), bytes);
    }
    let stored = world.database.bytes().await;
    let contains = |part: &[u8]| stored.windows(part.len()).any(|window| window == part);
    assert!(!contains(b"canary page") && !contains(b"screenshot"), "evidence is sealed");
}

async fn the_sandbox_replays_the_page(world: &World) {
    let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await;
    let path = keep(world, &login, &seen(world)).await;
    let fixture = world.admin.get(&format!("{path}?format=fixture")).await.is(200);
    Fixture::read(fixture.text.as_bytes()).unwrap();
    assert_eq!(
        fixture.json(),
        json!({
            "version": 1, "kind": "kaspi-auth.page", "url": "https://idmc.shop.kaspi.kz/login?client_id", "status": 200,
            "html": HTML
        })
    );
    world.admin.get(&format!("{path}?format=xml")).await.is_problem(422, "invalid_value");
    world.admin.get(&format!("{path}?more=1")).await.is_problem(422, "invalid_value");
}

async fn what_was_not_kept_is_not_there(world: &World) {
    let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await;
    let path = format!("/v1/logins/{}/evidence", login.id);
    let parts = ["", "/screenshot", "/picture", "?format=fixture"];
    for part in parts {
        world.admin.get(&format!("{path}{part}")).await.is_problem(404, "evidence_not_found");
    }
    let bare = Evidence { skeleton: None, screenshot: None, picture: None, ..seen(world) };
    keep(world, &login, &bare).await;
    let view = world.admin.get(&path).await.is(200).json();
    for key in ["skeleton", "screenshot", "picture", "fixture"] {
        assert_eq!(view[key], Value::Null, "{key}");
    }
    for part in &parts[1..] {
        world.admin.get(&format!("{path}{part}")).await.is_problem(404, "evidence_not_found");
    }
    for part in parts {
        let unknown = format!("/v1/logins/{}/evidence{part}", uuid::Uuid::nil());
        world.admin.get(&unknown).await.is_problem(404, "login_not_found");
    }
    world.advance(SignedDuration::from_hours(24 * 7) + SignedDuration::from_secs(1));
    world.admin.get(&path).await.is_problem(404, "evidence_not_found");
}

async fn a_login_that_failed_without_a_browser_leaves_evidence_too(world: &World) {
    let login = world.admin.sign_in_as("broken@sandbox.test", PASSWORD).await.stands("failed");
    let evidence = world.admin.get(&format!("/v1/logins/{}/evidence", login.id)).await.is(200);
    let view = evidence.json();
    assert_eq!((&view["driver"], &view["code"]), (&json!("direct"), &json!(login.code())));
    let steps = view["steps"].as_array().unwrap();
    assert!(!steps.is_empty() && steps.iter().all(|step| step["millis"].is_u64()), "{view}");
    assert!(!evidence.text.contains(PASSWORD) && !evidence.text.contains("broken@"), "{view}");
}

/// Makes a login that waits for a code wait for a person, as a browser's login would.
async fn wait_for_a_person(world: &World, login: &Login) {
    let id = match world.database.kind() {
        Kind::Sqlite => format!("x'{}'", login.id.simple()),
        Kind::Postgres => format!("'{}'", login.id),
    };
    let held = world.database.texts(&format!("select record from kaspi_auth_logins where id = {id}")).await;
    let mut record: Value = serde_json::from_str(&held[0]).unwrap();
    let challenge = login.asked();
    record["state"] = json!({
        "state": "awaiting",
        "challenge": {
            "kind": "captcha", "instruction": "Read the picture.", "sent_at": challenge.sent_at,
            "expires_at": challenge.expires_at
        }
    });
    let set = format!("state = 'awaiting_captcha', record = '{record}'");
    world.database.execute(&format!("update kaspi_auth_logins set {set} where id = {id}")).await;
}

async fn a_caller_sees_what_its_own_login_asks_to_look_at(world: &World) {
    let (one, other) = (world.node().user("one").await, world.node().user("other").await);
    let login = one.sign_in_as("code@sandbox.test", PASSWORD).await.stands("awaiting_code");
    assert_eq!(login.asked().picture_url, None);
    let path = format!("/v1/logins/{}/challenge/picture", login.id);
    one.get(&path).await.is_problem(409, "login_not_awaiting");

    wait_for_a_person(world, &login).await;
    let asked = one.login(login.id).await.stands("awaiting_captcha");
    assert_eq!(asked.asked().picture_url.as_deref(), Some(path.as_str()));
    assert_eq!(asked.asked().instruction.as_deref(), Some("Read the picture."));
    one.get(&path).await.is_problem(404, "evidence_not_found");
    keep(world, &login, &Evidence { picture: None, ..seen(world) }).await;
    let whole = one.request(reqwest::Method::GET, &path).send().await.unwrap();
    assert_eq!((whole.status().as_u16(), whole.bytes().await.unwrap().as_ref()), (200, SCREENSHOT));
    keep(world, &login, &seen(world)).await;
    let picture = one.request(reqwest::Method::GET, &path).send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/png");
    assert_eq!(picture.headers()["cache-control"], "no-store");
    assert_eq!(picture.bytes().await.unwrap(), PICTURE);

    other.get(&path).await.is_problem(404, "login_not_found");
    // The rest of what was seen is the operator's.
    let evidence = format!("/v1/logins/{}/evidence", login.id);
    for part in ["", "/screenshot", "/picture"] {
        one.get(&format!("{evidence}{part}")).await.is_problem(403, "insufficient_scope");
    }
    one.delete(&format!("/v1/logins/{}", login.id)).await.is(200);
    one.get(&path).await.is_problem(409, "login_not_awaiting");
}

on_both!(
    an_operator_reads_what_was_seen,
    what_was_not_kept_is_not_there,
    a_caller_sees_what_its_own_login_asks_to_look_at,
);
on_sqlite!(the_sandbox_replays_the_page, a_login_that_failed_without_a_browser_leaves_evidence_too);
