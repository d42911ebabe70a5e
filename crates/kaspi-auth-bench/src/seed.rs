//! Many stores at once, without a login each: the session of a store that signed in, sealed anew for every further one.
//!
//! Their rows are as the service itself writes them, only that the portal knows their merchants as nobody's: nothing may
//! look at them.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use kaspi_auth_vault::{Envelope, KeyRing, Legacy};
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::lab::{Database, Lab};
use crate::rows::Rows;

/// Rows of one statement.
const AT_ONCE: usize = 100;
/// The merchant's number that they begin with: longer than those of accounts that sign in.
const FIRST: usize = 100_000_000;
/// Those that signed in, in SQL.
pub const SIGNED_IN: &str = "length(merchant_id) = 8";

/// Adds `count` stores in the likeness of one that signed in. The service must not run: to it they would be due at once.
/// None is due afterwards, of all stores.
pub async fn stores(lab: &Lab, count: usize) -> Result<()> {
    let mut rows = Rows::of(lab).await?;
    let like = Like::read(&mut rows, lab.key()).await?;
    if lab.database() == Database::Sqlite {
        // For this connection: the file is thrown away if the machine goes down.
        rows.write("pragma synchronous = off").await?;
        rows.write("pragma cache_size = -1000000").await?;
    }
    rows.write("begin").await?;
    for begin in (0..count).step_by(AT_ONCE) {
        let statement = like.insert(begin..(begin + AT_ONCE).min(count))?;
        rows.write(statement).await?;
    }
    rows.write("update kaspi_auth_keeping set due_at = null").await?;
    rows.write("commit").await?;
    // What the database would do some time later, when the clock runs.
    match lab.database() {
        Database::Sqlite => rows.write("pragma wal_checkpoint(truncate)").await?,
        Database::Postgres => rows.write("vacuum analyze").await?,
    };
    Ok(())
}

/// The store that the others are like.
struct Like {
    ring: KeyRing,
    sealed_at: u64,
    guid: Map<String, Value>,
    email: Map<String, Value>,
    password: Map<String, Value>,
    /// When it was made, as the database writes it.
    created_at: String,
    /// When it signed in, in microseconds.
    signed_in_at: String,
}

impl Like {
    async fn read(rows: &mut Rows, key: &str) -> Result<Self> {
        let [uid, guid, email, password, created_at, signed_in_at] = rows
            .texts(format!(
                "select merchant_id, cast(guid as text), kaspi_email, kaspi_password, cast(created_at as text),
                        cast(auth_signed_in_at as text)
                   from kaspi_stores where {SIGNED_IN} order by merchant_id limit 1"
            ))
            .await
            .context("a store that signed in")?;
        let ring = KeyRing::parse(&SecretString::from(key.to_owned()))?;
        let guid: Value = serde_json::from_str(&guid)?;
        let token = guid["encrypted"].as_str().context("a sealed session")?;
        let open = |token: &str| -> Result<Map<String, Value>> {
            Ok(Envelope::MERCHANT.open_for(&ring, &uid, token, Legacy::Refuse)?.into_map())
        };
        let (guid, email, password) = (open(token)?, open(&email)?, open(&password)?);
        Ok(Self { sealed_at: ring.timestamp(token)?, ring, guid, email, password, created_at, signed_in_at })
    }

    fn insert(&self, numbers: std::ops::Range<usize>) -> Result<String> {
        let mut statement = "insert into kaspi_stores
            (merchant_id, name, guid, kaspi_email, kaspi_password, created_at, updated_at, auth_generation, auth_revision,
             auth_method, auth_validity, auth_checked_at, auth_signed_in_at, auth_driver) values "
            .to_owned();
        for number in numbers.clone() {
            let uid = (FIRST + number).to_string();
            let seal = |map| Envelope::MERCHANT.seal_for(&self.ring, &uid, map, self.sealed_at);
            let (guid, email, password) = (seal(&self.guid), seal(&self.email), seal(&self.password));
            let (made, at) = (&self.created_at, &self.signed_in_at);
            let comma = if number == numbers.start { "" } else { ", " };
            write!(
                statement,
                "{comma}('{uid}', 'Store {uid}', '{{\"encrypted\":\"{guid}\"}}', '{email}', '{password}', '{made}', '{made}',
                  1, 1, 'password', 'alive', {at}, {at}, 'direct')"
            )?;
        }
        Ok(statement)
    }
}
