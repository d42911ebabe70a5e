//! JWT bearers (RFC 7519): HS256 with a shared secret, or the public keys of a JSON Web Key Set (RFC 7517).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use kaspi_auth_core::id::UserId;
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::{Code, Error};
use parking_lot::RwLock;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

use crate::config;

/// A key that is not in the set makes us fetch the set again, but no more often than this.
const FETCH_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// The longest token that is looked at, in bytes.
const MAX_LENGTH: usize = 8192;
/// What a public key may sign with. HS256 is not among them: a public key is no secret.
const ASYMMETRIC: &[Algorithm] = &[
    Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512,
    Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA,
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
    /// The client that fetches the key set.
    #[error("the client for auth.jwks_url cannot be built")]
    Client(#[source] reqwest::Error),
}

enum Keys {
    None,
    Secret(DecodingKey),
    Set(JwkSet),
    Fetched { client: reqwest::Client, url: Url, held: RwLock<Held> },
}

#[derive(Clone)]
struct Held {
    set: Arc<JwkSet>,
    fetched_at: Timestamp,
}

/// Checks tokens.
pub(super) struct Tokens {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
    clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Tokens {
    /// Reads the settings. A key set behind a URL is fetched when the first token comes.
    #[expect(clippy::unused_async, reason = "starting may come to fetch the set; callers need not change then")]
    pub(super) async fn new(settings: &config::Auth, clock: Arc<dyn Clock>) -> Result<Self, TokensError> {
        let keys = if let Some(secret) = &settings.jwt_secret {
            Keys::Secret(DecodingKey::from_secret(secret.expose_secret().as_bytes()))
        } else if let Some(path) = &settings.jwks_file {
            let problem = |source| TokensError::File { path: path.clone(), source };
            let text = std::fs::read(path).map_err(|error| problem(error.into()))?;
            Keys::Set(serde_json::from_slice(&text).map_err(|error| problem(error.into()))?)
        } else if let Some(url) = &settings.jwks_url {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build();
            let held = Held { set: Arc::new(JwkSet { keys: vec![] }), fetched_at: Timestamp::UNIX_EPOCH };
            Keys::Fetched { client: client.map_err(TokensError::Client)?, url: url.clone(), held: RwLock::new(held) }
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
        match &self.keys {
            Keys::None => Err(Error::new(Code::Unauthorized, "This service takes no JWT; use an API key.")),
            Keys::Secret(key) => self.claims(token, key, Algorithm::HS256),
            Keys::Set(set) => self.by_set(token, set)?.ok_or_else(|| Code::Unauthorized.into()),
            Keys::Fetched { client, url, held } => {
                let now = self.clock.now();
                let present = held.read().clone();
                if let Some(user) = self.by_set(token, &present.set)? {
                    return Ok(user);
                }
                if present.fetched_at.duration_until(now) < FETCH_EVERY {
                    return Err(Code::Unauthorized.into());
                }
                // Noted before the fetch: a storm of unknown keys fetches once.
                held.write().fetched_at = now;
                let set = Arc::new(fetch(client, url).await?);
                held.write().set = Arc::clone(&set);
                self.by_set(token, &set)?.ok_or_else(|| Code::Unauthorized.into())
            }
        }
    }

    /// `None`: the set has no key of the token's name.
    fn by_set(&self, token: &str, set: &JwkSet) -> Result<Option<UserId>, Error> {
        let unauthorized = |_| Error::of(Code::Unauthorized);
        let header = decode_header(token).map_err(unauthorized)?;
        let jwk = match &header.kid {
            Some(kid) => set.find(kid),
            None if set.keys.len() == 1 => set.keys.first(),
            None => None,
        };
        let Some(jwk) = jwk else { return Ok(None) };
        if !ASYMMETRIC.contains(&header.alg) {
            return Err(Code::Unauthorized.into());
        }
        let key = DecodingKey::from_jwk(jwk).map_err(unauthorized)?;
        self.claims(token, &key, header.alg).map(Some)
    }

    fn claims(&self, token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<UserId, Error> {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "sub"]);
        validation.validate_nbf = true;
        match &self.audience {
            Some(audience) => validation.set_audience(&[audience]),
            None => validation.validate_aud = false,
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
        }
        // What is wrong with a token is not told to who sends it.
        let data = decode::<Claims>(token, key, &validation).map_err(|_| Error::of(Code::Unauthorized))?;
        UserId::parse(&data.claims.sub).map_err(|_| Error::of(Code::Unauthorized))
    }
}

async fn fetch(client: &reqwest::Client, url: &Url) -> Result<JwkSet, Error> {
    let unavailable = |error: reqwest::Error| {
        Error::new(Code::Overloaded, "The keys for checking JWT could not be fetched. Try again later.").with_source(error)
    };
    let response = client.get(url.clone()).send().await.map_err(unavailable)?.error_for_status().map_err(unavailable)?;
    response.json().await.map_err(unavailable)
}
