//! The service as a command needs it: the use cases on the configured database, without its HTTP side and without most of
//! the passes that a lasting process makes.

use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::id::MerchantUid;
use tokio::task::JoinHandle;

use super::failure::Outcome;
use super::{audit, files};
use crate::config::Config;
use crate::wiring::Service;

/// A third of a login's lease: a service beside us must not take over what we drive.
const BEAT: Duration = Duration::from_secs(5);
/// How long a command that ends waits for what it began.
const GRACE: Duration = Duration::from_secs(5);

/// An open service.
pub struct Opened {
    service: Service,
    lease: Option<JoinHandle<()>>,
}

impl Opened {
    /// Opens it.
    ///
    /// # Errors
    /// What is wrong with the key, the database or the portal's settings, and what to do.
    pub async fn of(config: &Config) -> Outcome<Self> {
        files::make_folder(&config.database)?;
        Ok(Self { service: Service::start(config).await?, lease: None })
    }

    /// For a command that drives logins: takes over what a process that died has left.
    #[must_use]
    pub fn driving(mut self) -> Self {
        let logins = Arc::clone(&self.service.logins);
        self.lease = Some(tokio::spawn(async move {
            let mut beat = tokio::time::interval(BEAT);
            loop {
                beat.tick().await;
                if let Err(error) = logins.recover().await {
                    tracing::warn!(%error, "logins of a process that died could not be taken over");
                }
            }
        }));
        self
    }

    /// The use cases.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Writes what was done into the audit log.
    pub async fn audit<T>(
        &self,
        action: &str,
        store: Option<&MerchantUid>,
        subject: Option<&str>,
        done: &Outcome<T>,
    ) {
        let at = self.service.clock.now();
        self.service.auditor.write(audit::entry(at, action, store, subject, done)).await;
    }

    /// Closes it: what still runs is finished or parked.
    pub async fn close(self) {
        if let Some(lease) = self.lease {
            lease.abort();
        }
        let database = Arc::clone(&self.service.database);
        self.service.stop(GRACE).await;
        database.close().await;
    }
}
