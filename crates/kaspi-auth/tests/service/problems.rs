//! What every answer has in common: the shape of problems (the client of these tests holds each one against it), request
//! ids, caching.

use kaspi_auth_core::Code;
use serde_json::json;

use crate::harness::{PASSWORD, World, on_sqlite};

async fn every_answer_names_its_request_and_is_kept_by_no_cache(world: &World) {
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let paths = [
        "/v1/stores",
        "/v1/stores/30000001",
        "/v1/stores/30000001/session",
        "/healthz",
        "/readyz",
        "/metrics",
        "/nowhere",
    ];
    for path in paths {
        let answer = world.admin.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 32, "{path}: {answer:?}");
        assert_eq!(answer.header("server"), "");
    }
    let deleted = world.admin.delete("/v1/stores/30000001").await.is(204);
    assert_eq!((deleted.text.as_str(), deleted.header("cache-control")), ("", "no-store"));
}

async fn a_request_id_of_the_callers_own_comes_back(world: &World) {
    let send = async |id: &str| {
        let request = world.admin.request(reqwest::Method::GET, "/v1/stores/1").header("x-request-id", id);
        world.admin.send(request).await.is_problem(404, "store_not_found").request_id
    };
    for id in ["my-id.1_2", "0", &"a".repeat(64)] {
        assert_eq!(send(id).await, id);
    }
    for id in ["a b", "a\"b", "<script>", "привет", &"a".repeat(65), "a/b", "a;b"] {
        let own = send(id).await;
        assert!(own != id && own.len() == 32, "{id:?}: {own:?}");
    }
}

async fn every_type_of_problem_leads_to_a_page(world: &World) {
    for code in Code::ALL {
        let page = world.node().anyone().get(&format!("/docs/problems/{}", code.as_str())).await.is(200);
        assert!(page.header("content-type").starts_with("text/"), "{page:?}");
        assert!(page.text.contains(code.as_str()), "{code:?}");
    }
    world.node().anyone().get("/docs/problems/unheard_of").await.is_problem(404, "not_found");
}

async fn the_portals_words_stand_apart(world: &World) {
    let body = json!({"errorCode": "SOMETHING_NEW", "message": "Что-то новое"});
    let kind = kaspi_sandbox::FaultKind::Json { status: 401, body };
    world.portal.set_fault(kaspi_sandbox::Fault::new(kind).role("login").path("/api/p/login").times(1));
    let account = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    let problem =
        world.admin.post("/api/kaspi/auth/login", &account).await.is_problem(502, "kaspi_auth_error");
    let said = problem.portal_message.unwrap();
    assert!(said.contains("Что-то новое") && said.contains("SOMETHING_NEW"), "{said}");
    assert!(!problem.detail.contains("новое"));
}

async fn health_is_told_to_anybody_and_says_nothing_else(world: &World) {
    let anyone = world.node().anyone();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(anyone.get(path).await.is(200).json(), json!({"status": "ok"}));
    }
    anyone.get("/metrics").await.is_problem(401, "unauthorized");
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    let figures = world.admin.get("/metrics").await.is(200);
    assert!(figures.header("content-type").starts_with("text/plain"));
    for name in ["kaspi_auth_logins_total", "kaspi_auth_logins_running", "kaspi_auth_portal_exchange_seconds"]
    {
        assert!(figures.text.contains(name), "{name}: {}", figures.text);
    }
    assert!(!figures.text.contains("30000001") && !figures.text.contains("plain@"), "{}", figures.text);
}

async fn a_database_that_is_gone_is_told_as_unavailable(world: &World) {
    world.node().service().database.close().await;
    let answer = world.node().anyone().get("/readyz").await;
    assert!(answer.is_problem(503, "database_unavailable").retryable);
    assert_eq!(answer.retry_after(), 5, "whoever is sent away hears for how long");
    world.node().anyone().get("/healthz").await.is(200);
    let problem = world.admin.get("/v1/stores").await.is_problem(503, "database_unavailable");
    assert!(!problem.detail.contains("sqlite") && !problem.detail.contains('/'), "{problem:?}");
}

on_sqlite!(
    every_answer_names_its_request_and_is_kept_by_no_cache,
    a_request_id_of_the_callers_own_comes_back,
    every_type_of_problem_leads_to_a_page,
    the_portals_words_stand_apart,
    health_is_told_to_anybody_and_says_nothing_else,
    a_database_that_is_gone_is_told_as_unavailable,
);
