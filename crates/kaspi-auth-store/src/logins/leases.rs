//! Which node works on which login, and which logins nobody works on any more.

use jiff::Timestamp;
use kaspi_auth_core::id::{LoginId, NodeId};
use kaspi_auth_core::port::RepositoryError;
use uuid::Uuid;

use crate::changes::Change;
use crate::database::SqlDatabase;
use crate::pool::{read, write_returning};
use crate::statements::logins::{CLAIM_LOST, DUE};

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
}
