//! Leases: what a login finds, and what is left when it goes.

use kaspi_auth_browser::PageEvent;
use serde_json::json;

use crate::harness::{self, Yard, local, shows, sign_in};

#[tokio::test]
async fn a_warm_page_waits_for_the_login_and_leads_into_the_cabinet() {
    for browser in harness::browsers() {
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let mut context = yard.lease("one").await.unwrap();
        assert!(context.was_warm());
        assert_eq!(context.first_report(), r#"{"shows":"form"}"#);
        sign_in(&mut context, "plain@sandbox.test").await;
        let cookies = context.cookies().await.unwrap();
        assert!(cookies.iter().any(|cookie| cookie.http_only), "{cookies:?}");
        context.close().await;
        yard.end().await;
    }
}

#[tokio::test]
async fn answers_on_read_paths_come_before_what_follows_from_them() {
    let yard = Yard::ready(|_, _| {}).await;
    let mut context = yard.lease("one").await.unwrap();
    context.call(harness::FILL, &[json!("#user_email_field"), json!("plain@sandbox.test")]).await.unwrap();
    shows(&mut context, "password").await;
    context.call(harness::FILL, &[json!("#password_field"), json!("wrong")]).await.unwrap();
    let answer =
        harness::until(&mut context, "an answer", |event| matches!(event, PageEvent::Response { .. })).await;
    let PageEvent::Response { url, status, headers, body } = answer else { unreachable!() };
    assert_eq!((url.path(), status), ("/api/p/login", 401));
    assert!(headers.iter().any(|(name, _)| name == "content-type"), "{headers:?}");
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
    shows(&mut context, "error").await;
    drop(context);
    yard.end().await;
}
