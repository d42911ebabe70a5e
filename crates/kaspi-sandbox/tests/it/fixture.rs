//! A page of an exported evidence stands in for the login page: as a file of the program, over HTTP and in the process.
//! It must not need a browser.

use crate::client::{Answer, Portal};
use http::{Method, header};
use kaspi_sandbox::{Fixture, Options};
use serde_json::{Value, json};

fn file() -> Value {
    json!({
        "version": 1, "kind": "kaspi-auth.page", "url": "https://idmc.shop.kaspi.kz/login", "status": 403,
        "html": "<!doctype html><form><input name=\"sign-in\"></form>",
        "headers": {"content-type": "text/html; charset=utf-8", "server": "portal", "set-cookie": "theirs=1"},
    })
}

async fn page(portal: &Portal) -> Answer {
    portal.get(&format!("{}/login", portal.login), &[]).await
}

#[tokio::test]
async fn a_fixture_is_the_login_page_from_the_start_and_after_a_reset() {
    let fixture = Fixture::read(file().to_string().as_bytes()).expect("a fixture");
    let portal = Portal::start_with(Options { fixture: Some(fixture), ..Options::default() }).await;
    for _ in 0..2 {
        let answer = page(&portal).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (403, file()["html"].as_str().unwrap()));
        assert_eq!(answer.headers[header::SERVER], "portal");
        assert_eq!(answer.headers["x-sandbox"], "fixture");
        assert_eq!(answer.headers.get_all(header::CACHE_CONTROL).iter().count(), 1);
        assert!(answer.has_cookie("MS_AUTH_SSO") && !answer.has_cookie("theirs"));
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(policy.starts_with("default-src 'self'"), "{policy}");
        assert_eq!(portal.control().counters().page_views("fixture"), 1);
        portal.control().set_fixture(None);
        assert!(page(&portal).await.body.contains("user_email_field"));
        assert_eq!(portal.control().counters().page_views("login"), 1);
        portal.control().reset();
    }
    assert_eq!(portal.password("plain@sandbox.test").await.status, 200);
}

#[tokio::test]
async fn a_fixture_is_set_read_and_taken_away_over_http() {
    let portal = Portal::start_with(Options { control: true, ..Options::default() }).await;
    let url = format!("{}/sandbox/control/fixture", portal.site);
    assert_eq!(portal.get(&url, &[]).await.json(), json!({"fixture": null}));
    assert_eq!(portal.post(&url, &[], &file()).await.status, 200);
    assert_eq!(page(&portal).await.status, 403);
    assert_eq!(portal.get(&url, &[]).await.json(), json!({"fixture": file()}));
    portal.send(portal.http.request(Method::DELETE, &url)).await;
    assert_eq!(page(&portal).await.status, 200);
}

#[tokio::test]
async fn what_is_no_fixture_is_refused_with_a_reason() {
    let portal = Portal::start_with(Options { control: true, ..Options::default() }).await;
    let url = format!("{}/sandbox/control/fixture", portal.site);
    let mut other = file();
    other["version"] = json!(7);
    let answer = portal.post(&url, &[], &other).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (400, &json!("`version` is 7; only 1 is known"))
    );
    let mut large = file();
    large["html"] = json!("x".repeat(3_000_000));
    assert_eq!(portal.post(&url, &[], &large).await.status, 413);
    assert_eq!(page(&portal).await.status, 200);
}
