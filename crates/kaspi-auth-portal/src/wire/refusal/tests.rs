//! How long a flood or a lock asks to wait, wherever and however it says so.

use serde_json::json;

use super::*;

fn wait(body: &Value) -> i64 {
    let now: Timestamp = "2026-11-22T08:00:00Z".parse().expect("a time");
    let object = body.as_object().expect("an object");
    let code = ErrorCode::of(object).expect("a code");
    match read(&code, Step::Password, object, &Words::without(&[]), now) {
        Refused::Call(error) => error.retry_at().map_or(-1, |at| at.duration_since(now).as_secs()),
        Refused::Answer(_) => panic!("a flood is no wrong answer"),
    }
}

#[test]
fn the_break_is_found_wherever_it_stands() {
    let flood = |data: Value| {
        let mut body = json!({"errorCode": "MFA_SEND_FLOOD"});
        body.as_object_mut().expect("an object").extend(data.as_object().expect("an object").clone());
        wait(&body)
    };
    assert_eq!(flood(json!({"errorData": {"breakTimeSeconds": 122}})), 122);
    assert_eq!(flood(json!({"errorData": {"breakTimeSeconds": "122"}})), 122);
    assert_eq!(flood(json!({"errorData": {"breakTimeSeconds": 0.2}})), 1);
    assert_eq!(flood(json!({"errorData": null, "breakTimeSeconds": 7})), 7);
    assert_eq!(flood(json!({"error": {"breakTimeSeconds": 8}})), 8);
}

#[test]
fn a_break_that_is_missing_or_absurd_is_replaced() {
    let flood = |value: Value| {
        wait(&json!({"errorCode": "MFA_SEND_FLOOD", "errorData": {"breakTimeSeconds": value}}))
    };
    for none in [Value::Null, json!(0), json!(-5), json!("soon"), json!([1]), json!("NaN")] {
        assert_eq!(flood(none.clone()), 60, "{none}");
    }
    for long in [json!(1e300), json!(u64::MAX), json!(86_401)] {
        assert_eq!(flood(long.clone()), 86_400, "{long}");
    }
    assert_eq!(wait(&json!({"errorCode": "ACCOUNT_LOCKED"})), -1);
    assert_eq!(wait(&json!({"errorCode": "ACCOUNT_LOCKED", "errorData": {"breakTimeSeconds": 900}})), 900);
}
