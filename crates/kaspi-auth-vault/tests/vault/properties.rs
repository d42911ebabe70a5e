//! What holds for every plaintext, time and damage, tried on random ones.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use kaspi_auth_vault::OpenError;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{KEY_A, KEY_B, KEY_C, by_the_book, ring};

fn content() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sealed_opens_unchanged_whatever_its_time(plain in content(), at in any::<u64>()) {
        let ring = ring(&[KEY_A]);
        let token = ring.seal(&plain, at);
        prop_assert_eq!(&*ring.open(&token).unwrap(), &plain);
        prop_assert_eq!(ring.timestamp(&token), Ok(at));
        prop_assert_eq!(&token, &by_the_book::token(KEY_A, at, by_the_book::iv_of(&token), &plain));
    }

    #[test]
    fn any_flipped_bit_of_the_bytes_is_noticed(plain in content(), at in any::<u64>(), bit in any::<Index>()) {
        let ring = ring(&[KEY_A, KEY_B]);
        let mut bytes = URL_SAFE.decode(ring.seal(&plain, at)).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit < 8 { OpenError::Malformed } else { OpenError::NotAuthentic };
        prop_assert_eq!(ring.open(&URL_SAFE.encode(bytes)).unwrap_err(), expected);
    }

    #[test]
    fn any_flipped_bit_of_the_text_is_noticed(plain in content(), place in any::<Index>(), bit in 0..7u8) {
        let ring = ring(&[KEY_A]);
        let mut text = ring.seal(&plain, 1).into_bytes();
        let place = place.index(text.len());
        text[place] ^= 1 << bit;
        prop_assert!(ring.open(&String::from_utf8(text).unwrap()).is_err());
    }

    #[test]
    fn any_cut_at_the_end_is_noticed(plain in content(), keep in any::<Index>()) {
        let ring = ring(&[KEY_A]);
        let token = ring.seal(&plain, 1);
        let cut = &token[..keep.index(token.len())];
        // Frame and whole blocks come out of 12 + 64 n characters; such a cut has the shape of a whole token.
        let looks_whole = cut.len() > 76 && cut.len() % 64 == 12;
        let expected = match cut.len() {
            0 => OpenError::Malformed,
            _ if looks_whole => OpenError::NotAuthentic,
            _ => OpenError::Truncated,
        };
        prop_assert_eq!(ring.open(cut).unwrap_err(), expected);
    }

    #[test]
    fn a_cut_at_the_front_is_noticed(plain in content(), drop in any::<Index>()) {
        let ring = ring(&[KEY_A]);
        let token = ring.seal(&plain, 1);
        prop_assert!(ring.open(&token[1 + drop.index(token.len() - 1)..]).is_err());
    }

    #[test]
    fn a_wrong_key_opens_nothing(plain in content(), at in any::<u64>()) {
        let token = ring(&[KEY_A]).seal(&plain, at);
        let other = ring(&[KEY_B, KEY_C]);
        prop_assert_eq!(other.open(&token).unwrap_err(), OpenError::NotAuthentic);
        prop_assert_eq!(other.timestamp(&token), Err(OpenError::NotAuthentic));
        prop_assert_eq!(other.is_newest(&token), Err(OpenError::NotAuthentic));
        prop_assert_eq!(other.rotate(&token), Err(OpenError::NotAuthentic));
    }

    #[test]
    fn rotation_keeps_content_and_time_and_moves_to_the_newest_key(plain in content(), at in any::<u64>()) {
        let old = ring(&[KEY_A]);
        let both = ring(&[KEY_B, KEY_A]);
        let token = old.seal(&plain, at);
        prop_assert_eq!(both.is_newest(&token), Ok(false));

        let rotated = both.rotate(&token).unwrap();
        prop_assert_eq!(both.is_newest(&rotated), Ok(true));
        prop_assert_eq!(both.timestamp(&rotated), Ok(at));
        prop_assert_eq!(&*ring(&[KEY_B]).open(&rotated).unwrap(), &plain);
        prop_assert_eq!(old.open(&rotated).unwrap_err(), OpenError::NotAuthentic);
        prop_assert_ne!(by_the_book::iv_of(&rotated), by_the_book::iv_of(&token));
    }

    #[test]
    fn no_text_makes_the_vault_panic(text in ".{0,200}", ttl in any::<u64>(), now in any::<u64>()) {
        prop_assert!(ring(&[KEY_A]).open_with_ttl(&text, ttl, now).is_err());
    }

    #[test]
    fn the_ttl_is_judged_as_in_unbounded_integers(at in any::<u64>(), ttl in any::<u64>(), now in any::<u64>()) {
        let ring = ring(&[KEY_A]);
        let expected = if u128::from(at) + u128::from(ttl) < u128::from(now) {
            Err(OpenError::TooOld)
        } else if u128::from(now) + 60 < u128::from(at) {
            Err(OpenError::TooNew)
        } else {
            Ok(())
        };
        prop_assert_eq!(ring.open_with_ttl(&ring.seal(b"x", at), ttl, now).map(|_| ()), expected);
    }
}
