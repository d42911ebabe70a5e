//! Evidence in the database, sealed.

use jiff::Timestamp;
use kaspi_auth_core::evidence::Evidence;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::port::{Answered, EvidenceRepository};
use kaspi_auth_core::tenant::Tenant;

use crate::database::SqlDatabase;
use crate::failure;
use crate::pool::{read, write};
use crate::statements::evidence as statements;

const TABLE: &str = "kaspi_auth_evidence";

impl EvidenceRepository for SqlDatabase {
    fn keep_evidence<'a>(
        &'a self,
        id: LoginId,
        evidence: &'a Evidence,
        expires_at: Timestamp,
    ) -> Answered<'a, ()> {
        Box::pin(async move {
            let sealed = self.sealer.seal_evidence(id, evidence);
            let (at, expires_at) = (evidence.at.as_microsecond(), expires_at.as_microsecond());
            write!(&self.pool, statements::KEEP, id.0, sealed, at, expires_at)?;
            Ok(())
        })
    }

    fn find_evidence<'a>(
        &'a self,
        tenant: &'a Tenant,
        id: LoginId,
        now: Timestamp,
    ) -> Answered<'a, Option<Evidence>> {
        Box::pin(async move {
            let Some(seen) = self.seen(tenant) else { return Ok(None) };
            let rows = read!(
                &self.pool, statements::FIND => (String,), id.0, seen.all, seen.user.spelled(), now.as_microsecond(),
            )?;
            let Some((token,)) = rows.first() else { return Ok(None) };
            match self.sealer.open_evidence(id, token) {
                Ok(evidence) => Ok(Some(evidence)),
                Err(error) => Err(failure::sealed(TABLE, "sealed", &id, error)),
            }
        })
    }

    fn prune_evidence(&self, now: Timestamp, limit: u32) -> Answered<'_, u64> {
        Box::pin(async move { write!(&self.pool, statements::PRUNE, now.as_microsecond(), i64::from(limit)) })
    }
}
