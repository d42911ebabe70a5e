//! What the contract leaves open about the cabinet (CONTRACT 8.2, 8.8), and the calls of which only the address is known.
//! It must see each default before it turns the knob.

use crate::client::{Answer, Portal};
use http::{Method, header};
use serde_json::json;

async fn call(portal: &Portal, path: &str, session: &str) -> Answer {
    portal.get(&format!("{}{path}", portal.cabinet), &[session]).await
}

#[tokio::test]
async fn there_is_no_way_out_until_the_knob_names_one() {
    let portal = Portal::start().await;
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    let (session, other) = (portal.walk(&sso).await, portal.walk(&sso).await);
    assert_eq!(call(&portal, "/logout", &session).await.status, 404);
    portal.turn(&json!({"session": {"logout_path": "/logout"}}));
    let out = call(&portal, "/logout", &session).await;
    assert_eq!((out.status.as_u16(), out.location()), (302, format!("{}/", portal.site)));
    assert_eq!(out.cookie("mc-sid"), "mc-sid=");
    assert!(out.set_cookies().iter().any(|cookie| cookie.contains("; Max-Age=0")));
    assert_eq!(portal.merchants(&[&session]).await.status, 401);
    assert_eq!(portal.merchants(&[&other]).await.status, 200);
    let post = portal.http.request(Method::POST, format!("{}/logout", portal.cabinet));
    assert_eq!(portal.send(post.header(header::COOKIE, &other)).await.status, 302);
    assert_eq!(portal.merchants(&[&other]).await.status, 401);
    assert_eq!(call(&portal, "/logout", "mc-sid=unknown").await.status, 302);
}

#[tokio::test]
async fn a_401_of_the_merchants_may_have_a_body() {
    let portal = Portal::start().await;
    assert_eq!(portal.merchants(&[]).await.body, "");
    portal.turn(&json!({"cabinet": {"unauthorized_body": "json"}}));
    let answer = portal.merchants(&[]).await;
    let body = json!({"status": 401, "error": "Unauthorized", "path": "/s/m"});
    assert_eq!((answer.status.as_u16(), answer.json()), (401, body));
    answer.last_cookie("mc-session");
    assert_eq!(call(&portal, "/bff/offer-view/list?m=1", "").await.body, "");
}

#[tokio::test]
async fn items_of_the_merchants_may_have_more_fields() {
    let portal = Portal::start().await;
    let session = portal.session("plain@sandbox.test").await;
    let plain = json!({"uid": "30000001", "name": "Магазин 30000001"});
    assert_eq!(portal.merchants(&[&session]).await.json(), json!({"merchants": [plain]}));
    portal.turn(&json!({"cabinet": {"merchants_have_more": true, "merchants_have_names": false}}));
    let logo = "https://sandbox.invalid/logo/30000001.png";
    let more = json!({"uid": "30000001", "logo": logo, "master": true, "status": "ACTIVE"});
    assert_eq!(portal.merchants(&[&session]).await.json(), json!({"merchants": [more]}));
}

#[tokio::test]
async fn missing_rights_show_at_the_login_or_only_in_the_cabinet() {
    let portal = Portal::start().await;
    let email = "noperm@sandbox.test";
    assert_eq!(portal.password(email).await.error(), (401, "INSUFFICIENT_PERMISSIONS".into()));
    portal.turn(&json!({"login": {"no_permissions": "forbidden"}}));
    let session = portal.session(email).await;
    for path in ["/s/m", "/bff/offer-view/list?m=30000041"] {
        let answer = call(&portal, path, &session).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (403, ""), "{path}");
    }
    portal.turn(&json!({"login": {"no_permissions": "empty_list"}}));
    assert_eq!(portal.merchants(&[&session]).await.json(), json!({"merchants": []}));
    assert_eq!(call(&portal, "/bff/offer-view/list?m=30000041", &session).await.status, 403);
    let able = portal.session("plain@sandbox.test").await;
    assert_eq!(portal.merchants(&[&able]).await.json()["merchants"][0]["uid"], "30000001");
}

const OTHERS: [&str; 7] = [
    "/mc/api/order/cargo/assembled?_m=30000001",
    "/refund/api/v1/merchant-cabinet/load-refunds?m=30000001",
    "/price/trends/api/v1/mc/discount?m=30000001",
    "/content/pending/mc/product/30000001/download",
    "/offers/api/v1/offer/settings?m=30000001",
    "/mc/api/orderTabs/active?_m=30000001",
    "/mc/api/orderTabs/filters?_m=30000001",
];

#[tokio::test]
async fn calls_of_which_only_the_address_is_known_answer_behind_a_session() {
    let portal = Portal::start().await;
    let session = portal.session("plain@sandbox.test").await;
    for path in OTHERS {
        let stranger = call(&portal, path, "").await;
        assert_eq!((stranger.status.as_u16(), stranger.body.as_str()), (401, ""), "{path}");
        let answer = call(&portal, path, &session).await;
        assert!(answer.status == 200 && !answer.body.is_empty(), "{path}: {answer:?}");
        let foreign = call(&portal, &path.replace("30000001", "30000002"), &session).await;
        assert_eq!(foreign.status, 403, "{path}");
    }
    let refunds = "/refund/api/v1/merchant-cabinet/load-refunds";
    let posted = portal.post(&format!("{}{refunds}", portal.cabinet), &[&session], &json!({"page": 0})).await;
    let order = posted.json()["refunds"][0]["orderCode"].as_str().expect("a code").to_owned();
    let order = call(&portal, &format!("/mc/api/order/{order}?_m=30000001"), &session).await.json();
    assert_eq!(order["totalPrice"], posted.json()["refunds"][0]["amount"]);
    let discount = call(&portal, OTHERS[2], &session).await.json()["data"][0].clone();
    assert!(discount["sku"].is_string() && discount["discount"].is_number());
    let file = call(&portal, OTHERS[3], &session).await;
    assert!(
        file.headers[header::CONTENT_DISPOSITION].to_str().is_ok_and(|kind| kind.starts_with("attachment"))
    );
    assert!(file.body.lines().count() > 1);
}
