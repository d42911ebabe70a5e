//! The farm: who gets which context, and when.

mod desk;
mod inner;
mod place;
mod queue;
mod reap;
mod supervise;
mod tend;

use std::{sync::Arc, time::Duration};

use kaspi_auth_core::egress::Route;
use tokio::time::Instant;

use crate::{
    Context, FarmError, FarmObserver, FarmSettings, Figures, PageSetup, ShardFigures, ShardId,
    shard::clear_dead_profiles,
};
use inner::Inner;
pub(crate) use place::Place;

/// How long the browsers may take to be gone when the farm stops.
const END: Duration = Duration::from_secs(20);

/// How often it is looked whether they are.
const GLANCE: Duration = Duration::from_millis(20);

/// A wish for a context.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Whose login it is: places go round the tenants.
    pub tenant: String,
    /// The way out to the portal.
    pub route: Route,
    /// When waiting ends.
    pub deadline: Instant,
    /// The shard that just failed this login.
    pub avoid: Option<ShardId>,
}

/// The browser farm. Clones are the same farm; with the last one everything ends.
#[derive(Clone)]
pub struct Farm {
    handle: Arc<Handle>,
}

struct Handle {
    inner: Arc<Inner>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inner.desk.lock().closed = true;
        self.inner.stopping.cancel();
    }
}

impl Farm {
    /// Starts a farm on the current runtime. Returns at once: the browsers start in the background.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn start(settings: FarmSettings, page: PageSetup, observer: Arc<dyn FarmObserver>) -> Self {
        let inner = Arc::new(Inner::new(settings, page, observer));
        let starting = inner.clone();
        inner.tasks.spawn(async move {
            let work_dir = starting.settings.work_dir.clone();
            let _ = tokio::task::spawn_blocking(move || clear_dead_profiles(&work_dir)).await;
            for (slot, spec) in starting.settings.shards.iter().enumerate() {
                starting.tasks.spawn(supervise::keep(starting.clone(), slot, spec.clone()));
            }
            starting.tasks.spawn(tend::tend(starting.clone()));
            starting.tasks.spawn(reap::reap(starting.clone()));
        });
        Self { handle: Arc::new(Handle { inner }) }
    }

    /// Takes another page from now on. Warm pages of the old one are replaced.
    pub fn set_page(&self, page: PageSetup) {
        let inner = self.inner();
        *inner.setup.lock() = Arc::new(page);
        {
            let mut desk = inner.desk.lock();
            desk.epoch += 1;
            for pool in desk.pools.values_mut() {
                pool.warm.clear();
                pool.failures = 0;
                pool.not_before = None;
            }
        }
        inner.nudge.notify_one();
    }

    /// Keeps warm pages for these routes besides the direct one. One that nobody uses for ten minutes is dropped.
    pub fn keep_warm(&self, routes: &[Route]) {
        for route in routes {
            self.inner().use_route(route);
        }
        self.inner().nudge.notify_one();
    }

    /// Drops the warm pages of a route that is not to be used any more, in all its revisions: the direct one too, with which a farm begins.
    /// A lease or [`Farm::keep_warm`] brings it back.
    pub fn forget_route(&self, egress: kaspi_auth_core::egress::EgressId) {
        self.inner().desk.lock().pools.retain(|key, _| key.0 != egress);
    }

    /// A fresh context on the route with the page loaded: a warm one if there is one.
    ///
    /// # Errors
    ///
    /// [`FarmError::Full`] when the queue is full, [`FarmError::Late`] when the deadline passes,
    /// [`FarmError::NoShard`] when no browser is up by then, [`FarmError::UnfitRoute`] when no shard can take the route,
    /// [`FarmError::Page`] when the page does not get ready, and what else befalls a browser.
    pub async fn lease(&self, ask: Ask) -> Result<Context, FarmError> {
        let (place, page, warm) = self.inner().lease(ask).await?;
        Ok(Context::new(place, page, warm))
    }

    /// The farm at this moment.
    pub fn figures(&self) -> Figures {
        let desk = self.inner().desk.lock();
        let now = Instant::now();
        let warm = |shard: ShardId| {
            let pages = desk.pools.values().flat_map(|pool| &pool.warm);
            pages.filter(|page| page.core.shard.id == shard).count()
        };
        let held = |shard: ShardId| desk.held.values().filter(|held| held.shard == shard).count();
        let shards = desk.seats.iter().map(|(id, seat)| ShardFigures {
            id: *id,
            kind: seat.shard.kind,
            product: seat.shard.product.clone(),
            process: seat.shard.process,
            draining: seat.draining,
            places: seat.places,
            running: seat.running,
            held: held(*id),
            warm: warm(*id),
            contexts: seat.shard.contexts(),
            logins: seat.logins,
            age: now - seat.shard.started,
            memory_mib: seat.memory_mib,
        });
        let shards: Vec<ShardFigures> = shards.collect();
        Figures {
            shards_wanted: self.inner().settings.shards.len(),
            warm: desk.pools.values().map(|pool| pool.warm.len()).sum(),
            warming: desk.pools.values().map(|pool| pool.warming.len()).sum(),
            running: shards.iter().map(|shard| shard.running).sum(),
            held: desk.held.len(),
            queued: desk.queued(),
            routes: desk.pools.len(),
            last_trouble: desk.last_trouble.clone(),
            shards,
        }
    }

    /// Waits until the wanted number of pages is warm.
    ///
    /// # Errors
    ///
    /// [`FarmError::Late`] at the deadline, [`FarmError::NoShard`] when no browser is up by then.
    pub async fn ready(&self, deadline: Instant) -> Result<(), FarmError> {
        let inner = self.inner();
        let ready = async {
            loop {
                let changed = inner.changed.notified();
                {
                    let desk = inner.desk.lock();
                    if desk.closed {
                        return Err(FarmError::Stopped);
                    }
                    if desk.is_warm(inner.settings.min_warm) {
                        return Ok(());
                    }
                    if let Some(error) = desk.hopeless() {
                        return Err(error);
                    }
                }
                changed.await;
            }
        };
        let late = |_| {
            let desk = inner.desk.lock();
            if desk.seats.is_empty() { desk.no_shard() } else { FarmError::Late }
        };
        tokio::time::timeout_at(deadline, ready).await.map_err(late)?
    }

    /// Ends the farm: no more leases, logins that run have the grace to finish, then all browsers are closed and nothing
    /// of them is left.
    pub async fn stop(&self, grace: Duration) {
        let inner = self.inner();
        {
            let mut desk = inner.desk.lock();
            desk.closed = true;
            desk.queue.retain(|_| false);
            desk.resumes.clear();
            for pool in desk.pools.values_mut() {
                pool.warm.clear();
            }
        }
        let through = async {
            loop {
                let changed = inner.changed.notified();
                if inner.desk.lock().seats.values().all(|seat| seat.running == 0) {
                    return;
                }
                changed.await;
            }
        };
        let _ = tokio::time::timeout(grace, through).await;
        inner.stopping.cancel();
        inner.tasks.close();
        let _ = tokio::time::timeout(END, inner.tasks.wait()).await;
        // A process that is just ending may still write into its profile.
        let cleared = async {
            while !inner.graves.are_clear() {
                inner.graves.clear().await;
                tokio::time::sleep(GLANCE).await;
            }
        };
        let _ = tokio::time::timeout(END, cleared).await;
    }

    fn inner(&self) -> &Arc<Inner> {
        &self.handle.inner
    }
}
