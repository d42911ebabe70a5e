//! The inbox for people and programs.
//! It must read it over HTTP.

use crate::client::Portal;
use http::header;
use serde_json::json;

#[tokio::test]
async fn the_inbox_is_a_page_and_json() {
    let portal = Portal::start().await;
    portal.password("code@sandbox.test").await;
    portal.sign_in(&[], &json!({"_ph": "+7 (700) 000-00-01"})).await;
    let page = portal.get(&format!("{}/sandbox/inbox", portal.site), &[]).await;
    assert!(page.headers[header::CONTENT_TYPE].to_str().is_ok_and(|kind| kind.starts_with("text/html")));
    assert!(page.body.contains("SANDBOX") && page.body.contains(&portal.code("code@sandbox.test")));
    let url = format!("{}/sandbox/inbox.json", portal.site);
    let all = portal.get(&url, &[]).await.json();
    assert_eq!(all["messages"].as_array().map(Vec::len), Some(2));
    assert_eq!(all["messages"][0]["channel"], "email");
    let sms = &all["messages"][1];
    assert_eq!((&sms["channel"], &sms["to"]), (&json!("sms"), &json!("+7 (700) 000-00-01")));
    assert!(
        sms["code"].as_str().is_some_and(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()))
    );
    let one = portal.get(&format!("{url}?to=Code%40Sandbox.test"), &[]).await.json();
    assert_eq!(one["messages"].as_array().map(Vec::len), Some(1));
    let asked = portal.http.get(format!("http://{}/sandbox/inbox", portal.sandbox.addr()));
    let asked = portal.send(asked.header(header::ACCEPT, "application/json")).await;
    assert_eq!(asked.json(), all);
}

#[tokio::test]
async fn what_clients_write_is_escaped() {
    let portal = Portal::start().await;
    let session = portal.session("plain@sandbox.test").await;
    let body = json!({"name": "x", "email": "<script>@shop.test", "merchantUid": "30000001"});
    let url = format!("{}/user-assignments/api/v1/mc/users/add-email", portal.cabinet);
    assert_eq!(portal.post(&url, &[&session], &body).await.status, 200);
    let page = portal.get(&format!("{}/sandbox/inbox", portal.site), &[]).await;
    assert!(page.body.contains("&lt;script&gt;@shop.test") && !page.body.contains("<script>@"));
}
