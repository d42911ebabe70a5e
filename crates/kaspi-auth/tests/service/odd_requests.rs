//! Requests that no client library makes: huge and endless bodies, broken lines, strange headers. The connection may end;
//! the service goes on.

use reqwest::Method;
use serde_json::json;

use crate::harness::{PASSWORD, Raw, World, on_sqlite, raw};

/// The limit of the settings' default.
const LIMIT: usize = 64 * 1024;

fn head(world: &World, more: &str) -> String {
    let bearer = world.admin.bearer();
    format!(
        "POST /v1/logins HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\ncontent-type: application/json\r\n{more}\r\n"
    )
}

async fn a_body_that_is_too_large_is_refused_however_it_comes(world: &World) {
    let base = world.admin.base();
    // Announced: refused at once, without waiting for it.
    for length in [LIMIT + 1, 1 << 30, 1 << 50] {
        let answer = raw(base, head(world, &format!("content-length: {length}\r\n")).as_bytes()).await;
        answer.is_problem(413, "payload_too_large");
    }
    // In pieces of unknown number.
    let mut chunked = head(world, "transfer-encoding: chunked\r\n").into_bytes();
    let piece = format!("{:x}\r\n{}\r\n", 8192, " ".repeat(8192));
    for _ in 0..12 {
        chunked.extend_from_slice(piece.as_bytes());
    }
    raw(base, &chunked).await.is_problem(413, "payload_too_large");
    // Sent in full by a client that reads the answer afterwards.
    for size in [LIMIT + 1, 300_000, 3_000_000] {
        let body = json!({"email": "plain@sandbox.test", "password": "x".repeat(size)});
        world.admin.post("/v1/logins", &body).await.is_problem(413, "payload_too_large");
    }
    // The largest that may come is read, and judged by what it says.
    let fits = json!({"email": "plain@sandbox.test", "password": "x".repeat(LIMIT - 60)});
    assert!(fits.to_string().len() <= LIMIT);
    world.admin.post("/v1/logins", &fits).await.is_problem(422, "invalid_value");
    let fits = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    world.admin.post("/v1/logins?wait=30s", &fits).await.is(201);
}

async fn a_body_that_breaks_off_is_no_request(world: &World) {
    let base = world.admin.base();
    let mut connection = Raw::connect(base).await;
    connection.send(head(world, "content-length: 100\r\n").as_bytes()).await.send(b"{\"email\"").await;
    drop(connection);
    let broken = format!("{}zz\r\nnot a chunk\r\n", head(world, "transfer-encoding: chunked\r\n"));
    let answer = raw(base, broken.as_bytes()).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(world.passwords(), 0);
    world.admin.get("/v1/stores").await.is(200);
}

async fn lines_that_are_no_http_are_refused(world: &World) {
    let base = world.admin.base();
    let long = "a".repeat(20_000);
    let many = "x: y\r\n".repeat(300);
    for text in [
        "nonsense\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET /a b c HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: x\r\nbroken header\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: x\r\nna me: y\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned(),
        format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
        format!("GET /{long}{long}{long}{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(600_000)),
    ] {
        let answer = raw(base, text.as_bytes()).await;
        assert!((400..500).contains(&answer.status), "{:?}: {answer:?}", &text[..text.len().min(60)]);
    }
    world.admin.get("/v1/stores").await.is(200);
}

async fn strange_headers_do_no_harm(world: &World) {
    let bytes = |value: &'static [u8]| reqwest::header::HeaderValue::from_bytes(value).unwrap();
    for (name, value) in [
        ("x-request-id", bytes(b"\xff\xfe")),
        ("x-request-id", bytes(b"")),
        ("x-request-id", bytes(b"a b\tc")),
        ("accept", bytes(b"\xff")),
        ("accept-encoding", bytes(b"nonsense;q=x")),
        ("cookie", bytes(b"\xff=\xff; ;;;=")),
        ("forwarded", bytes(b"for=\"_gazonk\"")),
        ("x-forwarded-for", bytes(b"' or 1=1")),
        ("range", bytes(b"bytes=0-99999999999999999999")),
        ("if-none-match", bytes(b"*")),
        ("expect", bytes(b"100-continue")),
        ("te", bytes(b"trailers")),
    ] {
        let answer =
            world.admin.send(world.admin.request(Method::GET, "/v1/stores").header(name, value)).await;
        assert!(!answer.header("x-request-id").is_empty());
        answer.is(200);
    }
    for key in [&b""[..], b"\xff\xff", b"a\tb\xe9", &[b'k'; 256]] {
        let request =
            world.admin.request(Method::POST, "/v1/logins/00000000-0000-0000-0000-000000000000/answer");
        let request = request.header("idempotency-key", key).json(&json!({"code": "123456"}));
        world.admin.send(request).await.is_problem(422, "invalid_value");
    }
    for key in [&[b'k'; 255][..], b" ", b"';--", b"a/b?c=d"] {
        let request =
            world.admin.request(Method::POST, "/v1/logins/00000000-0000-0000-0000-000000000000/answer");
        let request = request.header("idempotency-key", key).json(&json!({"code": "123456"}));
        let answer = world.admin.send(request).await;
        assert!(matches!(answer.status, 404 | 422), "{answer:?}");
    }
}

async fn wrong_methods_and_addresses_are_told_so(world: &World) {
    for (method, path) in [
        (Method::DELETE, "/v1/stores"),
        (Method::PUT, "/v1/stores/30000001"),
        (Method::POST, "/v1/stores/30000001/session"),
        (Method::GET, "/v1/logins"),
        (Method::PATCH, "/v1/logins/00000000-0000-0000-0000-000000000000"),
        (Method::GET, "/api/kaspi/auth/login"),
        (Method::POST, "/healthz"),
        (Method::OPTIONS, "/v1/logins"),
        (Method::TRACE, "/v1/stores"),
        (Method::from_bytes(b"PURGE").unwrap(), "/v1/stores"),
    ] {
        let answer = world.admin.send(world.admin.request(method.clone(), path)).await;
        answer.is_problem(405, "method_not_allowed");
        assert!(!answer.header("allow").is_empty(), "{method} {path} (RFC 9110, 15.5.6)");
    }
    for path in [
        "/v1",
        "/v1/",
        "/v2/stores",
        "/v1/stores/",
        "/v1/stores/1/2",
        "//v1/stores",
        "/V1/stores",
        "/api",
        "/metrics/",
    ] {
        world.admin.get(path).await.is_problem(404, "not_found");
        world.node().anyone().get(path).await.is_problem(404, "not_found");
    }
}

on_sqlite!(
    a_body_that_is_too_large_is_refused_however_it_comes,
    a_body_that_breaks_off_is_no_request,
    lines_that_are_no_http_are_refused,
    strange_headers_do_no_harm,
    wrong_methods_and_addresses_are_told_so,
);
