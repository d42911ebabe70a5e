//! JWT bearers (RFC 7519): HS256 with a shared secret, or the public keys of a JSON Web Key Set (RFC 7517).
//!
//! What is wrong with a token is told to nobody. Must not log one.

mod key_set;
mod provider;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use kaspi_auth_core::id::UserId;
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::{Code, Error};
use secrecy::ExposeSecret;
use serde::Deserialize;

use self::key_set::KeySet;
use self::provider::Provider;
use crate::config;

/// The longest token that is looked at, in bytes.
const MAX_LENGTH: usize = 8192;
/// How far the clocks of those who issue and those who check may be apart, in seconds.
const LEEWAY: f64 = 60.0;
/// What a public key may sign with. HS256 is not among them: a public key is no secret.
const ASYMMETRIC: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Why JWT cannot be checked as configured.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The key set's file.
    #[error("auth.jwks_file {path} holds no JSON Web Key Set")]
    File {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A key set that anybody on the way could replace.
    #[error("auth.jwks_url is not https: whoever is on the way could sign tokens for every user")]
    Insecure,
    /// The client that fetches the key set.
    #[error("the client for auth.jwks_url cannot be built")]
    Client(#[source] reqwest::Error),
}

enum Keys {
    None,
    Secret(DecodingKey),
    Set(KeySet),
    Provider(Provider),
}

/// Checks tokens.
pub(super) struct Tokens {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
    clock: Arc<dyn Clock>,
}

/// RFC 7519, 4.1: a date is a number of seconds, not necessarily a whole one.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
}

impl Claims {
    fn hold_at(&self, now: Timestamp) -> bool {
        let now = now.as_duration().as_secs_f64();
        now < self.exp + LEEWAY && self.nbf.is_none_or(|from| from - LEEWAY <= now)
    }
}

/// A provider on this machine needs no TLS.
fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl Tokens {
    /// Reads the settings. A key set behind a URL is fetched when the first token comes.
    pub(super) fn new(settings: &config::Auth, clock: Arc<dyn Clock>) -> Result<Self, TokensError> {
        let keys = if let Some(secret) = &settings.jwt_secret {
            Keys::Secret(DecodingKey::from_secret(secret.expose_secret().as_bytes()))
        } else if let Some(path) = &settings.jwks_file {
            let problem = |source| TokensError::File { path: path.clone(), source };
            let text = std::fs::read(path).map_err(|error| problem(error.into()))?;
            Keys::Set(KeySet::read(&text).map_err(|error| problem(error.into()))?)
        } else if let Some(url) = &settings.jwks_url {
            if url.scheme() != "https" && !is_loopback(url) {
                return Err(TokensError::Insecure);
            }
            Keys::Provider(Provider::new(url.clone(), Arc::clone(&clock)).map_err(TokensError::Client)?)
        } else {
            Keys::None
        };
        Ok(Self { keys, issuer: settings.jwt_issuer.clone(), audience: settings.jwt_audience.clone(), clock })
    }

    /// The user that the token names.
    pub(super) async fn user(&self, token: &str) -> Result<UserId, Error> {
        if token.len() > MAX_LENGTH {
            return Err(Code::Unauthorized.into());
        }
        let set = match &self.keys {
            Keys::None => {
                return Err(Error::new(Code::Unauthorized, "This service takes no JWT; use an API key."));
            }
            Keys::Secret(key) => return self.check(token, key, Algorithm::HS256),
            Keys::Set(set) => set.clone(),
            Keys::Provider(provider) => {
                let header = decode_header(token).map_err(|_| Error::of(Code::Unauthorized))?;
                provider.set_with(header.kid.as_deref()).await?
            }
        };
        self.by_set(token, &set)
    }

    fn by_set(&self, token: &str, set: &KeySet) -> Result<UserId, Error> {
        let unauthorized = |_| Error::of(Code::Unauthorized);
        let header = decode_header(token).map_err(unauthorized)?;
        let jwk = set.find(header.kid.as_deref()).ok_or(Code::Unauthorized)?;
        if !ASYMMETRIC.contains(&header.alg) {
            return Err(Code::Unauthorized.into());
        }
        let key = DecodingKey::from_jwk(jwk).map_err(unauthorized)?;
        self.check(token, &key, header.alg)
    }

    fn check(&self, token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<UserId, Error> {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "sub"]);
        // Times are held against our own clock, below.
        validation.validate_exp = false;
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.required_spec_claims.insert("aud".to_owned());
            }
            None => validation.validate_aud = false,
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        let data = decode::<Claims>(token, key, &validation).map_err(|_| Error::of(Code::Unauthorized))?;
        if !data.claims.hold_at(self.clock.now()) {
            return Err(Code::Unauthorized.into());
        }
        UserId::parse(&data.claims.sub).map_err(|_| Error::of(Code::Unauthorized))
    }
}
