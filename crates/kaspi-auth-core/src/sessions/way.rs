//! The way out of a session, remembered for a moment: a call with a session asks no database for it.

use std::collections::HashMap;
use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use super::Sessions;
use crate::egress::{EgressId, Route};
use crate::error::Result;
use crate::session::Session;

/// How long a way is believed: as much later an operator's change of it is heard of.
const BELIEVED: SignedDuration = SignedDuration::from_secs(2);

/// Ways with when they were read. `None`: any way, for sessions that were won on an unknown one.
pub(super) type Ways = HashMap<Option<EgressId>, (Timestamp, Route)>;

impl Sessions {
    /// The way that calls with this session take, as it was a moment ago at most.
    ///
    /// # Errors
    /// `egress_unusable`: it was deleted or switched off. The database's.
    pub async fn way(&self, session: &Session) -> Result<Route> {
        let now = self.parts.clock.now();
        let is_believed = |read_at: Timestamp| read_at <= now && now < read_at + BELIEVED;
        let known = {
            let ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
            ways.get(&session.egress).filter(|(read_at, _)| is_believed(*read_at)).map(|(_, way)| way.clone())
        };
        if let Some(way) = known {
            return Ok(way);
        }
        let way = self.parts.refreshes.route(session).await?;
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.retain(|_, (read_at, _)| is_believed(*read_at));
        ways.insert(session.egress, (now, way.clone()));
        Ok(way)
    }
}
