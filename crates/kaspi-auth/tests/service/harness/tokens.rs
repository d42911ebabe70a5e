//! Makes JWTs and their key sets as an identity provider does. Must not know how the service checks them.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// The claims of a user whose token ends so long after `now`.
pub fn claims(user: &str, now: Timestamp, lasts: SignedDuration) -> Value {
    json!({"sub": user, "iat": now.as_second(), "exp": (now + lasts).as_second()})
}

/// A key pair with its name.
pub struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    kid: String,
}

impl Signer {
    /// A secret that both sides know.
    pub fn secret(secret: &str) -> Self {
        Self {
            key: EncodingKey::from_secret(secret.as_bytes()),
            algorithm: Algorithm::HS256,
            kid: String::new(),
        }
    }

    /// A new RSA pair.
    pub fn rs256(kid: &str) -> Self {
        let pair =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let key = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self { key, algorithm: Algorithm::RS256, kid: kid.to_owned() }
    }

    /// A new pair on the curve P-256.
    pub fn es256(kid: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self { key, algorithm: Algorithm::ES256, kid: kid.to_owned() }
    }

    /// A signed token.
    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = (!self.kid.is_empty()).then(|| self.kid.clone());
        encode(&header, claims, &self.key).unwrap()
    }

    /// Its public half.
    pub fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        jwk
    }

    /// The key set of these signers, as a provider publishes it.
    pub fn set(signers: &[&Self]) -> String {
        let keys = signers.iter().map(|signer| signer.public()).collect();
        serde_json::to_string(&JwkSet { keys }).unwrap()
    }
}
