//! Make, list, revoke and check API keys.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::api_key::{ApiKey, HeldApiKey, Scope};
use crate::error::{Code, Error, Result};
use crate::id::UserId;
use crate::port::{ApiKeySecrets, Clock, Database};

/// How exact "last used" is: a busy key is written once in this time.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// The use cases around API keys.
pub struct ApiKeys {
    database: Arc<dyn Database>,
    secrets: Arc<dyn ApiKeySecrets>,
    clock: Arc<dyn Clock>,
}

impl ApiKeys {
    /// Wires the use cases.
    pub fn new(database: Arc<dyn Database>, secrets: Arc<dyn ApiKeySecrets>, clock: Arc<dyn Clock>) -> Self {
        Self { database, secrets, clock }
    }

    /// Makes a key. Its text comes back this once.
    ///
    /// # Errors
    /// `invalid_value` for an empty or over-long name or no scope; the database's.
    pub async fn create(
        &self,
        name: &str,
        scopes: &[Scope],
        user_id: Option<UserId>,
        cabinet_paths: &[String],
    ) -> Result<(ApiKey, SecretString)> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(Error::new(
                Code::InvalidValue,
                "A key needs a name of 1 to 100 printable characters.",
            ));
        }
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(Error::new(Code::InvalidValue, "A key needs at least one scope."));
        }
        if user_id.is_some() && scopes.contains(&Scope::Admin) {
            return Err(Error::new(Code::InvalidValue, "A key of one user's cannot have the scope admin."));
        }
        let cabinet_paths =
            cabinet_paths.iter().map(|path| readable_path(path)).collect::<Result<Vec<_>>>()?;
        let new = self.secrets.make();
        let key = ApiKey {
            id: new.id,
            name: name.to_owned(),
            prefix: new.prefix,
            scopes,
            cabinet_paths,
            user_id,
            created_at: self.clock.now(),
            last_used_at: None,
            revoked_at: None,
        };
        let held = HeldApiKey { key, digest: new.digest };
        self.database.insert_api_key(&held).await?;
        Ok((held.key, new.text))
    }

    /// Lists all keys.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self) -> Result<Vec<ApiKey>> {
        Ok(self.database.list_api_keys().await?)
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// `api_key_not_found`, and the database's.
    pub async fn revoke(&self, id: &str) -> Result<()> {
        let found = self.database.revoke_api_key(id, self.clock.now()).await?;
        if found { Ok(()) } else { Err(Code::ApiKeyNotFound.into()) }
    }

    /// Whose key this is. What is wrong with a bad one is not told.
    ///
    /// # Errors
    /// `unauthorized`, and the database's.
    pub async fn check(&self, text: &str) -> Result<ApiKey> {
        let unauthorized = || Error::of(Code::Unauthorized);
        let id = self.secrets.id_of(text).ok_or_else(unauthorized)?;
        let held = self.database.find_api_key(id).await?.ok_or_else(unauthorized)?;
        if !self.secrets.matches(text, &held.digest) || held.key.revoked_at.is_some() {
            return Err(unauthorized());
        }
        let now = self.clock.now();
        if is_stale(held.key.last_used_at, now) {
            // A key is good also while nothing can be written: its use is noted the next time.
            let _ = self.database.touch_api_key(id, now).await;
        }
        Ok(held.key)
    }
}

fn is_stale(last_used_at: Option<Timestamp>, now: Timestamp) -> bool {
    last_used_at.is_none_or(|last| last.duration_until(now) >= TOUCH_EVERY)
}

/// A path that a key may call: see [`ApiKey::cabinet_paths`].
fn readable_path(text: &str) -> Result<String> {
    let refused = || {
        Error::new(
            Code::InvalidValue,
            "A cabinet path is /path or METHOD /path, in which a * may stand at the end alone: `/bff/*`, `GET /s/m`.",
        )
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let (method, path) = match words[..] {
        [path] => (None, path),
        [method, path] => (Some(method), path),
        _ => return Err(refused()),
    };
    let fits = path.starts_with('/')
        && path.len() <= 256
        && path.is_ascii()
        && !path.strip_suffix('*').unwrap_or(path).contains(['*', '?', '#', '%', '\\'])
        && !path.split('/').any(|part| matches!(part, "." | ".."));
    let named = method
        .is_none_or(|method| method.len() <= 16 && method.bytes().all(|byte| byte.is_ascii_uppercase()));
    (fits && named).then(|| words.join(" ")).ok_or_else(refused)
}
