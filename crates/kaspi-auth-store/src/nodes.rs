//! The nodes in the database, and the logins that only one of them can go on with.

use jiff::Timestamp;
use kaspi_auth_core::id::{LoginId, NodeId};
use kaspi_auth_core::port::{Answered, NodeRepository};
use uuid::Uuid;

use crate::database::SqlDatabase;
use crate::pool::{read, write};
use crate::statements::nodes as statements;

impl NodeRepository for SqlDatabase {
    fn beat(&self, node: NodeId, now: Timestamp) -> Answered<'_, ()> {
        Box::pin(async move {
            write!(&self.pool, statements::BEAT, node.0, now.as_microsecond())?;
            Ok(())
        })
    }

    fn forget_node(&self, node: NodeId) -> Answered<'_, ()> {
        Box::pin(async move {
            write!(&self.pool, statements::FORGET, node.0)?;
            Ok(())
        })
    }

    fn count_other_nodes(&self, node: NodeId, seen_since: Timestamp) -> Answered<'_, u32> {
        Box::pin(async move {
            let seen_since = seen_since.as_microsecond();
            let rows = read!(&self.pool, statements::COUNT_OTHERS => (i64,), node.0, seen_since)?;
            Ok(rows.first().map_or(0, |(others,)| u32::try_from(*others).unwrap_or(u32::MAX)))
        })
    }

    fn orphaned_logins(&self, seen_before: Timestamp, limit: u32) -> Answered<'_, Vec<LoginId>> {
        Box::pin(async move {
            let rows = read!(
                &self.pool, statements::ORPHANED => (Uuid,), seen_before.as_microsecond(), i64::from(limit),
            )?;
            Ok(rows.into_iter().map(|(id,)| LoginId(id)).collect())
        })
    }

    fn held_logins(&self, node: NodeId, limit: u32) -> Answered<'_, Vec<LoginId>> {
        Box::pin(async move {
            let rows = read!(&self.pool, statements::HELD => (Uuid,), node.0, i64::from(limit))?;
            Ok(rows.into_iter().map(|(id,)| LoginId(id)).collect())
        })
    }
}
