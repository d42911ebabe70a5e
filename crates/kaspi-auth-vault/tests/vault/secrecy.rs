//! Nothing that prints shows a key or an opened secret.

use std::fmt::Debug;

use ::secrecy::SecretString;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use kaspi_auth_vault::{Envelope, Fingerprinter, KeyRing, Legacy, OpenError, Pepper};
use serde_json::{Map, Value};

use crate::ring;

const CANARY: &str = "CanaryThatMustNotSing";

fn shows(value: &dyn Debug) -> bool {
    format!("{value:?} {value:#?}").contains("Canary")
}

#[test]
fn a_ring_shows_how_many_keys_it_has_and_their_fingerprints_only() {
    let key = URL_SAFE.encode([0x5a; 32]);
    let ring = ring(&[&key]);
    assert_eq!(
        format!("{ring:?}"),
        format!("KeyRing {{ keys: 1, fingerprints: [\"{}\"] }}", ring.fingerprints()[0])
    );
    assert_eq!(ring.fingerprints()[0].len(), 12);
    assert!(!shows(&KeyRing::generate_key()));
}

#[test]
fn a_refused_key_is_not_in_the_refusal() {
    let same = format!("{CANARY}AAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!(same.len(), 44);
    let same_length_not_base64 = format!("{CANARY}!AAAAAAAAAAAAAAAAAAAAA=");
    for text in
        [CANARY.to_owned(), format!("{same},{CANARY}"), format!("{same},{same}"), same_length_not_base64]
    {
        let error = KeyRing::parse(&SecretString::from(text)).unwrap_err();
        assert!(!shows(&error));
        assert!(!error.to_string().contains("Canary"));
    }
}

#[test]
fn an_opened_record_does_not_print_what_it_holds() {
    let ring = ring(&[crate::KEY_A]);
    let record: Map<String, Value> = [("password".to_owned(), Value::from(CANARY))].into_iter().collect();
    let token = Envelope::MERCHANT.seal_for(&ring, CANARY, &record, 1);
    assert!(!token.contains("Canary"));
    let opened = Envelope::MERCHANT.open_for(&ring, CANARY, &token, Legacy::Refuse).unwrap();
    assert!(!shows(&opened));
    let error = opened.to::<Vec<u8>>().unwrap_err();
    assert!(!shows(&error) && !error.to_string().contains("Canary"));
}

#[test]
fn an_error_of_a_token_shows_neither_token_nor_owner() {
    let ring = ring(&[crate::KEY_A]);
    let sealed = Envelope::MERCHANT.seal_for(&ring, CANARY, &Map::new(), 1);
    let wrong_owner = Envelope::MERCHANT.open_for(&ring, "other", &sealed, Legacy::Refuse).unwrap_err();
    for error in [wrong_owner, ring.open(CANARY).unwrap_err(), ring.open("gAAACanary").unwrap_err()] {
        assert!(!shows(&error) && !error.to_string().contains("Canary"));
    }
    assert_eq!(wrong_owner, OpenError::WrongSubject);
}

#[test]
fn a_pepper_does_not_print() {
    let pepper = Pepper::from_bytes([0xab; 32]);
    assert_eq!(format!("{pepper:?}"), "Pepper(…)");
    let prints = format!("{:?}", Fingerprinter::new(pepper));
    assert!(!prints.contains("171") && !prints.to_lowercase().contains("ab, "), "{prints}");
}
