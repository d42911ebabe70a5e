//! Puts the use cases together that keep sessions alive and serve them.

use std::sync::Arc;

use kaspi_auth_core::batches::Batches;
use kaspi_auth_core::egresses::Egresses;
use kaspi_auth_core::explain::Explanations;
use kaspi_auth_core::keeper::Keeper;
use kaspi_auth_core::keeping::Policy;
use kaspi_auth_core::logins::{Engines, Logins};
use kaspi_auth_core::port::{Cabinet, Clock, Database, Ids, KeepingSink, StoreChanges, Tasks};
use kaspi_auth_core::refreshes::{self, Refreshes};
use kaspi_auth_core::sessions::{self, Sessions};

use crate::process::{BackgroundTasks, ChangedStores};

/// What they are made of.
pub(super) struct Parts {
    pub(super) database: Arc<dyn Database>,
    pub(super) engines: Engines,
    pub(super) cabinet: Arc<dyn Cabinet>,
    pub(super) logins: Arc<Logins>,
    pub(super) egresses: Arc<Egresses>,
    pub(super) sink: Arc<dyn KeepingSink>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) policy: Policy,
}

/// The use cases.
pub(super) struct Keeping {
    pub(super) sessions: Arc<Sessions>,
    pub(super) refreshes: Arc<Refreshes>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) batches: Arc<Batches>,
    pub(super) explanations: Arc<Explanations>,
    /// What runs refreshes.
    pub(super) tasks: Arc<BackgroundTasks>,
    /// Who waits for a store.
    pub(super) waiters: Arc<ChangedStores>,
}

impl Keeping {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { database, engines, cabinet, logins, egresses, sink, clock, ids, policy } = parts;
        let waiters = Arc::new(ChangedStores::new(Arc::clone(&clock)));
        let tasks = Arc::new(BackgroundTasks::default());
        let refreshes = Arc::new(Refreshes::new(refreshes::Parts {
            database: Arc::clone(&database),
            engines,
            logins,
            // None is built in: see the port.
            code_sources: Vec::new(),
            egresses,
            changes: Arc::clone(&waiters) as Arc<dyn StoreChanges>,
            tasks: Arc::clone(&tasks) as Arc<dyn Tasks>,
            sink: Arc::clone(&sink),
            clock: Arc::clone(&clock),
            policy,
        }));
        let sessions = Arc::new(Sessions::new(sessions::Parts {
            database: Arc::clone(&database),
            cabinet,
            refreshes: Arc::clone(&refreshes),
            changes: Arc::clone(&waiters) as Arc<dyn StoreChanges>,
            tasks: Arc::clone(&tasks) as Arc<dyn Tasks>,
            sink,
            clock: Arc::clone(&clock),
        }));
        let keeper = Arc::new(Keeper::new(
            Arc::clone(&database),
            Arc::clone(&sessions),
            Arc::clone(&refreshes),
            Arc::clone(&clock),
        ));
        let batches =
            Arc::new(Batches::new(Arc::clone(&database), Arc::clone(&sessions), Arc::clone(&clock), ids));
        let explanations = Arc::new(Explanations::new(database, Arc::clone(&refreshes), clock));
        Self { sessions, refreshes, keeper, batches, explanations, tasks, waiters }
    }
}
