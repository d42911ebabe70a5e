//! Trouble of the portal's on every step of a login: it is told for what it is. An outage is never called wrong
//! credentials, wrong credentials are never called an outage, and the password goes out once.

use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;

use crate::harness::{PASSWORD, World, on_both, on_sqlite};

/// The steps of a login: role and path.
const STEPS: [(&str, &str); 6] = [
    ("login", "/api/p/login"),
    ("cabinet", "/oauth2/authorization/1"),
    ("login", "/oauth2/authorize"),
    ("cabinet", "/login/oauth2/code/1"),
    ("cabinet", "/s/m"),
    ("cabinet", "/mc/facade/graphql"),
];

/// What may be said of an outage.
const OUTAGES: [&str; 6] = [
    "portal_unavailable",
    "portal_blocked",
    "portal_changed",
    "portal_rate_limited",
    "kaspi_auth_error",
    "portal_login_timeout",
];

fn troubles() -> [FaultKind; 10] {
    let json = |status, body| FaultKind::Json { status, body };
    [
        FaultKind::Status(500),
        FaultKind::Status(503),
        FaultKind::Status(404),
        FaultKind::Wall(403),
        FaultKind::Wall(429),
        FaultKind::Broken,
        FaultKind::BrokenBody,
        FaultKind::Garbage,
        json(200, json!({"hello": "there"})),
        json(503, json!({"status": 503, "error": "Service Unavailable"})),
    ]
}

async fn an_outage_is_never_called_wrong_credentials(world: &World) {
    for (number, (role, path)) in STEPS.into_iter().enumerate() {
        for (kind_number, kind) in troubles().into_iter().enumerate() {
            let what = format!("{kind:?} at {role} {path}");
            let email = world
                .account(&format!("outage-{number}-{kind_number}"), &format!("4{number:03}{kind_number:03}"));
            let before = world.passwords();
            world.portal.set_fault(Fault::new(kind.clone()).role(role).path(path));
            let login = world.admin.sign_in_as(&email, PASSWORD).await;
            world.portal.clear_faults();
            assert!(world.passwords() - before <= 1, "{what}: the password went out more than once");
            // Nobody needs the body of a redirect, and a shop's name may be missing: the session is there all the same.
            if login.state == "succeeded" {
                let unread =
                    matches!(kind, FaultKind::BrokenBody | FaultKind::Garbage) && path.contains("oauth2");
                assert!(unread || path == "/mc/facade/graphql", "{what}: {login:?}");
                continue;
            }
            assert_eq!(login.state, "failed", "{what}: {login:?}");
            assert!(OUTAGES.contains(&login.code()), "{what}: {login:?}");
            // Nothing bad is remembered of the account.
            let again = world.admin.sign_in_as(&email, PASSWORD).await;
            assert!(
                again.state == "succeeded" || again.code() == "portal_rate_limited",
                "after {what} ({}): {again:?}",
                login.code()
            );
        }
    }
}

async fn wrong_credentials_are_never_called_an_outage(world: &World) {
    for email in ["plain@sandbox.test", "nobody@sandbox.test", "code@sandbox.test", "none@sandbox.test"] {
        let login = world.admin.sign_in_as(email, "not-the-password").await.stands("failed");
        assert_eq!(login.code(), "invalid_credentials", "{email}");
        assert!(!login.error.unwrap().retryable);
    }
    // Refused with another status, or with more around it: the portal's code decides.
    for (number, status) in [400, 401, 403].into_iter().enumerate() {
        let email = world.account(&format!("refused-{number}"), &format!("4100000{number}"));
        let body = json!({"errorCode": "CREDENTIALS_INVALID", "message": "Неверные почта или пароль"});
        world.portal.set_fault(
            Fault::new(FaultKind::Json { status, body }).role("login").path("/api/p/login").times(1),
        );
        let login = world.admin.sign_in_as(&email, PASSWORD).await.stands("failed");
        assert_eq!(login.code(), "invalid_credentials", "{status}");
        let said = login.error.unwrap().portal_message;
        assert!(said.is_some_and(|said| said.ends_with("Неверные почта или пароль")));
    }
}

async fn a_portal_that_is_not_there_is_unavailable(world: &World) {
    let node = {
        let mut config = world.config.clone();
        // A port that was free a moment ago: nobody listens.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        config.portal.login_url.set_port(Some(port)).unwrap();
        config.portal.cabinet_url.set_port(Some(port)).unwrap();
        config.portal.site_url.set_port(Some(port)).unwrap();
        let clock = std::sync::Arc::clone(&world.clock);
        crate::harness::Node::start(&config, clock, false).await
    };
    let client = world.admin.at(node.anyone().base());
    let login = client.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("failed");
    assert_eq!((login.code(), login.error.as_ref().unwrap().retryable), ("portal_unavailable", true));
    node.stop().await;
}

async fn an_answer_that_is_lost_after_the_code_was_sent_says_so_and_sends_nothing_twice(world: &World) {
    let login = world.admin.sign_in_as("code@sandbox.test", PASSWORD).await.stands("awaiting_code");
    let code = world.code("code@sandbox.test");
    world.portal.set_fault(Fault::new(FaultKind::LostAnswer).role("login").path("/api/p/login"));
    let posts = world.posts();
    let login = world.admin.answer_code(login.id, &code).await;
    world.portal.clear_faults();
    assert_eq!((login.state.as_str(), login.code()), ("failed", "portal_unavailable"), "{login:?}");
    assert_eq!(world.posts() - posts, 1, "the code went out once");
}

on_sqlite!(an_outage_is_never_called_wrong_credentials, a_portal_that_is_not_there_is_unavailable);
on_both!(
    wrong_credentials_are_never_called_an_outage,
    an_answer_that_is_lost_after_the_code_was_sent_says_so_and_sends_nothing_twice,
);
