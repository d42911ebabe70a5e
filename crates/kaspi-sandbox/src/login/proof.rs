//! The cookie that the login page's script sets: it tells a client that ran the script from one that only speaks HTTP.
//! It must not decide what happens to either.

use crate::cookies;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use sha2::{Digest, Sha256};

/// The cookie's name.
pub(super) const COOKIE: &str = "ms_proof";

/// What the script makes its cookie from: another text for each login session.
pub(super) fn seed(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(token)[..9])
}

/// Whether a request carries the cookie as the script makes it.
pub(super) fn is_shown(headers: &HeaderMap) -> bool {
    cookies::values(headers, COOKIE)
        .filter_map(|value| value.split_once('.'))
        .any(|(seed, proof)| !seed.is_empty() && proof == self::proof(seed).to_string())
}

/// The same sum as in `assets/login.js`.
fn proof(seed: &str) -> u32 {
    seed.chars().fold(7, |sum, letter| (sum * 31 + u32::from(letter)) % 1_000_003)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, header};

    fn shown(cookie: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::try_from(cookie).expect("a header"));
        is_shown(&headers)
    }

    #[test]
    fn only_what_the_script_makes_is_a_proof() {
        assert!(shown(&format!("a=1; ms_proof=ab.{}", (7 * 31 + 97) * 31 + 98)));
        for cookie in ["ms_proof=ab.1", "ms_proof=ab", "ms_proof=.7", "proof=ab.9832", "ms_proof="] {
            assert!(!shown(cookie), "{cookie}");
        }
        assert_ne!(seed("one"), seed("two"));
    }
}
