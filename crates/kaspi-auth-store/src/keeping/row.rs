//! What is known of keeping a store alive, as a row.

use kaspi_auth_core::error::Code;
use kaspi_auth_core::id::{MerchantUid, NodeId};
use kaspi_auth_core::keeping::{Keeping, RefreshLease, RefreshOutcome, Rung};
use uuid::Uuid;

use crate::values::from_micros;

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct KeepingRow {
    due_at: Option<i64>,
    used_at: Option<i64>,
    failures: i64,
    lease_node: Option<Uuid>,
    lease_epoch: i64,
    lease_until: Option<i64>,
    outcome_epoch: Option<i64>,
    outcome_at: Option<i64>,
    outcome_rung: Option<String>,
    outcome_code: Option<String>,
    outcome_detail: Option<String>,
    outcome_retry_at: Option<i64>,
}

impl KeepingRow {
    /// What is known.
    pub(super) fn keeping(self, uid: &MerchantUid) -> Keeping {
        let lease = self.lease_node.zip(self.lease_until).map(|(node, until)| {
            (RefreshLease { node: NodeId(node), epoch: self.lease_epoch }, from_micros(until))
        });
        Keeping {
            merchant_uid: uid.clone(),
            // That nobody can put it off is the table's own matter.
            due_at: self.due_at.map(|at| from_micros(at.max(0))),
            used_at: self.used_at.map(from_micros),
            failures: u32::try_from(self.failures.max(0)).unwrap_or(u32::MAX),
            lease,
            outcome: self.outcome(),
        }
    }

    fn outcome(self) -> Option<RefreshOutcome> {
        Some(RefreshOutcome {
            epoch: self.outcome_epoch?,
            at: from_micros(self.outcome_at?),
            rung: self.outcome_rung.as_deref().and_then(Rung::parse),
            code: self.outcome_code.as_deref().map(code),
            detail: self.outcome_detail.unwrap_or_default(),
            retry_at: self.outcome_retry_at.map(from_micros),
        })
    }
}

/// A code of a later release is a failure all the same.
fn code(text: &str) -> Code {
    Code::parse(text).unwrap_or(Code::Internal)
}
