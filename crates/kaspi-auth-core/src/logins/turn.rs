//! A login's turn towards the portal: the rates that all nodes share. Must not talk to the portal.

use jiff::{SignedDuration, Timestamp};

use super::{Logins, Work};
use crate::egress::Egress;
use crate::error::{Code, Error, Result};
use crate::port::{Slot, SlotRequest};

/// A place whose node died is free again after this: longer than any exchange, shorter than a person's patience.
const PLACE: SignedDuration = SignedDuration::from_mins(3);
/// How often a login looks for a place when all are taken: another node may have freed one.
const LOOK: SignedDuration = SignedDuration::from_millis(200);

impl Logins {
    /// Waits for the login's turn, as long as the configuration has it.
    ///
    /// # Errors
    /// `rate_limited`, with when it may be tried again. The database's.
    pub(super) async fn take_turn(&self, work: &Work, egress: &Egress) -> Result<()> {
        let (portal, way) = (self.rates.portal, egress.budget);
        if portal.is_unlimited() && way.is_unlimited() {
            return Ok(());
        }
        let login = &work.login;
        let begun = self.clock.now();
        let deadline = (begun + self.rates.wait).min(login.expires_at);
        loop {
            let now = self.clock.now();
            let request =
                SlotRequest { login: login.id, egress: egress.id, now, until: now + PLACE, portal, way };
            let at = match self.database.acquire_slot(request).await? {
                Slot::Granted => return Ok(()),
                Slot::Wait(at) => at,
            };
            let next = at.unwrap_or(now + LOOK);
            if now >= deadline || at.is_some_and(|at| at > deadline) {
                return Err(Error::of(Code::RateLimited).with_retry_at(later_of(next, now + Self::PAUSE)));
            }
            // Nothing tells of a place on another node: this is a wait for a time.
            self.changes.subscribe(login.id).changed(next.min(deadline)).await;
            let here = self.database.open_login(login.id).await?;
            if here.is_none_or(|(stored, _)| stored.state.is_terminal()) {
                return Err(Code::LoginFinished.into());
            }
        }
    }
}

fn later_of(one: Timestamp, other: Timestamp) -> Timestamp {
    one.max(other)
}
