//! Fingerprints of accounts and the pepper under them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaspi_auth_vault::{Fingerprinter, OpenError, Pepper};

use crate::{KEY_A, KEY_B, ring};

/// Reckoned with Python: `hmac.new(bytes(range(32)), struct.pack('>Q', 5) + b'email' + b'a@b.kz', 'sha256')`, in
/// base64.
#[test]
fn a_fingerprint_is_the_hmac_that_python_reckons() {
    let pepper: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let prints = Fingerprinter::new(Pepper::from_bytes(pepper));
    assert_eq!(
        STANDARD.encode(prints.mac("email", b"a@b.kz")),
        "jUui7lrwHHzVMn/8zzy5irSrLN9+JWCSoDb1D+UvZl4="
    );
}

#[test]
fn the_same_account_gives_the_same_fingerprint_and_another_does_not() {
    let prints = Fingerprinter::new(Pepper::from_bytes([1; 32]));
    assert_eq!(prints.mac("email", b"a@b.kz"), prints.clone().mac("email", b"a@b.kz"));
    assert_ne!(prints.mac("email", b"a@b.kz"), prints.mac("email", b"c@b.kz"));
    assert_ne!(prints.mac("email", b"7701"), prints.mac("phone", b"7701"));
    let other = Fingerprinter::new(Pepper::from_bytes([2; 32]));
    assert_ne!(prints.mac("email", b"a@b.kz"), other.mac("email", b"a@b.kz"));
}

#[test]
fn domain_and_value_do_not_run_together() {
    let prints = Fingerprinter::new(Pepper::from_bytes([1; 32]));
    assert_ne!(prints.mac("ab", b"c"), prints.mac("a", b"bc"));
    assert_ne!(prints.mac("", b"abc"), prints.mac("abc", b""));
}

#[test]
fn a_pepper_survives_being_sealed_and_no_two_are_alike() {
    let ring = ring(&[KEY_A]);
    let pepper = Pepper::generate();
    let print = Fingerprinter::new(pepper.clone()).mac("email", b"a");
    let sealed = pepper.seal(&ring, 1);
    assert_eq!(Fingerprinter::new(Pepper::open(&ring, &sealed).unwrap()).mac("email", b"a"), print);
    assert_ne!(Fingerprinter::new(Pepper::generate()).mac("email", b"a"), print);
}

#[test]
fn a_token_that_holds_no_pepper_is_refused() {
    let ring_a = ring(&[KEY_A]);
    let short = ring_a.seal(&[1; 31], 1);
    assert_eq!(Pepper::open(&ring_a, &short).unwrap_err(), OpenError::Malformed);
    let sealed = Pepper::generate().seal(&ring_a, 1);
    assert_eq!(Pepper::open(&ring(&[KEY_B]), &sealed).unwrap_err(), OpenError::NotAuthentic);
}
