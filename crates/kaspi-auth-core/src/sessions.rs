//! Serve the session of a store, look whether it lives, and hear from those who use it. Renewing is [`refreshes`](crate::refreshes).

mod look;
mod renewed;
mod report;
mod serve;
mod way;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
pub use look::Validated;
pub use renewed::Renewal;
pub use report::{Outcome, Report, Reported};
pub use serve::Wanted;

use crate::error::{Code, Result};
use crate::id::MerchantUid;
use crate::keeping::{Origin, is_near};
use crate::port::{Cabinet, Clock, Database, KeepingSink, StoreChanges, Tasks};
pub use crate::refreshes::Refreshed;
use crate::refreshes::Refreshes;
use crate::session::{Session, Validity};
use crate::store::Store;
use crate::tenant::Tenant;
use way::Ways;

/// Uses of one session within this time are one.
const SAME_USE: SignedDuration = SignedDuration::from_mins(1);
/// Uses that are written down at once.
const USES: usize = 1000;

/// What the use cases are made of.
pub struct Parts {
    /// Where all is kept.
    pub database: Arc<dyn Database>,
    /// The cabinet.
    pub cabinet: Arc<dyn Cabinet>,
    /// What renews.
    pub refreshes: Arc<Refreshes>,
    /// Who waits for a store.
    pub changes: Arc<dyn StoreChanges>,
    /// What runs looks.
    pub tasks: Arc<dyn Tasks>,
    /// Who is told.
    pub sink: Arc<dyn KeepingSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The use cases around a session.
pub struct Sessions {
    parts: Parts,
    /// Callers that come while a store is being looked at wait for that look.
    looking: Mutex<look::Looking>,
    /// When looks last told nothing: whoever waited for one, or comes a moment later, does not look again.
    in_vain: Mutex<HashMap<MerchantUid, Timestamp>>,
    /// Who was used since uses were last written down, and since when they count as noted.
    uses: Mutex<Uses>,
    /// Cookies that the cabinet renewed and that wait to be stored, by the store.
    renewals: Mutex<HashMap<MerchantUid, Vec<Renewal>>>,
    /// Ways out that were read a moment ago.
    ways: Mutex<Ways>,
}

#[derive(Default)]
struct Uses {
    noted: HashMap<MerchantUid, Timestamp>,
    unwritten: HashMap<MerchantUid, Timestamp>,
}

impl Sessions {
    /// Wires the use cases.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            looking: Mutex::default(),
            in_vain: Mutex::default(),
            uses: Mutex::default(),
            renewals: Mutex::default(),
            ways: Mutex::default(),
        }
    }

    /// The session as stored, for calling the cabinet.
    ///
    /// # Errors
    /// `store_not_found`, `session_not_found`; when the last look found it dead `session_expired`, or `needs_reauth` where a
    /// refresh cannot mend that; the database's.
    pub async fn get(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Session> {
        let session = self.stored(tenant, uid).await?;
        self.used(uid);
        match (session.validity, session.needs_reauth) {
            (Validity::Dead, true) => Err(Code::NeedsReauth.into()),
            (Validity::Dead, false) => Err(Code::SessionExpired.into()),
            _ => Ok(session),
        }
    }

    /// Signs in again for a caller who can be asked. Waits until `until`.
    ///
    /// # Errors
    /// As [`Refreshes::refresh`].
    pub async fn refresh(&self, tenant: &Tenant, uid: &MerchantUid, until: Timestamp) -> Result<Refreshed> {
        self.parts.refreshes.refresh(tenant, uid, until).await
    }

    /// Signs in again without a person. Waits until `until`.
    ///
    /// # Errors
    /// As [`Refreshes::renew`].
    pub async fn renew(
        &self,
        tenant: &Tenant,
        uid: &MerchantUid,
        stale: i64,
        until: Timestamp,
    ) -> Result<Session> {
        self.parts.refreshes.renew(tenant, uid, stale, until).await
    }

    /// Waits for a look's turn under the budget of all that the service asks the portal by itself.
    ///
    /// # Errors
    /// `rate_limited`: none comes soon. The database's.
    pub(crate) async fn take_turn(&self, uid: &MerchantUid) -> Result<()> {
        self.parts.refreshes.take_turn(uid).await
    }

    /// A consumer used the session: sessions in use are looked at more often.
    fn used(&self, uid: &MerchantUid) {
        let now = self.parts.clock.now();
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.noted.get(uid).is_some_and(|at| is_near(*at, now, SAME_USE)) {
            return;
        }
        uses.noted.insert(uid.clone(), now);
        uses.unwritten.insert(uid.clone(), now);
    }

    /// Writes down which sessions were used. A process calls this now and then; what is lost with it costs a later look.
    ///
    /// # Errors
    /// The database's.
    pub async fn write_uses(&self) -> Result<()> {
        let now = self.parts.clock.now();
        let unwritten: Vec<(MerchantUid, Timestamp)> = {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            uses.noted.retain(|_, at| is_near(*at, now, SAME_USE));
            uses.unwritten.drain().collect()
        };
        for some in unwritten.chunks(USES) {
            self.parts.database.note_uses(some).await?;
        }
        Ok(())
    }

    async fn stored(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Session> {
        if let Some(session) = self.parts.database.session(tenant, uid).await? {
            return Ok(session);
        }
        self.find_store(tenant, uid).await?;
        Err(Code::SessionNotFound.into())
    }

    async fn find_store(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Store> {
        self.parts.database.find_store(tenant, uid).await?.ok_or_else(|| Code::StoreNotFound.into())
    }

    /// Asks the cabinet whether the session lives. Three-valued: an outage changes nothing.
    ///
    /// # Errors
    /// `store_not_found`, `session_not_found`, and the database's.
    pub async fn validate(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Validated> {
        let session = self.stored(tenant, uid).await?;
        self.look_at(&session, Origin::Caller).await
    }
}
