//! Tests of the vault through its public face, in one binary. What each file holds stands at its head.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what should not be; clippy knows only `#[test]` functions as tests"
)]

#[path = "vault/by_the_book.rs"]
mod by_the_book;
#[path = "vault/envelopes.rs"]
mod envelopes;
#[path = "vault/fingerprints.rs"]
mod fingerprints;
#[path = "vault/keys.rs"]
mod keys;
#[path = "vault/properties.rs"]
mod properties;
#[path = "vault/python_interop.rs"]
mod python_interop;
#[path = "vault/secrecy.rs"]
mod secrecy;
#[path = "vault/tokens.rs"]
mod tokens;
#[path = "vault/vectors.rs"]
mod vectors;

use ::secrecy::SecretString;
use kaspi_auth_vault::KeyRing;

/// Three keys that mean nothing: `A…`, `B…` and `C…` in base64.
const KEY_A: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
const KEY_B: &str = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";
const KEY_C: &str = "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M=";

/// A ring of these keys, newest first.
fn ring(keys: &[&str]) -> KeyRing {
    KeyRing::parse(&SecretString::from(keys.join(","))).expect("the test's keys are keys")
}
