//! How cabinet sessions live and die (CONTRACT 5, 8.2).
//! It must move the clock, never wait.

use crate::client::Portal;
use serde_json::json;

async fn lives(portal: &Portal, session: &str) -> bool {
    let answer = portal.merchants(&[session]).await;
    if answer.status == 401 {
        assert_eq!(answer.body, "");
        answer.last_cookie("mc-session");
    }
    answer.status == 200
}

#[tokio::test]
async fn an_idle_session_dies_and_a_used_one_does_not() {
    let portal = Portal::start().await;
    let session = portal.session("plain@sandbox.test").await;
    for _ in 0..3 {
        portal.advance(20 * 3_600);
        assert!(lives(&portal, &session).await);
    }
    portal.advance(24 * 3_600);
    assert!(!lives(&portal, &session).await);
    assert!(!lives(&portal, &session).await);
}

#[tokio::test]
async fn every_session_dies_of_age() {
    let portal = Portal::start().await;
    portal.turn(&json!({"session": {"absolute_seconds": 100, "idle_seconds": 0}}));
    let session = portal.session("plain@sandbox.test").await;
    portal.advance(90);
    assert!(lives(&portal, &session).await);
    portal.advance(10);
    assert!(!lives(&portal, &session).await);
}

#[tokio::test]
async fn a_story_session_dies_after_its_seconds() {
    let portal = Portal::start().await;
    let session = portal.session("dies-seconds@sandbox.test").await;
    portal.advance(25);
    assert!(lives(&portal, &session).await);
    portal.advance(5);
    assert!(!lives(&portal, &session).await);
}

#[tokio::test]
async fn a_story_session_dies_after_its_calls() {
    let portal = Portal::start().await;
    let session = portal.session("dies-calls@sandbox.test").await;
    for _ in 0..10 {
        assert!(lives(&portal, &session).await);
    }
    assert!(!lives(&portal, &session).await);
}

#[tokio::test]
async fn a_second_login_ends_the_first_session_only_where_told() {
    let portal = Portal::start().await;
    for (email, survives) in [("exclusive@sandbox.test", false), ("plain@sandbox.test", true)] {
        let first = portal.session(email).await;
        let second = portal.session(email).await;
        assert_eq!(
            (lives(&portal, &first).await, lives(&portal, &second).await),
            (survives, true),
            "{email}"
        );
    }
    portal.turn(&json!({"session": {"second_login_kills": true}}));
    let first = portal.session("plain@sandbox.test").await;
    portal.session("plain@sandbox.test").await;
    assert!(!lives(&portal, &first).await);
}

#[tokio::test]
async fn cookies_are_renewed_on_the_fly() {
    let portal = Portal::start().await;
    let session = portal.session("plain@sandbox.test").await;
    assert!(!portal.merchants(&[&session]).await.has_cookie("mc-sid"));
    portal.advance(900);
    let renewed = portal.merchants(&[&session, "mc-session=1"]).await;
    assert_eq!(renewed.cookies(), [session.as_str()]);
    portal.turn(&json!({"session": {"renewal": "off"}}));
    portal.advance(900);
    assert!(!portal.merchants(&[&session]).await.has_cookie("mc-sid"));
}

#[tokio::test]
async fn a_rotated_value_leaves_the_old_one_good_for_a_while() {
    let portal = Portal::start().await;
    portal.turn(&json!({"session": {"renewal": "rotate"}}));
    let old = portal.session("plain@sandbox.test").await;
    portal.advance(900);
    let new = portal.merchants(&[&old, "mc-session=1"]).await.cookie("mc-sid");
    assert_ne!(old, new);
    assert!(lives(&portal, &old).await && lives(&portal, &new).await);
    portal.advance(300);
    assert!(!lives(&portal, &old).await && lives(&portal, &new).await);
}

#[tokio::test]
async fn a_changed_password_ends_sessions_only_where_told() {
    let portal = Portal::start().await;
    let account = || kaspi_sandbox::AccountSpec::email("plain@sandbox.test").merchant("30000001");
    let session = portal.session("plain@sandbox.test").await;
    portal.control().add_account(account().password("new"));
    assert!(lives(&portal, &session).await);
    assert_eq!(portal.password("plain@sandbox.test").await.status, 401);
    portal.turn(&json!({"login": {"password_change_ends_sessions": true}}));
    portal.control().add_account(account());
    let session = portal.session("plain@sandbox.test").await;
    portal.control().add_account(account());
    assert!(lives(&portal, &session).await);
    let session = portal.session("plain@sandbox.test").await;
    portal.control().add_account(account().password("newer"));
    assert!(!lives(&portal, &session).await);
}

#[tokio::test]
async fn killed_sessions_are_dead_and_killed_logins_are_not_silent() {
    let portal = Portal::start().await;
    let sso = portal.password("plain@sandbox.test").await.cookie("MS_AUTH_SSO");
    let session = portal.walk(&sso).await;
    let other = portal.session("several@sandbox.test").await;
    portal.control().kill_sessions(Some("30000001"));
    assert!(!lives(&portal, &session).await && lives(&portal, &other).await);
    assert!(lives(&portal, &portal.walk(&sso).await).await);
    portal.control().kill_sso(Some("30000001"));
    let landing = portal.get(&format!("{}/", portal.login), &[&sso]).await;
    assert_eq!(landing.location(), format!("{}/login", portal.login));
    portal.control().kill_sessions(None);
    assert!(!lives(&portal, &other).await);
}
