//! What a node does for logins in the background: takes over lost ones, ends late ones, keeps leases, prunes.

use jiff::Timestamp;

use super::{BATCH, Logins, Work};
use crate::error::{Code, Result};
use crate::id::LoginId;
use crate::login::Event;

impl Logins {
    /// Takes over logins whose node died. Answers how many. One that cannot be read keeps no other waiting: its lease runs out
    /// again, and its error is the last of the pass.
    ///
    /// # Errors
    /// The database's.
    pub async fn recover(&self) -> Result<usize> {
        let now = self.clock.now();
        let lost = self.database.claim_lost_logins(self.node, now, self.lease().1, BATCH).await?;
        self.change_all(&lost, &Event::Lost).await?;
        Ok(lost.len())
    }

    /// Ends logins whose time is over. Answers how many were due. One that cannot be read keeps no other waiting.
    ///
    /// # Errors
    /// The database's.
    pub async fn expire(&self) -> Result<usize> {
        let due = self.database.due_logins(self.clock.now(), BATCH).await?;
        self.change_all(&due, &Event::Tick).await?;
        Ok(due.len())
    }

    pub(super) async fn change_all(&self, ids: &[LoginId], event: &Event) -> Result<()> {
        let mut last = Ok(());
        for id in ids {
            match unless_overtaken(self.change(*id, event.clone(), None).await) {
                Ok(Some(work)) => drop(self.hand_over(work)),
                Ok(None) => {}
                Err(error) => last = Err(error),
            }
        }
        last
    }

    /// Tells the other nodes that this one works on the login. Whoever drives a login calls this now and then.
    ///
    /// # Errors
    /// The database's.
    pub async fn renew_lease(&self, id: LoginId) -> Result<()> {
        let (node, until) = self.lease();
        Ok(self.database.renew_lease(id, node, until).await?)
    }

    /// Parks what this node still runs, so that the next one may take it over at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn park(&self) -> Result<u64> {
        Ok(self.database.release_leases(self.node, self.clock.now()).await?)
    }

    /// Deletes the records of logins that ended before `before`.
    ///
    /// # Errors
    /// The database's.
    pub async fn prune(&self, before: Timestamp) -> Result<u64> {
        Ok(self.database.prune_logins(before, BATCH * 10).await?)
    }
}

/// A background pass goes on when somebody else changed the login first.
pub(super) fn unless_overtaken(changed: Result<Work>) -> Result<Option<Work>> {
    match changed {
        Ok(work) => Ok(Some(work)),
        Err(error) => match error.code() {
            Code::Conflict | Code::LoginFinished | Code::LoginNotAwaiting | Code::LoginNotFound => Ok(None),
            _ => Err(error),
        },
    }
}
