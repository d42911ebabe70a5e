//! The public keys of an identity provider, by their names. Must not judge a token.

use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use serde::Deserialize;

/// A JSON Web Key Set (RFC 7517). Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct KeySet(Arc<[Jwk]>);

impl KeySet {
    /// Reads a set. Keys of unknown kinds are left out, as RFC 7517, section 5, asks: providers mix them in.
    pub(super) fn read(text: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(text)?;
        let known = |key: &Jwk| !matches!(key.algorithm, AlgorithmParameters::Other(_));
        Ok(Self(
            set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).filter(known).collect(),
        ))
    }

    /// The key of that name; the only key, where a token names none.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Jwk> {
        match (kid, &*self.0) {
            (Some(kid), keys) => keys.iter().find(|key| key.common.key_id.as_deref() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_unknown_kinds_do_not_hide_the_others() {
        let text = br#"{"keys": [
            {"kty": "NEW", "kid": "a", "x": "?"},
            {"kty": "EC", "kid": "b", "crv": "P-256", "x": "AA", "y": "AA"},
            {"kty": "OKP", "kid": "c", "crv": "X448", "x": "AA"},
            7
        ]}"#;
        let set = KeySet::read(text).unwrap();
        assert!(set.find(Some("b")).is_some() && set.find(Some("a")).is_none());
        assert!(KeySet::read(b"[]").is_err() && KeySet::read(b"{}").is_err());
    }
}
