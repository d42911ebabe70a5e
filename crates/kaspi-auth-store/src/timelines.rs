//! What happened to stores. An entry of a later release, which this one cannot read, is left out.

use jiff::SignedDuration;
use kaspi_auth_core::Timestamp;
use kaspi_auth_core::error::Code;
use kaspi_auth_core::id::{LoginId, MerchantUid};
use kaspi_auth_core::keeping::{Origin, Rung};
use kaspi_auth_core::port::{Answered, RepositoryError, TimelineRepository};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::timeline::{Act, Entry, NewEntry};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::database::SqlDatabase;
use crate::pool::{read, transaction, write};
use crate::statements::timelines as statements;
use crate::values::from_micros;

/// How long a reason may be, in characters.
pub(crate) const REASON: usize = 1000;
/// How long where a store stood may be: a word.
pub(crate) const STATUS: usize = 64;
/// Rows that are locked, each for its share of the stores.
const STRIPES: u8 = 16;

/// Appends an entry inside [`transaction!`], or counts it where it says the same as the store's newest.
macro_rules! append_entry {
    ($tx:ident, $entry:expr) => {{
        let entry: &kaspi_auth_core::timeline::NewEntry = $entry;
        let (uid, at) = (entry.merchant_uid.as_str(), entry.at.as_microsecond());
        let took = $crate::timelines::micros(entry.took);
        let rung = entry.rung.map(kaspi_auth_core::keeping::Rung::as_str);
        let code = entry.code.map(kaspi_auth_core::error::Code::as_str);
        let status = |text: &str| $crate::values::bounded(text, $crate::timelines::STATUS);
        let (before, after) = (status(&entry.before), status(&entry.after));
        let reason = $crate::values::bounded(&entry.reason, $crate::timelines::REASON);
        $crate::pool::tx_write!($tx, $crate::statements::settings::LOCK, $crate::timelines::lock(uid))?;
        let counted = if entry.login.is_none() {
            $crate::pool::tx_write!(
                $tx,
                $crate::statements::timelines::COUNT,
                uid,
                at,
                took,
                entry.act.as_str(),
                entry.origin.as_str(),
                rung,
                before.as_str(),
                after.as_str(),
                entry.generation,
                code,
                reason.as_str(),
            )?
        } else {
            0
        };
        if counted > 0 {
            Ok(counted)
        } else {
            $crate::pool::tx_write!(
                $tx,
                $crate::statements::timelines::APPEND,
                uid,
                at,
                took,
                entry.act.as_str(),
                entry.origin.as_str(),
                rung,
                before.as_str(),
                after.as_str(),
                entry.generation,
                code,
                reason.as_str(),
                entry.login.map(|login| login.0),
            )
        }
    }};
}

pub(crate) use append_entry;

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
struct EntryRow {
    sequence: i64,
    at: i64,
    first_at: i64,
    times: i64,
    took: i64,
    act: String,
    origin: String,
    rung: Option<String>,
    before: String,
    after: String,
    generation: i64,
    code: Option<String>,
    reason: String,
    login_id: Option<Uuid>,
}

impl TimelineRepository for SqlDatabase {
    fn append_entry<'a>(&'a self, entry: &'a NewEntry) -> Answered<'a, ()> {
        Box::pin(async move {
            transaction!(&self.pool, |tx| {
                append_entry!(tx, entry)?;
            });
            Ok(())
        })
    }

    fn list_entries<'a>(
        &'a self,
        tenant: &'a Tenant,
        uid: &'a MerchantUid,
        before: Option<i64>,
        limit: u32,
    ) -> Answered<'a, Option<Vec<Entry>>> {
        Box::pin(self.entries_before(tenant, uid, before.unwrap_or(i64::MAX), limit as usize))
    }

    fn trouble_since<'a>(&'a self, uid: &'a MerchantUid) -> Answered<'a, Option<Timestamp>> {
        Box::pin(async move {
            let rows = read!(&self.pool, statements::TROUBLE => (Option<i64>,), uid.as_str())?;
            Ok(rows.first().and_then(|(at,)| at.map(from_micros)))
        })
    }

    fn prune_entries(&self, before: Timestamp, limit: u32) -> Answered<'_, u64> {
        Box::pin(
            async move { write!(&self.pool, statements::PRUNE, before.as_microsecond(), i64::from(limit)) },
        )
    }
}

impl SqlDatabase {
    /// A page that holds nothing readable is no end: the next one is read with it.
    async fn entries_before(
        &self,
        tenant: &Tenant,
        uid: &MerchantUid,
        mut before: i64,
        limit: usize,
    ) -> Result<Option<Vec<Entry>>, RepositoryError> {
        let Some(seen) = self.seen(tenant) else { return Ok(None) };
        let mut entries = Vec::new();
        while entries.len() < limit {
            let wanted = limit - entries.len();
            let rows = read!(
                &self.pool, statements::LIST => EntryRow, uid.as_str(), seen.all, &seen.user, before,
                i64::try_from(wanted).unwrap_or(i64::MAX),
            )?;
            let is_last = rows.len() < wanted;
            before = rows.last().map_or(before, |row| row.sequence);
            entries.extend(rows.into_iter().filter_map(|row| row.entry(uid)));
            if is_last {
                break;
            }
        }
        if entries.is_empty() && !self.has_store(&seen, uid).await? {
            return Ok(None);
        }
        Ok(Some(entries))
    }
}

impl EntryRow {
    fn entry(self, uid: &MerchantUid) -> Option<Entry> {
        let rung = match self.rung {
            Some(text) => Some(Rung::parse(&text)?),
            None => None,
        };
        let code = match self.code {
            Some(text) => Some(Code::parse(&text)?),
            None => None,
        };
        Some(Entry {
            sequence: self.sequence,
            first_at: from_micros(self.first_at),
            times: u32::try_from(self.times).unwrap_or(u32::MAX),
            what: NewEntry {
                merchant_uid: uid.clone(),
                at: from_micros(self.at),
                act: Act::parse(&self.act)?,
                origin: origin_of(&self.origin)?,
                rung,
                before: self.before,
                after: self.after,
                generation: self.generation,
                took: SignedDuration::from_micros(self.took),
                code,
                reason: self.reason,
                login: self.login_id.map(LoginId),
            },
        })
    }
}

fn origin_of(text: &str) -> Option<Origin> {
    [Origin::Caller, Origin::Automatic].into_iter().find(|origin| origin.as_str() == text)
}

pub(crate) fn micros(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// The row that who adds an entry of this store locks. The same on every node.
pub(crate) fn lock(uid: &str) -> String {
    let [first, ..] = <[u8; 32]>::from(Sha256::digest(uid.as_bytes()));
    format!("timeline:{}", first % STRIPES)
}
