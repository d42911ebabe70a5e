//! Bodies, paths and queries that do not fit: always a clear problem of the caller's, never an error of ours, and nothing is
//! lost by it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, World, on_both, on_sqlite};

/// Operations that take a body: method, path, a good body.
fn with_bodies() -> [(Method, &'static str, Value); 13] {
    let account = json!({"email": "code@sandbox.test", "password": PASSWORD});
    [
        (Method::POST, "/v1/logins", account.clone()),
        (Method::POST, "/v1/logins/00000000-0000-0000-0000-000000000000/answer", json!({"code": "123456"})),
        (Method::PATCH, "/v1/stores/30000001", json!({"is_active": true})),
        (
            Method::POST,
            "/v1/egresses",
            json!({"name": "x", "proxy": {"scheme": "http", "host": "127.0.0.1", "port": 1}}),
        ),
        (Method::PATCH, "/v1/egresses/0198f0c2-c5d2-7b1e-8d0c-1f2a3b4c5d6e", json!({"name": "x"})),
        (Method::POST, "/v1/stores/30000001/session/report", json!({"generation": 1, "outcome": "ok"})),
        (Method::POST, "/v1/sessions:validate", json!({"all": true})),
        (Method::POST, "/v1/sessions:refresh", json!({"merchant_uids": ["30000001"]})),
        (Method::POST, "/v1/api-keys", json!({"name": "x", "scopes": ["stores:read"]})),
        (Method::POST, "/api/kaspi/auth/login", account.clone()),
        (
            Method::POST,
            "/api/kaspi/auth/verify-sms",
            json!({"merchant_id": "1", "sms_code": "1234", "partial_session": "x"}),
        ),
        (Method::POST, "/api/kaspi/auth/session/30000001/refresh", account.clone()),
        (Method::POST, "/v1/logins?wait=1s", account),
    ]
}

async fn send(world: &World, method: &Method, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = world.admin.request(method.clone(), path).header("content-type", "application/json");
    world.admin.send(request.body(body)).await
}

async fn bodies_that_are_no_json_are_refused_everywhere(world: &World) {
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let deeper = format!("{}\"a\":1{}", "{\"a\":".repeat(2_000), "}".repeat(2_000));
    let bodies: [&[u8]; 16] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"nothing",
        b"{'email': 'x'}",
        b"{\"email\": \"x\",}",
        b"{\"email\"}",
        b"\xff\xfe{}",
        b"\0",
        b"{\"email\": \"\xc3\x28\", \"password\": \"x\"}",
        b"{\"email\": \"\\ud800\", \"password\": \"x\"}",
        b"{} {}",
        b"email=x&password=y",
        deep.as_bytes(),
        deeper.as_bytes(),
    ];
    let before = snapshot(world).await;
    for (method, path, _) in with_bodies() {
        for body in bodies {
            let answer = send(world, &method, path, body.to_vec()).await;
            let problem = answer.problem();
            // Nested too deeply, a body may be read far enough to see that it does not fit.
            let fits = matches!(
                (problem.status, problem.code.as_str()),
                (400, "invalid_request") | (422, "invalid_value")
            );
            assert!(
                fits,
                "{method} {path} {:?}: {problem:?}",
                String::from_utf8_lossy(&body[..body.len().min(60)])
            );
        }
    }
    assert_eq!(snapshot(world).await, before, "nothing was lost, nothing was made");
}

async fn values_of_other_types_are_refused_everywhere(world: &World) {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!([]),
        json!({}),
        json!([[]]),
        json!({"a": {"b": []}}),
        json!(""),
        json!("\u{0}"),
        json!("a\u{0}b"),
        json!("\r\n"),
        json!("x".repeat(3000)),
        json!("\u{202e}\u{feff}"),
        json!("'; drop table kaspi_stores; --"),
        json!("../../etc/passwd"),
        json!("{{7*7}}"),
    ];
    let before = snapshot(world).await;
    for (method, path, good) in with_bodies() {
        for value in &values {
            let answer = send(world, &method, path, value.to_string()).await;
            assert_client_error(&answer, &format!("{method} {path} {value}"));
            for key in good.as_object().unwrap().keys() {
                let mut body = good.clone();
                body[key] = value.clone();
                let answer = send(world, &method, path, body.to_string()).await;
                // A text may well be a password, and an api key's name or a wish that is left out.
                let accepted = matches!(answer.status, 200..=202);
                if !accepted {
                    assert_client_error(&answer, &format!("{method} {path} {body}"));
                }
            }
            let mut more = good.clone();
            more["unknown"] = value.clone();
            let answer = send(world, &method, path, more.to_string()).await;
            assert!(answer.status < 500, "{method} {path} {more}: {answer:?}");
            if path.starts_with("/v1") {
                answer.is_problem(422, "invalid_value");
            }
        }
    }
    let after = snapshot(world).await;
    assert_eq!(after.0, before.0, "the stores are unchanged");
}

async fn bodies_of_other_types_are_refused(world: &World) {
    for (method, path, good) in with_bodies() {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "",
            "json",
            "application/jsonx",
            "\u{7f}",
        ] {
            let mut request = world.admin.request(method.clone(), path).body(good.to_string());
            if let Ok(value) = reqwest::header::HeaderValue::from_str(kind) {
                request = request.header("content-type", value);
            }
            world.admin.send(request).await.is_problem(415, "unsupported_media_type");
        }
        let request = world.admin.request(method.clone(), path).body(good.to_string());
        world.admin.send(request).await.is_problem(415, "unsupported_media_type");
    }
    let body = json!({"name": "x", "scopes": ["stores:read"]}).to_string();
    for kind in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"] {
        let request =
            world.admin.request(Method::POST, "/v1/api-keys").header("content-type", kind).body(body.clone());
        world.admin.send(request).await.is(201);
    }
}

async fn paths_that_name_nothing_are_not_found(world: &World) {
    let long = "9".repeat(4000);
    let names = [
        "x",
        "%00",
        "%ff",
        "%F0%9F%92%A9",
        "..%2f..%2fetc",
        "a%20b",
        "-",
        "0",
        "1e9",
        "null",
        "%27%20or%201%3D1--",
        &long,
        "00000000-0000-0000-0000-00000000000",
        "30000001%00",
        "{id}",
        "%",
        "%zz",
        "00000000000000000000000000000000",
    ];
    for name in names {
        for (method, path, code) in [
            (Method::GET, "/v1/logins/{}", "login_not_found"),
            (Method::DELETE, "/v1/logins/{}", "login_not_found"),
            (Method::POST, "/v1/logins/{}/resend", "login_not_found"),
            (Method::GET, "/v1/stores/{}", "store_not_found"),
            (Method::DELETE, "/v1/stores/{}", "store_not_found"),
            (Method::GET, "/v1/stores/{}/session", "store_not_found"),
            (Method::POST, "/v1/stores/{}/session/validate", "store_not_found"),
            (Method::POST, "/v1/stores/{}/session/refresh", "store_not_found"),
            (Method::GET, "/v1/stores/{}/timeline", "store_not_found"),
            (Method::GET, "/v1/stores/{}/explain", "store_not_found"),
            (Method::GET, "/v1/batches/{}", "batch_not_found"),
            (Method::GET, "/v1/batches/{}/stores", "batch_not_found"),
            (Method::DELETE, "/v1/api-keys/{}", "api_key_not_found"),
            (Method::GET, "/v1/logins/{}/evidence", "login_not_found"),
            (Method::GET, "/v1/logins/{}/evidence/screenshot", "login_not_found"),
            (Method::GET, "/v1/logins/{}/challenge/picture", "login_not_found"),
            (Method::GET, "/v1/egresses/{}", "egress_not_found"),
            (Method::DELETE, "/v1/egresses/{}", "egress_not_found"),
            (Method::POST, "/v1/egresses/{}:check", "egress_not_found"),
            (Method::GET, "/api/kaspi/auth/session/{}", "store_not_found"),
            (Method::GET, "/docs/problems/{}", "not_found"),
        ] {
            let path = path.replace("{}", name);
            let answer = world.admin.send(world.admin.request(method.clone(), &path)).await;
            let problem = answer.problem();
            assert_eq!((problem.status, problem.code.as_str()), (404, code), "{method} {path}");
        }
    }
}

async fn queries_that_make_no_sense_are_refused(world: &World) {
    for wait in ["x", "-1s", "1h", "99999999999s", "%00", "1s&wait=2s", "", "30 s", "%ff"] {
        let path = format!("/v1/logins?wait={wait}");
        let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
        world.admin.post(&path, &body).await.is_problem(422, "invalid_value");
    }
    assert_eq!(world.passwords(), 0, "nothing was begun");
    // The longest wait is cut, not refused; unknown parts of a query are overlooked where there is none to mistake them for.
    let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
    world.admin.post("/v1/logins?wait=4294967295m&utm_source=x", &body).await.is(201);
}

on_both!(
    bodies_that_are_no_json_are_refused_everywhere,
    values_of_other_types_are_refused_everywhere,
    paths_that_name_nothing_are_not_found
);
on_sqlite!(bodies_of_other_types_are_refused, queries_that_make_no_sense_are_refused);

#[track_caller]
fn assert_client_error(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    answer.problem();
}

/// What must not change: stores, and how many logins and keys there are.
async fn snapshot(world: &World) -> (Vec<String>, u64, u64) {
    let stores =
        world.database.texts("select merchant_id || cast(guid as text) from kaspi_stores order by 1").await;
    let logins = world.database.count("kaspi_auth_logins").await;
    (stores, logins, world.database.count("kaspi_auth_api_keys").await)
}
