//! Bodies that a generator makes: whatever comes, the answer is one of the API's own, and the service goes on.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::harness::{World, on_both};

const CASES: u32 = 250;

/// Names that bodies have, so that some of what is made is nearly right.
const KEYS: [&str; 23] = [
    "email",
    "password",
    "phone",
    "user_id",
    "store_password",
    "engine",
    "merchant_uid",
    "code",
    "name",
    "scopes",
    "shop_name",
    "is_active",
    "sms_code",
    "partial_session",
    "proxy",
    "host",
    "port",
    "per_second",
    "enabled",
    "generation",
    "outcome",
    "merchant_uids",
    "all",
];

const TARGETS: [(&str, &str); 12] = [
    ("POST", "/v1/logins"),
    ("POST", "/v1/logins/00000000-0000-0000-0000-000000000000/answer"),
    ("PATCH", "/v1/stores/30000001"),
    ("POST", "/v1/stores/30000001/session/report"),
    ("POST", "/v1/sessions:validate"),
    ("POST", "/v1/sessions:refresh"),
    ("POST", "/v1/api-keys"),
    ("POST", "/v1/egresses"),
    ("PATCH", "/v1/egresses/0198f0c2-c5d2-7b1e-8d0c-1f2a3b4c5d6e"),
    ("POST", "/api/kaspi/auth/login"),
    ("POST", "/api/kaspi/auth/verify-sms"),
    ("POST", "/api/kaspi/auth/session/30000001/refresh"),
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<String>(),
        2 => "[a-z]{1,8}@[a-z]{1,8}\\.test",
        2 => "[+]?[78][0-9() -]{9,14}",
        1 => "[0-9]{4,8}",
        1 => Just("auto".to_owned()),
        1 => Just("stores:read".to_owned()),
        1 => "\\PC{0,300}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key(), inner), 0..4).prop_map(object),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![3 => proptest::sample::select(&KEYS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn object(pairs: Vec<(String, Value)>) -> Value {
    Value::Object(pairs.into_iter().collect::<Map<_, _>>())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let objects = proptest::collection::vec((key(), value()), 0..6).prop_map(object);
    prop_oneof![
        6 => objects.prop_map(|value| value.to_string().into_bytes()),
        1 => value().prop_map(|value| value.to_string().into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        // Nearly right: a byte is another one.
        2 => (value(), any::<proptest::sample::Index>(), any::<u8>()).prop_map(|(value, place, byte)| {
            let mut bytes = value.to_string().into_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            bytes
        }),
    ]
}

async fn whatever_comes_is_answered_by_the_apis_own_words(world: &World) {
    world.store("shop", "30000001").await;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    for number in 0..CASES {
        let (method, path) = TARGETS[number as usize % TARGETS.len()];
        let body = body().new_tree(&mut runner).unwrap().current();
        let shown = String::from_utf8_lossy(&body).into_owned();
        let request = world.admin.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
        let answer = world.admin.send(request.header("content-type", "application/json").body(body)).await;
        assert!(answer.status < 500, "{method} {path} {shown}: {answer:?}");
        if answer.status >= 400 {
            answer.problem();
        }
    }
    let listed = world.admin.get("/v1/stores?limit=1").await.is(200).json();
    assert_eq!(listed["stores"][0]["merchant_uid"], "30000001");
    crate::harness::until("the logins that were begun have ended", || {
        world.node().service().runner.is_empty()
    })
    .await;
}

on_both!(whatever_comes_is_answered_by_the_apis_own_words);
