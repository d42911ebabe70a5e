//! Puts the configuration, the database, the portal and the use cases together: the service without its HTTP side.

mod keeping;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kaspi_auth_core::api_keys::ApiKeys;
use kaspi_auth_core::batches::Batches;
use kaspi_auth_core::canary::Canary;
use kaspi_auth_core::egresses::Egresses;
use kaspi_auth_core::explain::Explanations;
use kaspi_auth_core::keeper::Keeper;
use kaspi_auth_core::logins::{Engines, Logins, Parts};
use kaspi_auth_core::port::{
    Cabinet, Clock, Database, Engine, HolderSink, Ids, KeepingSink, LoginChanges, LoginRunner, RouteCheck,
};
use kaspi_auth_core::records::{Records, Spans};
use kaspi_auth_core::refreshes::Refreshes;
use kaspi_auth_core::sessions::Sessions;
use kaspi_auth_core::stores::Stores;
use kaspi_auth_portal::{BreakerSettings, DirectEngine, PortalSettings};
use kaspi_auth_store::{Change, JobWorkers, OpenDatabaseError, Settings, SqlDatabase, WorkerSettings};
use kaspi_auth_vault::{KeyError, KeyRing};
use tokio::task::JoinHandle;

use self::keeping::Keeping;
use crate::auditing::Auditor;
use crate::config::{self, Config};
use crate::gateway::Gateway;
use crate::process::{
    Background, BackgroundTasks, Browser, BrowserError, Chain, ChangedStores, Changes, Evidences, Holder,
    Jobs, KeepingLog, PortalMetrics, RandomKeys, Runner, Shapes, SystemClock, Upkeep, UuidV7,
};

/// The longest that a job may take: longer than it waits for a refresh.
const JOB: Duration = Duration::from_mins(6);

/// The use cases of one process, wired to its database and its portal.
pub struct Service {
    /// Logins.
    pub logins: Arc<Logins>,
    /// Sessions.
    pub sessions: Arc<Sessions>,
    /// What renews sessions.
    pub refreshes: Arc<Refreshes>,
    /// Looks after stores that are due.
    pub keeper: Arc<Keeper>,
    /// Many stores at once.
    pub batches: Arc<Batches>,
    /// Why a store stands as it does.
    pub explanations: Arc<Explanations>,
    /// Stores.
    pub stores: Arc<Stores>,
    /// API keys.
    pub api_keys: Arc<ApiKeys>,
    /// The ways out.
    pub egresses: Arc<Egresses>,
    /// Evidence and events.
    pub records: Arc<Records>,
    /// Services' own calls of the cabinet.
    pub gateway: Arc<Gateway>,
    /// Who read or changed what.
    pub auditor: Arc<Auditor>,
    /// The database, for its health.
    pub database: Arc<SqlDatabase>,
    /// The portal, for its headers and its health.
    pub portal: Arc<DirectEngine>,
    /// The browsers, where there are any.
    pub browser: Option<Arc<Browser>>,
    /// What runs logins.
    pub runner: Arc<Runner>,
    /// What runs refreshes.
    pub tasks: Arc<BackgroundTasks>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    listener: JoinHandle<()>,
    background: Option<Background>,
    workers: Option<JobWorkers>,
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
    /// The browsers.
    #[error(transparent)]
    Browser(#[from] BrowserError),
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
    DirectEngine::new(portal_settings(config)?, clock).map(Arc::new).map_err(StartError::Portal)
}

/// The portal's settings as its client takes them.
///
/// # Errors
/// An unreadable CA file.
pub fn portal_settings(config: &config::Portal) -> Result<PortalSettings, StartError> {
    let mut settings = PortalSettings {
        site_url: config.site_url.clone(),
        login_url: config.login_url.clone(),
        cabinet_url: config.cabinet_url.clone(),
        timeout: Duration::from_secs(config.timeout_seconds),
        connect_timeout: Duration::from_secs(config.connect_timeout_seconds),
        observer: Some(Arc::new(PortalMetrics)),
        breaker: breaker_settings(config),
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
    Ok(settings)
}

/// When a host of the portal that fails is left alone.
fn breaker_settings(config: &config::Portal) -> Option<BreakerSettings> {
    let pause = Duration::from_secs(config.breaker_pause_seconds);
    let usual = BreakerSettings::default();
    (config.breaker_failures > 0).then(|| BreakerSettings {
        failures: config.breaker_failures,
        pause,
        longest_pause: usual.longest_pause.max(pause),
    })
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
        let database =
            Arc::new(SqlDatabase::open(&database_settings(&config.database), keys, clock.now()).await?);
        let shared = Arc::clone(&database) as Arc<dyn Database>;
        let records = Arc::new(Records::new(Arc::clone(&shared), Arc::clone(&clock), spans(config)));
        let canary = Arc::new(Canary::new(Arc::clone(&shared), Arc::clone(&clock)));
        let settings = PortalSettings {
            evidence: Some(Arc::new(Evidences::new(Arc::clone(&records), config.evidence.keep_days > 0))),
            shapes: Some(Arc::new(Shapes::new(canary))),
            request_limit: config.gateway.body_limit_bytes,
            ..portal_settings(&config.portal)?
        };
        let portal = DirectEngine::new(settings.clone(), Arc::clone(&clock)).map(Arc::new);
        let portal = portal.map_err(StartError::Portal)?;
        let holder = Arc::new(Holder::default());
        let sink = Arc::clone(&holder) as Arc<dyn HolderSink>;
        let ids = Arc::new(UuidV7) as Arc<dyn Ids>;
        let egresses = Arc::new(Egresses::new(
            Arc::clone(&shared),
            Arc::clone(&portal) as Arc<dyn RouteCheck>,
            Arc::clone(&clock),
            Arc::clone(&ids),
            config.rates.rest(),
        ));
        let routes = egresses.routes().await.unwrap_or_else(|error| {
            tracing::error!(error = %Chain(&error), "the egresses cannot be read: no page is warmed, and logins fail");
            Vec::new()
        });
        let browser = Browser::new(config, settings, Arc::clone(&portal), sink, &routes)?.map(Arc::new);
        let changes = Arc::new(Changes::new(Arc::clone(&clock)));
        let runner = Arc::new(Runner::new(config.logins.max_running, config.logins.max_queued));
        let engines = Engines {
            direct: Arc::clone(&portal) as Arc<dyn Engine>,
            browser: browser.clone().map(|browser| browser as Arc<dyn Engine>),
        };
        let cabinet = Arc::clone(&portal) as Arc<dyn Cabinet>;
        let sink = Arc::new(KeepingLog(Arc::clone(&clock))) as Arc<dyn KeepingSink>;
        let policy = config.keeping.policy();
        let logins = Arc::new(Logins::new(Parts {
            database: Arc::clone(&shared),
            engines: engines.clone(),
            cabinet: Arc::clone(&cabinet),
            egresses: Arc::clone(&egresses),
            changes: Arc::clone(&changes) as Arc<dyn LoginChanges>,
            runner: Arc::clone(&runner) as Arc<dyn LoginRunner>,
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            limits: config.logins.limits(),
            rates: config.rates.limits(),
            policy,
            sink: Arc::clone(&sink),
            engine: config.logins.engine,
        }));
        runner.attach(Arc::clone(&logins));
        holder.attach(Arc::clone(&logins));
        let keeping = Keeping::new(keeping::Parts {
            database: Arc::clone(&shared),
            engines,
            cabinet,
            logins: Arc::clone(&logins),
            egresses: Arc::clone(&egresses),
            sink,
            clock: Arc::clone(&clock),
            ids,
            policy,
        });
        let listener = listen(&database, changes, keeping.waiters, Arc::clone(&logins));
        let gateway = Gateway::new(
            Arc::clone(&keeping.sessions),
            Arc::clone(&portal),
            Arc::clone(&records),
            Arc::clone(&clock),
            config,
        );
        Ok(Self {
            gateway: Arc::new(gateway),
            auditor: Arc::new(Auditor::new(Arc::clone(&records))),
            sessions: keeping.sessions,
            refreshes: keeping.refreshes,
            keeper: keeping.keeper,
            batches: keeping.batches,
            explanations: keeping.explanations,
            tasks: keeping.tasks,
            stores: Arc::new(Stores::new(Arc::clone(&shared), Arc::clone(&clock))),
            api_keys: Arc::new(ApiKeys::new(shared, Arc::new(RandomKeys), Arc::clone(&clock))),
            egresses,
            records,
            logins,
            database,
            portal,
            browser,
            runner,
            clock,
            listener,
            background: None,
            workers: None,
        })
    }

    /// Starts the background passes and the workers of the queue.
    pub fn start_background(&mut self, config: &Config) {
        let background = Background::start(&self.logins, Arc::clone(&self.sessions));
        let rooms = Upkeep {
            database: Arc::clone(&self.database),
            records: Arc::clone(&self.records),
            egresses: Arc::clone(&self.egresses),
            clock: Arc::clone(&self.clock),
            node: self.logins.node(),
            gateway: Arc::clone(&self.gateway),
            auditor: Arc::clone(&self.auditor),
            browser: self.browser.clone(),
        };
        self.background = Some(rooms.start(background, config.egress.configured().unwrap_or_default()));
        let jobs = Jobs {
            keeper: Arc::clone(&self.keeper),
            batches: Arc::clone(&self.batches),
            logins: Arc::clone(&self.logins),
            records: Arc::clone(&self.records),
            egresses: Arc::clone(&self.egresses),
            portal: Arc::clone(&self.portal),
            clock: Arc::clone(&self.clock),
            keep_logins: SignedDuration::from_hours(24 * config.logins.keep_days),
        };
        let page = Duration::from_secs(60 * config.evidence.probe_minutes);
        let settings = WorkerSettings {
            concurrency: config.keeping.jobs,
            timeout: JOB,
            cron: Jobs::schedule(page),
            ..WorkerSettings::new(UuidV7.uuid())
        };
        self.workers = Some(self.database.start_workers(Arc::new(jobs), Arc::clone(&self.clock), settings));
    }

    /// Finishes or parks what runs, `grace` at most.
    pub async fn stop(self, grace: Duration) {
        let started = tokio::time::Instant::now();
        // A job waits for its refresh, a refresh for its login: they end together.
        let workers = async {
            if let Some(workers) = self.workers {
                workers.stop(grace).await;
            }
        };
        tokio::join!(self.runner.stop(grace), workers);
        self.tasks.stop(grace.saturating_sub(started.elapsed())).await;
        if let Err(error) = self.sessions.write_uses().await {
            tracing::warn!(error = %Chain(&error), "uses of sessions could not be written down; they are looked at a little later");
        }
        if let Err(error) = self.logins.leave().await {
            tracing::error!(%error, "logins whose page is held here could not be ended; other nodes end them");
        }
        if let Some(browser) = &self.browser {
            browser.stop(grace.saturating_sub(started.elapsed())).await;
        }
        if let Some(background) = self.background {
            background.stop().await;
        }
        if let Err(error) = self.logins.park().await {
            tracing::error!(%error, "running logins could not be parked; their leases run out by themselves");
        }
        self.gateway.stop(grace.saturating_sub(started.elapsed())).await;
        if let Err(error) = self.auditor.flush().await {
            tracing::error!(error = %Chain(&error), "reads of the last moments could not be written into the audit log");
        }
        self.listener.abort();
    }
}

/// How long things are kept.
fn spans(config: &Config) -> Spans {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    Spans {
        evidence: days(config.evidence.keep_days.max(1)),
        events: days(config.evidence.keep_events_days),
        timelines: days(config.keeping.timeline_days),
        audit: days(config.keeping.audit_days),
    }
}

/// Passes the database's word of changes on to those who wait for a login or a store, and on to what this node's browsers hold.
fn listen(
    database: &SqlDatabase,
    changes: Arc<Changes>,
    stores: Arc<ChangedStores>,
    logins: Arc<Logins>,
) -> JoinHandle<()> {
    let mut receiver = database.changes();
    tokio::spawn(async move {
        loop {
            match receiver.recv().await {
                Ok(Change::Login(id)) => {
                    changes.wake(Some(id));
                    if let Err(error) = logins.pick_up(id).await {
                        tracing::warn!(login.id = %id, error = %Chain(&error), "a forwarded answer could not be picked up; it is tried again");
                    }
                }
                Ok(Change::Everything) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {
                    changes.wake(None);
                    stores.wake(None);
                    if let Err(error) = logins.pick_up_all().await {
                        tracing::warn!(error = %Chain(&error), "forwarded answers could not be picked up; it is tried again");
                    }
                }
                Ok(Change::Store(uid)) => stores.wake(Some(uid)),
                Ok(Change::ApiKeys) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            }
        }
    })
}
