//! Puts the configuration, the database, the portal and the use cases together: the service without its HTTP side.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kaspi_auth_core::api_keys::ApiKeys;
use kaspi_auth_core::logins::{Engines, Logins};
use kaspi_auth_core::port::{Cabinet, Clock, Database, Engine, Ids, LoginChanges, LoginRunner};
use kaspi_auth_core::sessions::Sessions;
use kaspi_auth_core::stores::Stores;
use kaspi_auth_portal::{DirectEngine, PortalSettings};
use kaspi_auth_store::{Change, OpenDatabaseError, Settings, SqlDatabase};
use kaspi_auth_vault::{KeyError, KeyRing};
use tokio::task::JoinHandle;

use crate::config::{self, Config};
use crate::process::{Background, Changes, PortalMetrics, RandomKeys, Runner, SystemClock, UuidV7};

/// The use cases of one process, wired to its database and its portal.
pub struct Service {
    /// Logins.
    pub logins: Arc<Logins>,
    /// Sessions.
    pub sessions: Arc<Sessions>,
    /// Stores.
    pub stores: Arc<Stores>,
    /// API keys.
    pub api_keys: Arc<ApiKeys>,
    /// The database, for its health.
    pub database: Arc<SqlDatabase>,
    /// The portal, for its headers and its health.
    pub portal: Arc<DirectEngine>,
    /// What runs logins.
    pub runner: Arc<Runner>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    listener: JoinHandle<()>,
    background: Option<Background>,
}

/// Why the service cannot start; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No key, or no usable one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenDatabaseError),
    /// The portal's settings.
    #[error("the client of the portal cannot be built")]
    Portal(#[source] kaspi_auth_core::Error),
    /// A file that a setting names.
    #[error("{setting}: {path} cannot be read")]
    File {
        /// The setting.
        setting: &'static str,
        /// Its value.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

/// The key ring that the configuration names.
///
/// # Errors
/// No key, a malformed one, an unreadable file.
pub fn key_ring(settings: &config::Encryption) -> Result<Arc<KeyRing>, KeyError> {
    KeyRing::from_settings(settings.key.as_ref(), settings.key_file.as_deref()).map(Arc::new)
}

/// The database settings as the store takes them.
pub fn database_settings(config: &config::Database) -> Settings {
    Settings {
        max_connections: config.max_connections,
        migrate: config.migrate_at_start,
        ..Settings::new(config.url.clone())
    }
}

/// The portal that the configuration names.
///
/// # Errors
/// An unreadable CA file, or a client that cannot be built.
pub fn portal(config: &config::Portal, clock: Arc<dyn Clock>) -> Result<Arc<DirectEngine>, StartError> {
    let mut settings = PortalSettings {
        site_url: config.site_url.clone(),
        login_url: config.login_url.clone(),
        cabinet_url: config.cabinet_url.clone(),
        timeout: Duration::from_secs(config.timeout_seconds),
        connect_timeout: Duration::from_secs(config.connect_timeout_seconds),
        observer: Some(Arc::new(PortalMetrics)),
        ..PortalSettings::default()
    };
    if let Some(path) = &config.ca_file {
        let pem = std::fs::read(path).map_err(|source| StartError::File {
            setting: "portal.ca_file",
            path: path.display().to_string(),
            source,
        })?;
        settings.extra_ca_pem = Some(pem);
    }
    if let Some(user_agent) = &config.user_agent {
        settings.user_agent.clone_from(user_agent);
    }
    DirectEngine::new(settings, clock).map(Arc::new).map_err(StartError::Portal)
}

impl Service {
    /// Opens everything and starts to run logins. Background passes are another call: a command does without.
    ///
    /// # Errors
    /// What is wrong with the key, the database or the portal's settings, and what to do.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_at(config, Arc::new(SystemClock)).await
    }

    /// As [`Service::start`], by another clock: for tests that move the time.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub async fn start_at(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let keys = key_ring(&config.encryption)?;
        let portal = portal(&config.portal, Arc::clone(&clock))?;
        let database =
            Arc::new(SqlDatabase::open(&database_settings(&config.database), keys, clock.now()).await?);
        let changes = Arc::new(Changes::new(Arc::clone(&clock)));
        let listener = listen(&database, Arc::clone(&changes));
        let runner = Arc::new(Runner::new(config.logins.max_running, config.logins.max_queued));
        let engines = Engines { direct: Arc::clone(&portal) as Arc<dyn Engine>, browser: None };
        let shared = Arc::clone(&database) as Arc<dyn Database>;
        let logins = Arc::new(Logins::new(
            Arc::clone(&shared),
            engines.clone(),
            changes as Arc<dyn LoginChanges>,
            Arc::clone(&runner) as Arc<dyn LoginRunner>,
            Arc::clone(&clock),
            Arc::new(UuidV7) as Arc<dyn Ids>,
            config.logins.limits(),
        ));
        runner.attach(Arc::clone(&logins));
        let cabinet = Arc::clone(&portal) as Arc<dyn Cabinet>;
        let sessions =
            Sessions::new(Arc::clone(&shared), engines, cabinet, Arc::clone(&logins), Arc::clone(&clock));
        Ok(Self {
            sessions: Arc::new(sessions),
            stores: Arc::new(Stores::new(Arc::clone(&shared), Arc::clone(&clock))),
            api_keys: Arc::new(ApiKeys::new(shared, Arc::new(RandomKeys), Arc::clone(&clock))),
            logins,
            database,
            portal,
            runner,
            clock,
            listener,
            background: None,
        })
    }

    /// Starts the background passes.
    pub fn start_background(&mut self, config: &config::Logins) {
        let keep = SignedDuration::from_hours(24 * config.keep_days);
        self.background = Some(Background::start(&self.logins, Arc::clone(&self.clock), keep));
    }

    /// Finishes or parks what runs, `grace` at most.
    pub async fn stop(self, grace: Duration) {
        self.runner.stop(grace).await;
        if let Some(background) = self.background {
            background.stop().await;
        }
        if let Err(error) = self.logins.park().await {
            tracing::error!(%error, "running logins could not be parked; their leases run out by themselves");
        }
        self.listener.abort();
    }
}

/// Passes the database's word of changes on to those who wait for a login.
fn listen(database: &SqlDatabase, changes: Arc<Changes>) -> JoinHandle<()> {
    let mut receiver = database.changes();
    tokio::spawn(async move {
        loop {
            match receiver.recv().await {
                Ok(Change::Login(id)) => changes.wake(Some(id)),
                Ok(Change::Everything) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {
                    changes.wake(None);
                }
                Ok(Change::Store(_) | Change::ApiKeys) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            }
        }
    })
}
