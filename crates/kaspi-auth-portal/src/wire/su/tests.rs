//! Every plausible shape of `su`, each with what must come out of it: what is shown, `_s_m`, `_s_u` and the name.

use serde_json::json;

use super::*;

fn rows(su: &Value) -> Vec<(String, String, String, String)> {
    let asked = read(su).unwrap_or_default();
    let name = |name: Option<String>| name.unwrap_or_else(|| "-".to_owned());
    asked.into_iter().map(|a| (a.uid.to_string(), a.merchant, a.user, name(a.name))).collect()
}

fn check(su: &Value, expected: &[(&str, &str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(m, u, n)| ((*m).to_owned(), (*m).to_owned(), (*u).to_owned(), (*n).to_owned()))
        .collect();
    assert_eq!(rows(su), expected, "{su}");
}

#[test]
fn lists_of_merchants_are_read_in_every_spelling() {
    let both = [("11", "11", "A"), ("12", "12", "B")];
    for (id, name) in [
        ("uid", "name"),
        ("id", "title"),
        ("merchantUid", "shopName"),
        ("merchant_id", "merchant_name"),
        ("MERCHANTID", "displayName"),
        ("code", "label"),
        ("mUid", "name"),
    ] {
        check(&json!([{id: "11", name: "A"}, {id: 12, name: "B"}]), &both);
        check(&json!({"merchants": [{id: "11", name: "A"}, {id: "12", name: "B"}]}), &both);
        check(&json!({"items": [{id: "11", name: "A"}, {id: "12", name: "B"}]}), &both);
    }
    check(&json!(["11", 12]), &[("11", "11", "-"), ("12", "12", "-")]);
    check(&json!({"uid": "11", "name": "A"}), &[("11", "11", "A")]);
}

#[test]
fn maps_are_read_with_the_id_as_the_key() {
    check(&json!({"11": "A", "12": {"name": "B"}}), &[("11", "11", "A"), ("12", "12", "B")]);
    check(&json!({"11": null}), &[("11", "11", "-")]);
    check(&json!({"KSP": {"title": "B", "userId": "u1"}}), &[("KSP", "u1", "B")]);
}

#[test]
fn users_and_their_merchants_keep_both_ids() {
    check(
        &json!([{"id": "u1", "name": "Owner", "merchants": [{"uid": "11", "name": "A"}, {"uid": "12"}]},
                {"userId": 7, "merchants": {"13": "C"}}]),
        &[("11", "u1", "A"), ("12", "u1", "-"), ("13", "7", "C")],
    );
    check(&json!([{"uid": "11", "userUid": "u1", "name": "A"}]), &[("11", "u1", "A")]);
    check(&json!([{"id": 5, "merchantUid": "11"}]), &[("11", "5", "-")]);
    check(&json!([{"id": 5, "uid": "11"}]), &[("11", "5", "-")]);
    check(
        &json!([{"user": {"id": "u1", "name": "Owner"}, "merchant": {"uid": "11", "name": "A"}}]),
        &[("11", "u1", "A")],
    );
    check(&json!({"merchants": [{"uid": "11"}], "users": [{"id": "u1"}]}), &[("11", "u1", "-")]);
    check(&json!({"users": [{"id": "u1", "name": "X"}]}), &[("u1", "u1", "X")]);
    check(&json!([{"userId": "u1", "name": "X"}]), &[("u1", "u1", "X")]);
}

#[test]
fn what_is_no_choice_is_none() {
    for nothing in
        [json!(null), json!(true), json!(5), json!("x"), json!([]), json!({}), json!([null, [], {}])]
    {
        assert_eq!(read(&nothing), None, "{nothing}");
    }
    assert_eq!(read(&json!([{"uid": "a b"}, {"uid": ""}, {"uid": "x".repeat(65)}])), None);
}

#[test]
fn doubles_and_endless_lists_are_cut() {
    check(&json!([{"uid": "11", "name": "A"}, {"uid": "11", "name": "B"}]), &[("11", "11", "A")]);
    let many: Vec<u32> = (0..10_000).collect();
    assert_eq!(read(&json!(many)).map(|list| list.len()), Some(MOST));
}
