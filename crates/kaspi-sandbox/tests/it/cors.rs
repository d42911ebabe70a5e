//! CORS of the cabinet host: the site alone, with credentials (CONTRACT 4, 8.10).
//! It must send what a browser sends.

use crate::client::{Answer, Portal};
use http::{Method, header};
use serde_json::json;

async fn preflight(portal: &Portal, origin: &str) -> Answer {
    let request = portal.http.request(Method::OPTIONS, format!("{}/s/m", portal.cabinet));
    let request = request.header(header::ORIGIN, origin).header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET");
    portal.send(request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, "x-auth-version")).await
}

async fn call(portal: &Portal, origin: &str) -> Answer {
    portal.send(portal.http.get(format!("{}/s/m", portal.cabinet)).header(header::ORIGIN, origin)).await
}

fn allows(answer: &Answer, origin: &str) -> bool {
    let value = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    value("access-control-allow-origin") == Some(origin)
        && value("access-control-allow-credentials") == Some("true")
}

#[tokio::test]
async fn the_site_is_allowed_with_credentials_even_when_not_signed_in() {
    let portal = Portal::start().await;
    let site = portal.site.clone();
    let preflight = preflight(&portal, &site).await;
    assert!(preflight.status.is_success() && allows(&preflight, &site), "{preflight:?}");
    assert_eq!(preflight.headers[header::ACCESS_CONTROL_ALLOW_HEADERS], "x-auth-version");
    let call = call(&portal, &site).await;
    assert!(call.status == 401 && allows(&call, &site));
    assert_eq!(call.headers[header::VARY], "Origin");
    let session = portal.session("plain@sandbox.test").await;
    let request = portal.http.get(format!("{}/s/m", portal.cabinet)).header(header::COOKIE, session);
    let signed_in = portal.send(request.header(header::ORIGIN, &site)).await;
    assert!(signed_in.status == 200 && allows(&signed_in, &site));
}

#[tokio::test]
async fn a_foreign_origin_is_not_allowed_and_refused_only_where_told() {
    let portal = Portal::start().await;
    let foreign = "https://evil.test";
    assert_eq!(preflight(&portal, foreign).await.status, 403);
    let answer = call(&portal, foreign).await;
    assert_eq!(answer.status, 401);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    portal.turn(&json!({"cabinet": {"refuse_foreign_origin": true}}));
    assert_eq!(call(&portal, foreign).await.status, 403);
    let site = portal.site.clone();
    assert_eq!(call(&portal, &site).await.status, 401);
}
