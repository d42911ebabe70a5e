//! The audit log. Must not change what is written: the database itself refuses that.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::audit::{Actor, AuditEntry, AuditFilter, NewAudit};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::{Answered, AuditRepository, RepositoryError};

use crate::database::SqlDatabase;
use crate::pool::{read, transaction, write};
use crate::statements::audit as statements;
use crate::values::from_micros;

/// How long a text of an entry may be, in characters.
pub(crate) const TEXT: usize = 255;

/// Appends an entry inside [`transaction!`].
macro_rules! append_audit {
    ($tx:ident, $entry:expr) => {{
        let entry: &kaspi_auth_core::audit::NewAudit = $entry;
        let text = |text: &str| $crate::values::bounded(text, $crate::audit::TEXT);
        $crate::pool::tx_write!(
            $tx,
            $crate::statements::audit::APPEND,
            entry.at.as_microsecond(),
            entry.actor.kind(),
            text(entry.actor.id()),
            text(&entry.action),
            entry.store.as_ref().map(kaspi_auth_core::id::MerchantUid::as_str),
            entry.subject.as_deref().map(text),
            text(&entry.result),
            i64::try_from(entry.times).unwrap_or(i64::MAX),
            entry.request_id.as_deref().map(text),
        )
    }};
}

pub(crate) use append_audit;

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
struct AuditRow {
    sequence: i64,
    at: i64,
    actor_kind: String,
    actor_id: String,
    action: String,
    merchant_id: Option<String>,
    subject: Option<String>,
    result: String,
    times: i64,
    request_id: Option<String>,
}

impl AuditRepository for SqlDatabase {
    fn append_audit<'a>(&'a self, entries: &'a [NewAudit]) -> Answered<'a, ()> {
        Box::pin(async move {
            if entries.is_empty() {
                return Ok(());
            }
            transaction!(&self.pool, |tx| {
                for entry in entries {
                    append_audit!(tx, entry)?;
                }
            });
            Ok(())
        })
    }

    fn list_audit<'a>(&'a self, filter: &'a AuditFilter) -> Answered<'a, Vec<AuditEntry>> {
        Box::pin(self.audit_before(filter))
    }

    fn prune_audit(&self, before: Timestamp, limit: u32) -> Answered<'_, u64> {
        Box::pin(
            async move { write!(&self.pool, statements::PRUNE, before.as_microsecond(), i64::from(limit)) },
        )
    }
}

impl SqlDatabase {
    /// A page that holds nothing readable is no end: the next one is read with it.
    async fn audit_before(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, RepositoryError> {
        let limit = filter.limit as usize;
        let mut before = filter.before.unwrap_or(i64::MAX);
        let mut entries = Vec::new();
        while entries.len() < limit {
            let wanted = limit - entries.len();
            let rows = self.audit_page(filter, before, i64::try_from(wanted).unwrap_or(i64::MAX)).await?;
            let is_last = rows.len() < wanted;
            before = rows.last().map_or(before, |row| row.sequence);
            for row in rows {
                let sequence = row.sequence;
                if let Some(entry) = row.entry() {
                    entries.push(entry);
                } else {
                    tracing::warn!(sequence, "an entry of the audit log cannot be read and is left out");
                }
            }
            if is_last {
                break;
            }
        }
        Ok(entries)
    }

    async fn audit_page(
        &self,
        filter: &AuditFilter,
        before: i64,
        limit: i64,
    ) -> Result<Vec<AuditRow>, RepositoryError> {
        let (any_action, action) = (filter.action.is_none(), filter.action.as_deref().unwrap_or_default());
        let (kind, id) = filter.actor.as_ref().map_or(("", ""), |actor| (actor.kind(), actor.id()));
        match (&filter.store, &filter.actor) {
            (Some(store), actor) => read!(
                &self.pool, statements::LIST_OF_STORE => AuditRow, before, any_action, action, limit,
                store.as_str(), actor.is_none(), kind, id,
            ),
            (None, Some(_)) => read!(
                &self.pool, statements::LIST_OF_ACTOR => AuditRow, before, any_action, action, limit, kind, id,
            ),
            (None, None) => {
                read!(&self.pool, statements::LIST => AuditRow, before, any_action, action, limit)
            }
        }
    }
}

impl AuditRow {
    fn entry(self) -> Option<AuditEntry> {
        let store = match self.merchant_id {
            Some(text) => Some(MerchantUid::parse(&text).ok()?),
            None => None,
        };
        Some(AuditEntry {
            sequence: self.sequence,
            what: NewAudit {
                at: from_micros(self.at),
                actor: Actor::from_parts(&self.actor_kind, self.actor_id)?,
                action: self.action,
                store,
                subject: self.subject,
                result: self.result,
                times: u64::try_from(self.times).unwrap_or(0),
                request_id: self.request_id,
            },
        })
    }
}
