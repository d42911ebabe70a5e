//! Where the pages are (CONTRACT 1, 2) and what they need from the server.
//! It must leave what the pages do to the browser's tests.

use crate::client::Portal;
use http::header;
use serde_json::{Value, json};

fn origins(html: &str) -> Value {
    let (_, rest) =
        html.split_once("<script id=\"origins\" type=\"application/json\">").expect("the origins");
    serde_json::from_str(rest.split("</script>").next().unwrap_or_default()).expect("JSON")
}

#[tokio::test]
async fn every_page_says_sandbox_and_knows_the_origins() {
    let portal = Portal::start().await;
    let pages = [
        format!("{}/", portal.site),
        format!("{}/mc/", portal.site),
        format!("{}/mc", portal.site),
        format!("{}/sandbox/inbox", portal.site),
        format!("{}/login", portal.login),
        format!("{}/login?sandbox=changed", portal.login),
    ];
    for page in pages {
        let answer = portal.get(&page, &[]).await;
        assert_eq!(answer.status, 200, "{page}");
        assert!(
            answer.headers[header::CONTENT_TYPE].to_str().is_ok_and(|kind| kind.starts_with("text/html"))
        );
        assert!(answer.body.contains("SANDBOX"), "{page}");
        let wanted = json!({"site": portal.site, "login": portal.login, "cabinet": portal.cabinet});
        assert_eq!(origins(&answer.body), wanted, "{page}");
    }
}

#[tokio::test]
async fn the_start_page_names_the_inbox_as_everything_else_does() {
    let portal = Portal::start().await;
    let page = portal.get(&format!("{}/", portal.site), &[]).await.body;
    assert!(page.contains(&format!("href=\"{}/sandbox/inbox\"", portal.site)));
}

#[tokio::test]
async fn the_shell_is_the_same_for_everyone() {
    let portal = Portal::start().await;
    let session = portal.session("plain@sandbox.test").await;
    let url = format!("{}/mc/", portal.site);
    assert_eq!(portal.get(&url, &[]).await.body, portal.get(&url, &[&session]).await.body);
}

#[tokio::test]
async fn the_login_page_has_the_ids_that_clients_look_for() {
    let portal = Portal::start().await;
    let page = portal.get(&format!("{}/login", portal.login), &[]).await.body;
    for id in
        ["user_email_field", "password_field", "user_phone_field", "security-code", "phone_tab", "email_tab"]
    {
        assert!(page.contains(id), "{id}");
    }
    portal.turn(&json!({"login": {"changed_page": true}}));
    let changed = portal.get(&format!("{}/login", portal.login), &[]).await.body;
    assert!(!changed.contains("id=\"user_email_field\""));
}

#[tokio::test]
async fn old_addresses_land_on_the_login_form() {
    let portal = Portal::start().await;
    for path in ["/merchantcabinet/", "/merchantcabinet/login", "/merchantcabinet"] {
        let answer = portal.get(&format!("{}{path}", portal.site), &[]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (302, format!("{}/login", portal.login)));
    }
}

#[tokio::test]
async fn a_login_page_keeps_the_session_that_the_client_has() {
    let portal = Portal::start().await;
    let url = format!("{}/login", portal.login);
    let first = portal.get(&url, &[]).await.cookie("MS_AUTH_SSO");
    assert_eq!(portal.get(&url, &[&first]).await.cookie("MS_AUTH_SSO"), first);
    assert_ne!(portal.get(&url, &["MS_AUTH_SSO=unknown"]).await.cookie("MS_AUTH_SSO"), "MS_AUTH_SSO=unknown");
}
