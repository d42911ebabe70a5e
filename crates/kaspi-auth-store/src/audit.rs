//! The audit log.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::audit::{AuditEntry, AuditFilter, NewAudit};
use kaspi_auth_core::port::{Answered, AuditRepository};

use crate::database::SqlDatabase;

impl AuditRepository for SqlDatabase {
    fn append_audit<'a>(&'a self, _entries: &'a [NewAudit]) -> Answered<'a, ()> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn list_audit<'a>(&'a self, _filter: &'a AuditFilter) -> Answered<'a, Vec<AuditEntry>> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn prune_audit(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        Box::pin(async { Err(crate::failure::absent()) })
    }
}
