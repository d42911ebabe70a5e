//! Tokens at the edges: time to live, clock skew, white space, padding, shapes that nobody seals.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use kaspi_auth_vault::OpenError;

use crate::{KEY_A, KEY_B, KEY_C, by_the_book, ring};

const AT: u64 = 1_700_000_000;

#[test]
fn a_token_lives_to_the_last_second_of_its_ttl() {
    let ring = ring(&[KEY_A]);
    let token = ring.seal(b"x", AT);
    assert!(ring.open_with_ttl(&token, 30, AT + 30).is_ok());
    assert_eq!(ring.open_with_ttl(&token, 30, AT + 31).unwrap_err(), OpenError::TooOld);
}

#[test]
fn a_token_may_be_sixty_seconds_ahead_of_the_clock_and_no_more() {
    let ring = ring(&[KEY_A]);
    let token = ring.seal(b"x", AT);
    assert!(ring.open_with_ttl(&token, 30, AT - 60).is_ok());
    assert_eq!(ring.open_with_ttl(&token, 30, AT - 61).unwrap_err(), OpenError::TooNew);
}

#[test]
fn without_a_ttl_a_token_from_the_future_opens() {
    let ring = ring(&[KEY_A]);
    for at in [0, AT * 2, u64::MAX - 61, u64::MAX - 60, u64::MAX] {
        assert_eq!(*ring.open(&ring.seal(b"x", at)).unwrap(), b"x", "{at}");
    }
}

#[test]
fn an_unauthenticated_timestamp_overflows_nothing_and_decides_nothing() {
    let forged = by_the_book::token(KEY_B, u64::MAX, [7; 16], b"x");
    let error = ring(&[KEY_A]).open_with_ttl(&forged, u64::MAX, AT).unwrap_err();
    assert_eq!(error, OpenError::NotAuthentic);
    let expired_and_forged = by_the_book::token(KEY_B, 1, [7; 16], b"x");
    let error = ring(&[KEY_A]).open_with_ttl(&expired_and_forged, 1, AT).unwrap_err();
    assert_eq!(error, OpenError::NotAuthentic);
}

#[test]
fn white_space_around_a_token_is_overlooked() {
    let ring = ring(&[KEY_A]);
    let token = ring.seal(b"x", AT);
    for text in [format!("{token}\n"), format!("{token}\r\n"), format!("  \t{token} \n\n")] {
        assert_eq!(*ring.open(&text).unwrap(), b"x");
        assert!(ring.rotate(&text).is_ok());
        assert!(ring.open_with_ttl(&text, 1, AT).is_ok());
    }
}

#[test]
fn a_token_without_its_padding_is_cut_short_as_in_python() {
    let ring = ring(&[KEY_A]);
    let token = ring.seal(b"x", AT);
    assert!(token.ends_with("=="));
    assert_eq!(ring.open(&token[..token.len() - 1]).unwrap_err(), OpenError::Truncated);
    assert_eq!(ring.open(&token[..token.len() - 2]).unwrap_err(), OpenError::Truncated);
    assert_eq!(ring.open(&format!("{token}====")).unwrap_err(), OpenError::Malformed);
}

#[test]
fn what_is_no_token_is_malformed() {
    let ring = ring(&[KEY_A]);
    let other_version =
        by_the_book::signed(KEY_A, [&[0x81][..], &AT.to_be_bytes(), &[0; 16], &[0; 16]].concat());
    for text in ["", " ", "=", "====", "hunter2", "{\"email\": \"a@b.kz\"}", "gé", "g g", &other_version] {
        assert_eq!(ring.open(text).unwrap_err(), OpenError::Malformed, "{text}");
    }
}

#[test]
fn a_token_without_a_whole_block_is_truncated() {
    let ring = ring(&[KEY_A]);
    for ciphertext in [0, 1, 15, 17] {
        let bytes = [&[0x80][..], &AT.to_be_bytes(), &[0; 16], &vec![0; ciphertext]].concat();
        let token = by_the_book::signed(KEY_A, bytes);
        assert_eq!(ring.open(&token).unwrap_err(), OpenError::Truncated, "{ciphertext}");
    }
    for text in ["g", "gA", "gAAA", &URL_SAFE.encode([0x80; 72])] {
        assert_eq!(ring.open(text).unwrap_err(), OpenError::Truncated, "{text}");
    }
}

#[test]
fn every_key_of_the_ring_opens_and_the_newest_seals() {
    let all = ring(&[KEY_C, KEY_B, KEY_A]);
    for key in [KEY_A, KEY_B, KEY_C] {
        let token = ring(&[key]).seal(b"x", AT);
        assert_eq!(*all.open(&token).unwrap(), b"x");
        assert_eq!(all.is_newest(&token), Ok(key == KEY_C));
    }
    assert_eq!(*ring(&[KEY_C]).open(&all.seal(b"x", AT)).unwrap(), b"x");
}

#[test]
fn two_seals_of_the_same_content_differ() {
    let ring = ring(&[KEY_A]);
    assert_ne!(ring.seal(b"x", AT), ring.seal(b"x", AT));
}

#[test]
fn a_token_tells_the_place_of_its_key_and_moves_once_with_its_time() {
    let (old, both) = (ring(&[KEY_A]), ring(&[KEY_B, KEY_A]));
    let token = old.seal(b"x", AT);
    assert_eq!(both.place_of(&token).unwrap(), 1);
    let moved = both.rotate_if_older(&token).unwrap().unwrap();
    assert_eq!((both.place_of(&moved).unwrap(), both.timestamp(&moved).unwrap()), (0, AT));
    assert_eq!(both.rotate_if_older(&moved).unwrap(), None);
    assert_eq!(*ring(&[KEY_B]).open(&moved).unwrap(), b"x");
    let unknown = ring(&[KEY_C]);
    assert_eq!(unknown.place_of(&token).unwrap_err(), OpenError::NotAuthentic);
    assert_eq!(unknown.rotate_if_older(&token).unwrap_err(), OpenError::NotAuthentic);
}
