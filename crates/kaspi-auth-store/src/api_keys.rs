//! API keys in the database, and in memory on the way to it.

use jiff::Timestamp;
use kaspi_auth_core::api_key::{ApiKey, HeldApiKey, Scope};
use kaspi_auth_core::id::UserId;
use kaspi_auth_core::port::{Answered, ApiKeyRepository, RepositoryError};

use crate::changes::Change;
use crate::database::SqlDatabase;
use crate::failure;
use crate::pool::{read, write};
use crate::statements::api_keys::{FIND, INSERT, LIST, REVOKE, TOUCH};
use crate::values::{from_micros, without_nul};

const TABLE: &str = "kaspi_auth_api_keys";
/// Uses within half a minute are one: microseconds.
const SAME_USE: i64 = 30_000_000;

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
struct ApiKeyRow {
    id: String,
    name: String,
    prefix: String,
    scopes: String,
    cabinet_paths: Option<String>,
    user_id: Option<String>,
    digest: Vec<u8>,
    created_at: i64,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl ApiKeyRow {
    fn held(self) -> Result<HeldApiKey, RepositoryError> {
        let corrupt = |column, error: &str| failure::corrupt(TABLE, column, &self.id, error);
        let names: Vec<String> =
            serde_json::from_str(&self.scopes).map_err(|_| corrupt("scopes", "not a list of texts"))?;
        // A scope of a later release gives this one nothing.
        let scopes: Vec<Scope> = names.iter().filter_map(|name| Scope::parse(name)).collect();
        let cabinet_paths = match &self.cabinet_paths {
            Some(paths) => {
                serde_json::from_str(paths).map_err(|_| corrupt("cabinet_paths", "not a list of texts"))?
            }
            None => Vec::new(),
        };
        let user_id = match &self.user_id {
            Some(user) => Some(UserId::parse(user).map_err(|error| corrupt("user_id", error.0))?),
            None => None,
        };
        let digest = self.digest.as_slice().try_into().map_err(|_| corrupt("digest", "not 32 bytes"))?;
        Ok(HeldApiKey {
            key: ApiKey {
                id: self.id,
                name: self.name,
                prefix: self.prefix,
                scopes,
                cabinet_paths,
                user_id,
                created_at: from_micros(self.created_at),
                last_used_at: self.last_used_at.map(from_micros),
                revoked_at: self.revoked_at.map(from_micros),
            },
            digest,
        })
    }
}

impl ApiKeyRepository for SqlDatabase {
    fn insert_api_key<'a>(&'a self, held: &'a HeldApiKey) -> Answered<'a, ()> {
        Box::pin(async move {
            let key = &held.key;
            let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
            let scopes = serde_json::to_string(&scopes)
                .map_err(|error| failure::corrupt(TABLE, "scopes", &key.id, error))?;
            let paths = (!key.cabinet_paths.is_empty())
                .then(|| serde_json::to_string(&key.cabinet_paths))
                .transpose()
                .map_err(|error| failure::corrupt(TABLE, "cabinet_paths", &key.id, error))?;
            write!(
                &self.pool,
                INSERT,
                key.id.as_str(),
                without_nul(&key.name),
                key.prefix.as_str(),
                scopes,
                paths,
                key.user_id.as_ref().map(UserId::as_str),
                held.digest.as_slice(),
                key.created_at.as_microsecond(),
                key.last_used_at.map(Timestamp::as_microsecond),
                key.revoked_at.map(Timestamp::as_microsecond),
            )?;
            self.announcer.announce(Change::ApiKeys);
            Ok(())
        })
    }

    fn find_api_key<'a>(&'a self, id: &'a str) -> Answered<'a, Option<HeldApiKey>> {
        Box::pin(async move {
            let stamp = self.cache.key_stamp();
            if let Some(held) = stamp.and_then(|stamp| self.cache.key(id, stamp)) {
                return Ok(Some(held));
            }
            if id.contains('\0') {
                return Ok(None);
            }
            let rows = read!(&self.pool, FIND => ApiKeyRow, id)?;
            let Some(row) = rows.into_iter().next() else { return Ok(None) };
            let held = row.held()?;
            if let Some(stamp) = stamp {
                self.cache.keep_key(held.clone(), stamp);
            }
            Ok(Some(held))
        })
    }

    fn list_api_keys(&self) -> Answered<'_, Vec<ApiKey>> {
        Box::pin(async move {
            let rows = read!(&self.pool, LIST => ApiKeyRow)?;
            rows.into_iter().map(|row| row.held().map(|held| held.key)).collect()
        })
    }

    fn revoke_api_key<'a>(&'a self, id: &'a str, now: Timestamp) -> Answered<'a, bool> {
        Box::pin(async move {
            if id.contains('\0') {
                return Ok(false);
            }
            let found = write!(&self.pool, REVOKE, id, now.as_microsecond())? > 0;
            self.announcer.announce(Change::ApiKeys);
            Ok(found)
        })
    }

    fn touch_api_key<'a>(&'a self, id: &'a str, now: Timestamp) -> Answered<'a, ()> {
        Box::pin(async move {
            let now = now.as_microsecond();
            write!(&self.pool, TOUCH, id, now, now.saturating_sub(SAME_USE))?;
            self.cache.forget_key(id);
            Ok(())
        })
    }
}
