//! The official vectors of the Fernet specification. `tests/vectors/ORIGIN.md` says where they come from.

use kaspi_auth_vault::OpenError;
use serde::Deserialize;

use crate::{by_the_book, ring};

#[derive(Deserialize)]
struct Generate {
    token: String,
    now: jiff::Timestamp,
    iv: [u8; 16],
    src: String,
    secret: String,
}

#[derive(Deserialize)]
struct Verify {
    token: String,
    now: jiff::Timestamp,
    ttl_sec: u64,
    src: String,
    secret: String,
}

#[derive(Deserialize)]
struct Invalid {
    desc: String,
    token: String,
    now: jiff::Timestamp,
    ttl_sec: u64,
    secret: String,
}

fn seconds(at: jiff::Timestamp) -> u64 {
    at.as_second().try_into().unwrap()
}

/// The vault draws its IV at random, as it should, so it cannot be told to reproduce the vector's token. Instead: a
/// writer built from the specification reproduces the vector, and what the vault seals from the same source, key and
/// time is, to the last character, what that writer makes with the IV that the vault drew.
#[test]
fn what_the_vault_seals_is_what_the_generate_vector_prescribes() {
    let vectors: Vec<Generate> = serde_json::from_str(include_str!("../vectors/generate.json")).unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let (at, source) = (seconds(vector.now), vector.src.as_bytes());
        assert_eq!(by_the_book::token(&vector.secret, at, vector.iv, source), vector.token);

        let ring = ring(&[&vector.secret]);
        let sealed = ring.seal(source, at);
        assert_eq!(sealed, by_the_book::token(&vector.secret, at, by_the_book::iv_of(&sealed), source));
        assert_eq!(sealed[..12], vector.token[..12], "version and timestamp");
        assert_eq!(*ring.open(&vector.token).unwrap(), source);
        assert_eq!(ring.timestamp(&vector.token), Ok(at));
    }
}

#[test]
fn the_verify_vectors_open() {
    let vectors: Vec<Verify> = serde_json::from_str(include_str!("../vectors/verify.json")).unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let ring = ring(&[&vector.secret]);
        let opened = ring.open_with_ttl(&vector.token, vector.ttl_sec, seconds(vector.now)).unwrap();
        assert_eq!(*opened, vector.src.as_bytes());
    }
}

#[test]
fn every_invalid_vector_fails_with_the_error_that_fits() {
    let vectors: Vec<Invalid> = serde_json::from_str(include_str!("../vectors/invalid.json")).unwrap();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let expected = match vector.desc.as_str() {
            "invalid base64" => OpenError::Malformed,
            "too short" | "payload size not multiple of block size" => OpenError::Truncated,
            "incorrect mac" | "payload padding error" | "incorrect IV (causes padding error)" => {
                OpenError::NotAuthentic
            }
            "far-future TS (unacceptable clock skew)" => OpenError::TooNew,
            "expired TTL" => OpenError::TooOld,
            other => panic!("a vector this test does not know: {other}"),
        };
        let ring = ring(&[&vector.secret]);
        let error = ring.open_with_ttl(&vector.token, vector.ttl_sec, seconds(vector.now)).unwrap_err();
        assert_eq!(error, expected, "{}", vector.desc);
        let depends_on_the_time = matches!(expected, OpenError::TooNew | OpenError::TooOld);
        assert_eq!(ring.open(&vector.token).is_ok(), depends_on_the_time, "{}", vector.desc);
    }
}
