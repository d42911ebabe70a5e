//! Signing in again, cheapest way first. The counters prove which way was taken.

use jiff::SignedDuration;
use kaspi_sandbox::{AccountSpec, CodeRule, Fault, FaultKind};
use serde_json::json;

use crate::harness::{Login, PASSWORD, Session, World, on_both, on_sqlite};

async fn while_the_login_host_remembers_no_password_is_sent(world: &World) {
    world.store("shop", "7000001").await;
    world.portal.kill_sessions(None);
    let first = world.admin.store("7000001").await;
    world.advance(SignedDuration::from_secs(5));
    let session: Session = world.admin.refresh("7000001").await.is(200).read();
    assert_eq!((session.generation, session.validity.as_str()), (2, "alive"));
    assert_eq!((world.passwords(), world.codes()), (1, 0), "only the first login's");
    assert_eq!(world.open_cabinet(&session.cookie_header).await.0, 200);
    let store = world.admin.store("7000001").await;
    assert_eq!((store.id, store.has_password, store.status.as_str()), (first.id, true, "active"));
    assert!(store.authenticated_at > first.authenticated_at);
    assert_eq!(world.database.count("kaspi_auth_logins").await, 1, "that is no login");
}

async fn after_that_the_stored_password_serves_without_a_code_on_a_remembered_device(world: &World) {
    let login = world.admin.sign_in_as("remembered@sandbox.test", PASSWORD).await;
    world.admin.answer_code(login.id, &world.code("remembered@sandbox.test")).await.stands("succeeded");
    world.portal.kill_sessions(None);
    world.portal.kill_sso(None);
    let session: Session = world.admin.refresh("30000003").await.is(200).read();
    assert_eq!((session.generation, world.passwords(), world.codes()), (2, 2, 1));
    assert_eq!(world.open_cabinet(&session.cookie_header).await.0, 200);
}

async fn where_the_portal_asks_for_a_code_the_login_comes_back(world: &World) {
    let login = world.admin.sign_in_as("always@sandbox.test", PASSWORD).await;
    world.admin.answer_code(login.id, &world.code("always@sandbox.test")).await.stands("succeeded");
    world.portal.kill_sso(None);
    let login: Login = world.admin.refresh("30000004").await.is(202).read();
    let login = login.stands("awaiting_code");
    assert_eq!((world.passwords(), world.codes()), (2, 2));
    // Asking once more sends nothing: the login runs already.
    let again: Login = world.admin.refresh("30000004").await.is(202).read();
    assert_eq!((again.id, world.passwords(), world.codes()), (login.id, 2, 2));
    world.admin.session("30000004").await;
    world.admin.answer_code(login.id, &world.code("always@sandbox.test")).await.stands("succeeded");
    assert_eq!(world.admin.session("30000004").await.generation, 2);
}

async fn without_credentials_only_a_person_can_go_on(world: &World) {
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD, "store_password": false});
    world.admin.sign_in(&body).await.stands("succeeded");
    let login = world.admin.sign_in(&json!({"phone": "+77000000001"})).await;
    world.admin.answer_code(login.id, &world.code("+77000000001")).await.stands("succeeded");
    // The login host's own memory needs none.
    for uid in ["30000001", "30000031"] {
        world.admin.refresh(uid).await.is(200);
    }
    world.portal.kill_sso(None);
    let codes = world.codes();
    for uid in ["30000001", "30000031"] {
        let problem = world.admin.refresh(uid).await.is_problem(409, "credentials_missing");
        assert!(!problem.retryable);
        world.admin.session(uid).await;
    }
    assert_eq!((world.passwords(), world.codes()), (1, codes), "no SMS is sent unasked");
}

async fn a_stored_password_that_is_wrong_marks_the_store_and_stops(world: &World) {
    let email = world.store("shop", "7000001").await;
    let session = world.admin.session("7000001").await;
    // Changed at the portal; its cabinet session lives on.
    world.portal.add_account(AccountSpec::email(&email).merchant("7000001").password("changed-there"));
    world.portal.kill_sso(None);
    let problem = world.admin.refresh("7000001").await.is_problem(401, "invalid_credentials");
    assert!(!problem.retryable);
    let store = world.admin.store("7000001").await;
    assert_eq!(
        (store.status.as_str(), store.reauth_reason.as_deref()),
        ("needs_reauth", Some("invalid_credentials"))
    );
    assert_eq!(world.admin.session("7000001").await, session, "the old session is served while it lives");
    let listed = world.admin.get("/v1/stores?status=needs_reauth").await.json();
    assert_eq!(listed["stores"][0]["merchant_uid"], "7000001");

    let passwords = world.passwords();
    for _ in 0..3 {
        world.admin.refresh("7000001").await.is_problem(401, "invalid_credentials");
    }
    assert_eq!(world.passwords(), passwords, "one rejected password stops all tries");

    world.admin.sign_in_as(&email, "changed-there").await.stands("succeeded");
    let store = world.admin.store("7000001").await;
    assert_eq!((store.status.as_str(), store.reauth_reason, store.generation), ("active", None, 2));
}

async fn an_outage_during_a_refresh_changes_nothing(world: &World) {
    world.store("shop", "7000001").await;
    let before = (world.admin.store("7000001").await, world.admin.session("7000001").await);
    for (kind, code) in [
        (FaultKind::Status(503), "portal_unavailable"),
        (FaultKind::Wall(403), "portal_blocked"),
        (FaultKind::Garbage, "portal_changed"),
    ] {
        world.portal.set_fault(Fault::new(kind.clone()).role("cabinet").path("/s/m"));
        let answer = world.admin.refresh("7000001").await;
        world.portal.clear_faults();
        let problem = answer.is_problem(502, code);
        assert!(problem.retryable || code == "portal_changed", "{kind:?}");
        assert_eq!(
            (world.admin.store("7000001").await, world.admin.session("7000001").await),
            before,
            "{kind:?}"
        );
    }
    assert_eq!(world.passwords(), 1, "an outage is no reason to send the password");
}

async fn a_refresh_never_ends_at_another_merchant(world: &World) {
    let email = world.store("shop", "7000001").await;
    let session = world.admin.session("7000001").await;
    // The account opens another shop from now on.
    world.portal.add_account(AccountSpec::email(&email).merchant("7000002"));
    world.portal.kill_sso(None);
    world.admin.refresh("7000001").await.is_problem(409, "account_mismatch");
    assert_eq!(world.admin.session("7000001").await, session);
    world.admin.get("/v1/stores/7000002").await.is_problem(404, "store_not_found");
}

async fn many_refreshes_at_once_sign_in_once(world: &World) {
    let account = AccountSpec::email("shop@shop.test").merchant("7000001").code(CodeRule::Never);
    world.portal.add_account(account);
    world.admin.sign_in_as("shop@shop.test", PASSWORD).await.stands("succeeded");
    world.portal.kill_sso(None);
    world.portal.set_fault(Fault::new(FaultKind::Delay(200)).role("login").path("/api/p/login"));
    let answers = futures_util::future::join_all((0..10).map(|_| world.admin.refresh("7000001"))).await;
    world.portal.clear_faults();
    for answer in &answers {
        let session: Session = answer.clone().is(200).read();
        assert!(session.generation >= 2);
    }
    assert_eq!(world.passwords(), 2, "one for the first login, one for all of these");
}

async fn a_store_that_is_switched_off_is_not_signed_in_to(world: &World) {
    world.store("shop", "7000001").await;
    world.admin.patch("/v1/stores/7000001", &json!({"is_active": false})).await.is(200);
    let (passwords, sessions) = (world.passwords(), world.portal.counters().sessions);
    world.admin.refresh("7000001").await.is_problem(404, "session_not_found");
    assert_eq!((world.passwords(), world.portal.counters().sessions), (passwords, sessions));
}

on_both!(
    while_the_login_host_remembers_no_password_is_sent,
    after_that_the_stored_password_serves_without_a_code_on_a_remembered_device,
    where_the_portal_asks_for_a_code_the_login_comes_back,
    a_stored_password_that_is_wrong_marks_the_store_and_stops,
    many_refreshes_at_once_sign_in_once,
);
on_sqlite!(
    without_credentials_only_a_person_can_go_on,
    an_outage_during_a_refresh_changes_nothing,
    a_refresh_never_ends_at_another_merchant,
    a_store_that_is_switched_off_is_not_signed_in_to,
);
