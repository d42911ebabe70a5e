//! What is read afterwards: the evidence of a login, the events, a store's timeline and calls, the audit log, the job queue.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::audit::{AuditEntry, AuditFilter, NewAudit};
use crate::calls::Calls;
use crate::error::{Code, Error, Result};
use crate::event::StoredEvent;
use crate::evidence::Evidence;
use crate::id::{LoginId, MerchantUid};
use crate::job::{JobFigures, JobFilter, JobView};
use crate::login::Challenge;
use crate::port::{Clock, Database};
use crate::tenant::Tenant;
use crate::timeline::Entry;

/// How many rows a pass deletes at once.
const BATCH: u32 = 500;
/// How long ended batches are kept.
const BATCHES: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How long ended jobs are kept: their keys are remembered for as long.
const JOBS: SignedDuration = SignedDuration::from_hours(2);
/// How long attempts are kept: longer than any window.
const ATTEMPTS: SignedDuration = SignedDuration::from_hours(48);
/// How long observed lifetimes are kept.
const LIFETIMES: SignedDuration = SignedDuration::from_hours(24 * 180);

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub struct Spans {
    /// Evidence of logins.
    pub evidence: SignedDuration,
    /// Events.
    pub events: SignedDuration,
    /// Timelines of stores.
    pub timelines: SignedDuration,
    /// The audit log.
    pub audit: SignedDuration,
}

/// The use cases around evidence and events.
pub struct Records {
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
    keep: Spans,
}

impl Records {
    /// Wires the use cases.
    pub fn new(database: Arc<dyn Database>, clock: Arc<dyn Clock>, keep: Spans) -> Self {
        Self { database, clock, keep }
    }

    /// Keeps evidence of a login, sealed; the newest replaces an older one.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep(&self, id: LoginId, evidence: &Evidence) -> Result<()> {
        let expires_at = self.clock.now() + self.keep.evidence;
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
        let database = &self.database;
        Ok(database.prune_evidence(now, BATCH).await?
            + database.prune_events(now - self.keep.events, BATCH).await?
            + database.prune_entries(now - self.keep.timelines, BATCH).await?
            + database.prune_audit(now - self.keep.audit, BATCH).await?
            + database.prune_attempts(now - ATTEMPTS, BATCH).await?
            + database.prune_observations(now - LIFETIMES, BATCH).await?
            + database.prune_batches(now - BATCHES, BATCH).await?
            + database.prune_jobs(now - JOBS, BATCH).await?)
    }

    /// What happened to a store of the tenant's, newest first, before a cursor.
    ///
    /// # Errors
    /// `store_not_found`; the database's.
    pub async fn timeline(
        &self,
        tenant: &Tenant,
        uid: &MerchantUid,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Entry>> {
        let entries = self.database.list_entries(tenant, uid, before, limit).await?;
        entries.ok_or_else(|| Code::StoreNotFound.into())
    }

    /// Adds to what is known of the stores' calls of the cabinet.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_calls(&self, calls: &[Calls]) -> Result<()> {
        Ok(self.database.add_calls(calls).await?)
    }

    /// How the calls of the cabinet for a store of the tenant's went, by outcome.
    ///
    /// # Errors
    /// `store_not_found`; the database's.
    pub async fn calls(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Vec<Calls>> {
        self.database.calls(tenant, uid).await?.ok_or_else(|| Code::StoreNotFound.into())
    }

    /// Writes down who did what.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit(&self, entries: &[NewAudit]) -> Result<()> {
        Ok(self.database.append_audit(entries).await?)
    }

    /// Who did what, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit_log(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        Ok(self.database.list_audit(filter).await?)
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Vec<JobView>> {
        Ok(self.database.list_jobs(filter).await?)
    }

    /// How the job queue fares.
    ///
    /// # Errors
    /// The database's.
    pub async fn job_figures(&self) -> Result<JobFigures> {
        Ok(self.database.job_figures().await?)
    }
}
