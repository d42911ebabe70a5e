//! What operators read afterwards: the evidence of a login, and the events.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::error::{Code, Error, Result};
use crate::event::StoredEvent;
use crate::evidence::Evidence;
use crate::id::LoginId;
use crate::login::Challenge;
use crate::port::{Clock, Database};
use crate::tenant::Tenant;

/// How many rows a pass deletes at once.
const BATCH: u32 = 500;

/// The use cases around evidence and events.
pub struct Records {
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
    keep_evidence: SignedDuration,
    keep_events: SignedDuration,
}

impl Records {
    /// Wires the use cases; the spans say how long things are kept.
    pub fn new(
        database: Arc<dyn Database>,
        clock: Arc<dyn Clock>,
        keep_evidence: SignedDuration,
        keep_events: SignedDuration,
    ) -> Self {
        Self { database, clock, keep_evidence, keep_events }
    }

    /// Keeps evidence of a login, sealed; the newest replaces an older one.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep(&self, id: LoginId, evidence: &Evidence) -> Result<()> {
        let expires_at = self.clock.now() + self.keep_evidence;
        Ok(self.database.keep_evidence(id, evidence, expires_at).await?)
    }

    /// The evidence of a login of the tenant's.
    ///
    /// # Errors
    /// `login_not_found`, `evidence_not_found`; the database's.
    pub async fn evidence(&self, tenant: &Tenant, id: LoginId) -> Result<Evidence> {
        if self.database.find_login(tenant, id).await?.is_none() {
            return Err(Code::LoginNotFound.into());
        }
        let found = self.database.find_evidence(tenant, id, self.clock.now()).await?;
        found.ok_or_else(|| Code::EvidenceNotFound.into())
    }

    /// The picture of what a person must look at, while the login asks for a person.
    ///
    /// # Errors
    /// `login_not_found`; `login_not_awaiting`: it asks for nothing that has a picture; `evidence_not_found`; the database's.
    pub async fn picture(&self, tenant: &Tenant, id: LoginId) -> Result<Vec<u8>> {
        let login = self.database.find_login(tenant, id).await?.ok_or(Code::LoginNotFound)?;
        match login.state.challenge() {
            Some(Challenge::Captcha(_) | Challenge::Takeover(_)) => {}
            _ => {
                return Err(Error::new(
                    Code::LoginNotAwaiting,
                    "The login asks for nothing that has a picture.",
                ));
            }
        }
        let evidence = self.evidence(tenant, id).await?;
        evidence.picture.or(evidence.screenshot).ok_or_else(|| Code::EvidenceNotFound.into())
    }

    /// Events after a cursor, oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<StoredEvent>> {
        Ok(self.database.list_events(after, limit).await?)
    }

    /// Deletes what was kept long enough. Answers how many rows.
    ///
    /// # Errors
    /// The database's.
    pub async fn prune(&self) -> Result<u64> {
        let now: Timestamp = self.clock.now();
        let evidence = self.database.prune_evidence(now, BATCH).await?;
        Ok(evidence + self.database.prune_events(now - self.keep_events, BATCH).await?)
    }
}
