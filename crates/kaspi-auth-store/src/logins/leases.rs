//! Which node works on which login, which logins nobody works on any more, and forgetting what is long over.

use jiff::Timestamp;
use kaspi_auth_core::id::{LoginId, NodeId};
use kaspi_auth_core::port::RepositoryError;
use uuid::Uuid;

use crate::changes::Change;
use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_write, write_returning};
use crate::statements::logins::{CLAIM_LOST, DUE, PRUNE};
use crate::statements::{nodes, rates};

impl SqlDatabase {
    /// Each lost login goes to one of the nodes that ask.
    pub(super) async fn claim(
        &self,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<LoginId>, RepositoryError> {
        let rows = write_returning!(
            &self.pool, CLAIM_LOST => (Uuid,), node.0, until.as_microsecond(), now.as_microsecond(), i64::from(limit),
        )?;
        let claimed: Vec<LoginId> = rows.into_iter().map(|(id,)| LoginId(id)).collect();
        for id in &claimed {
            self.announcer.announce(Change::Login(*id));
        }
        Ok(claimed)
    }

    pub(super) async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<LoginId>, RepositoryError> {
        let rows = read!(&self.pool, DUE => (Uuid,), now.as_microsecond(), i64::from(limit))?;
        Ok(rows.into_iter().map(|(id,)| LoginId(id)).collect())
    }

    /// With the logins go the places that nobody has given back and the nodes that nobody has seen for as long.
    pub(super) async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let before = before.as_microsecond();
        let pruned = transaction!(&self.pool, |tx| {
            tx_write!(tx, rates::PRUNE, before)?;
            tx_write!(tx, nodes::PRUNE, before)?;
            tx_write!(tx, PRUNE, before, i64::from(limit))?
        });
        Ok(pruned)
    }
}
