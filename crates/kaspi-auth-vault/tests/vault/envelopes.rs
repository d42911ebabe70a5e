//! Envelopes: a record opens for its owner and for nobody else.

use kaspi_auth_vault::{Envelope, Legacy, OpenError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{KEY_A, KEY_B, ring};

const AT: u64 = 1_700_000_000;
const MERCHANT: Envelope = Envelope::MERCHANT;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

#[test]
fn a_record_opens_for_its_owner_with_the_owner_named_inside() {
    let ring = ring(&[KEY_A]);
    let record = object(json!({"email": "a@b.kz", "cookies": [{"name": "s", "value": "1"}], "phone": null}));
    let token = MERCHANT.seal_for(&ring, "30012345", &record, AT);

    let opened = MERCHANT.open_for(&ring, "30012345", &token, Legacy::Refuse).unwrap();
    assert_eq!(opened.text("merchant_uid"), Some("30012345"));
    let mut expected = record;
    expected.insert("merchant_uid".to_owned(), "30012345".into());
    assert_eq!(opened.into_map(), expected);
    assert_eq!(ring.timestamp(&token), Ok(AT));
}

#[test]
fn a_record_of_another_merchant_is_refused() {
    let ring = ring(&[KEY_A]);
    let token = MERCHANT.seal_for(&ring, "30012345", &Map::new(), AT);
    for other in ["30012346", "3001234", "300123456", "", "30012345 "] {
        for legacy in [Legacy::Accept, Legacy::Refuse] {
            let error = MERCHANT.open_for(&ring, other, &token, legacy).unwrap_err();
            assert_eq!(error, OpenError::WrongSubject, "{other}");
        }
    }
}

#[test]
fn the_owner_given_replaces_the_owner_in_the_record() {
    let ring = ring(&[KEY_A]);
    let token = MERCHANT.seal_for(&ring, "1", &object(json!({"merchant_uid": "2", "a": 1})), AT);
    let text = String::from_utf8(ring.open(&token).unwrap().to_vec()).unwrap();
    assert_eq!(text, r#"{"a":1,"merchant_uid":"1"}"#);
}

#[test]
fn a_record_of_the_predecessor_names_nobody_and_opens_only_where_that_is_allowed() {
    let ring = ring(&[KEY_A]);
    for plain in [&br#"{"email": "a@b.kz"}"#[..], br#"{"email": "a@b.kz", "merchant_uid": null}"#] {
        let token = ring.seal(plain, AT);
        let opened = MERCHANT.open_for(&ring, "1", &token, Legacy::Accept).unwrap();
        assert_eq!(opened.text("email"), Some("a@b.kz"));
        let error = MERCHANT.open_for(&ring, "1", &token, Legacy::Refuse).unwrap_err();
        assert_eq!(error, OpenError::NoSubject);
    }
}

#[test]
fn an_owner_written_as_a_number_is_compared_by_its_digits() {
    let ring = ring(&[KEY_A]);
    let token = ring.seal(br#"{"merchant_uid": 30012345}"#, AT);
    assert!(MERCHANT.open_for(&ring, "30012345", &token, Legacy::Refuse).is_ok());
    assert_eq!(
        MERCHANT.open_for(&ring, "30012346", &token, Legacy::Accept).unwrap_err(),
        OpenError::WrongSubject
    );
    let token = ring.seal(br#"{"merchant_uid": ["30012345"]}"#, AT);
    assert_eq!(
        MERCHANT.open_for(&ring, "30012345", &token, Legacy::Accept).unwrap_err(),
        OpenError::WrongSubject
    );
}

#[test]
fn what_is_no_object_is_not_json() {
    let ring = ring(&[KEY_A]);
    for plain in [&b""[..], b"hunter2", b"[]", b"\"text\"", b"{\"a\": 1", b"{} {}", b"\xff"] {
        let error = MERCHANT.open_for(&ring, "1", &ring.seal(plain, AT), Legacy::Accept).unwrap_err();
        assert_eq!(error, OpenError::NotJson, "{plain:?}");
    }
}

#[test]
fn damage_and_wrong_keys_are_told_before_the_owner_is_looked_at() {
    let token = MERCHANT.seal_for(&ring(&[KEY_A]), "1", &Map::new(), AT);
    let open = |keys: &[&str], token: &str| MERCHANT.open_for(&ring(keys), "2", token, Legacy::Accept);
    assert_eq!(open(&[KEY_B], &token).unwrap_err(), OpenError::NotAuthentic);
    assert_eq!(open(&[KEY_A], &token[..60]).unwrap_err(), OpenError::Truncated);
    assert_eq!(open(&[KEY_A], "junk").unwrap_err(), OpenError::Malformed);
}

#[test]
fn the_subject_key_is_a_choice_and_sorts_of_records_do_not_mix() {
    let ring = ring(&[KEY_A]);
    let logins = Envelope::new("login_id");
    assert_eq!(logins.subject_key(), "login_id");
    let token = logins.seal_for(&ring, "L1", &Map::new(), AT);
    assert!(logins.open_for(&ring, "L1", &token, Legacy::Refuse).is_ok());
    assert_eq!(MERCHANT.open_for(&ring, "L1", &token, Legacy::Refuse).unwrap_err(), OpenError::NoSubject);
}

#[test]
fn a_rotated_record_still_opens_for_its_owner_only() {
    let token = MERCHANT.seal_for(&ring(&[KEY_A]), "1", &object(json!({"password": "p"})), AT);
    let both = ring(&[KEY_B, KEY_A]);
    let rotated = both.rotate(&token).unwrap();
    assert_eq!(MERCHANT.open_for(&both, "1", &rotated, Legacy::Refuse).unwrap().text("password"), Some("p"));
    assert_eq!(MERCHANT.open_for(&both, "2", &rotated, Legacy::Refuse).unwrap_err(), OpenError::WrongSubject);
}

#[test]
fn an_opened_record_becomes_a_typed_value_or_says_it_does_not_fit() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Record {
        email: String,
    }
    let ring = ring(&[KEY_A]);
    let token = MERCHANT.seal_for(&ring, "1", &object(json!({"email": "a@b.kz"})), AT);
    let opened = MERCHANT.open_for(&ring, "1", &token, Legacy::Refuse).unwrap();
    assert_eq!(opened.to::<Record>(), Ok(Record { email: "a@b.kz".to_owned() }));
    assert_eq!(opened.to::<Vec<u8>>(), Err(OpenError::NotJson));
}
