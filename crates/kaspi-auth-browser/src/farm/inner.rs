//! The farm's shared part: leases, places, warm pages, and who may have them. Starts no browser.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kaspi_auth_core::egress::{Route, Way};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, OnceCell, oneshot},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Ask,
    desk::{Desk, Grant, Held, Offer, Pool, Waiter, Want, key_of},
    place::Place,
};
use crate::{
    FarmError, FarmNews, FarmObserver, FarmSettings, PageSetup, RecycleReason, ShardId, ShardSpec,
    relay::Relay,
    shard::{Door, Graves, Page, PageCore, Shard},
};

/// How often a lease that lost its browser before anybody saw the page is tried again.
const TRIES: u32 = 3;

/// What all parts of a farm share.
pub struct Inner {
    pub settings: FarmSettings,
    pub observer: Arc<dyn FarmObserver>,
    pub desk: Mutex<Desk>,
    pub setup: Mutex<Arc<PageSetup>>,
    /// Something changed that the tender should look at.
    pub nudge: Arc<Notify>,
    /// Something changed that those who wait for a state should look at.
    pub changed: Notify,
    pub stopping: CancellationToken,
    pub tasks: TaskTracker,
    /// Browsers of ours that ended, until nothing of them is left.
    pub graves: Graves,
    relay: OnceCell<Relay>,
    next_shard: AtomicU64,
}

impl Inner {
    pub fn new(settings: FarmSettings, page: PageSetup, observer: Arc<dyn FarmObserver>) -> Self {
        let mut desk = Desk {
            max_contexts: settings.max_contexts,
            warm_age: settings.warm_age,
            failures: vec![0; settings.shards.len()],
            ..Desk::default()
        };
        let direct = Route::direct();
        desk.pools.insert(key_of(&direct), Pool::new(direct, Instant::now()));
        Self {
            settings,
            observer,
            desk: Mutex::new(desk),
            setup: Mutex::new(Arc::new(page)),
            nudge: Arc::default(),
            changed: Notify::new(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            graves: Graves::default(),
            relay: OnceCell::new(),
            next_shard: AtomicU64::new(1),
        }
    }

    pub fn tell(&self, what: FarmNews) {
        self.observer.told(what);
    }

    /// A name that no browser had.
    pub fn next_shard(&self) -> ShardId {
        ShardId(self.next_shard.fetch_add(1, Ordering::Relaxed))
    }

    /// Keeps pages warm for a way out.
    pub fn use_route(&self, route: &Route) {
        let mut desk = self.desk.lock();
        let now = Instant::now();
        let pool = desk.pools.entry(key_of(route)).or_insert_with(|| Pool::new(route.clone(), now));
        pool.last_used = now;
    }

    /// The way out as a browser takes it.
    pub async fn door(&self, route: &Route) -> Result<Door, FarmError> {
        if !Door::needs_relay(route) {
            return Ok(Door::of(route));
        }
        let relay = self.relay.get_or_try_init(|| Relay::start(self.stopping.clone())).await?;
        Ok(relay.door(route))
    }

    /// Whether only a browser of this machine can take a route.
    fn local_only(&self, route: &Route) -> Result<bool, FarmError> {
        if !Door::needs_relay(route) {
            return Ok(false);
        }
        if self.settings.shards.iter().any(|spec| matches!(spec, ShardSpec::Local { .. })) {
            return Ok(true);
        }
        let server = if let Way::Proxy(proxy) = &route.way { proxy.server() } else { String::new() };
        Err(FarmError::UnfitRoute(format!(
            "{server} is a SOCKS proxy with credentials; only browsers on this machine can use one, and none is configured"
        )))
    }

    /// A place and a page for a login.
    pub async fn lease(self: &Arc<Self>, ask: Ask) -> Result<(Place, Page, bool), FarmError> {
        let asked = Instant::now();
        let local_only = self.local_only(&ask.route)?;
        self.use_route(&ask.route);
        let mut avoid = ask.avoid;
        let mut tries = 1;
        loop {
            let want = Want::Fresh { key: key_of(&ask.route), avoid, local_only };
            let Grant { place, page } = self.place(Some(&ask.tenant), want, ask.deadline).await?;
            let shard = place.shard.id;
            let page = match page {
                Offer::Warm(page) => Ok((page, true)),
                other => self.make(&place, other, &ask).await,
            };
            match page {
                Ok((page, warm)) => {
                    self.nudge.notify_one();
                    self.tell(FarmNews::Leased { shard, warm, waited: asked.elapsed() });
                    return Ok((place, page, warm));
                }
                Err(error) if error.is_lost() && tries < TRIES => {
                    avoid = Some(shard);
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The page that is just being warmed, or one of its own.
    async fn make(&self, place: &Place, offer: Offer, ask: &Ask) -> Result<(Page, bool), FarmError> {
        let making = async {
            if let Offer::Soon(page) = offer
                && let Ok(page) = page.await
            {
                return Ok((page, true));
            }
            let setup = self.setup.lock().clone();
            Page::prepare(&place.shard, self.door(&ask.route).await?, setup).await.map(|page| (page, false))
        };
        tokio::time::timeout_at(ask.deadline, making).await.unwrap_or(Err(FarmError::Late))
    }

    /// Waits for a place. Those who resume have no tenant and stand ahead of all others.
    async fn place(
        self: &Arc<Self>,
        tenant: Option<&str>,
        want: Want,
        deadline: Instant,
    ) -> Result<Grant, FarmError> {
        let (answer, mut granted) = oneshot::channel();
        {
            let mut desk = self.desk.lock();
            if desk.closed {
                return Err(FarmError::Stopped);
            }
            if let Some(error) = desk.hopeless() {
                return Err(error);
            }
            let waiter = Waiter { answer, want };
            match tenant {
                Some(tenant) => desk.queue.push(tenant, waiter),
                None => desk.resumes.push_back(waiter),
            }
        }
        self.serve();
        if let Ok(grant) = granted.try_recv() {
            return Ok(grant);
        }
        let full = {
            let desk = self.desk.lock();
            (desk.queue.len() > self.settings.queue_limit && tenant.is_some()).then(|| desk.retry_after())
        };
        if let Some(retry_after) = full {
            granted.close();
            if let Ok(grant) = granted.try_recv() {
                return Ok(grant);
            }
            self.desk.lock().queue.retain(|waiter| !waiter.answer.is_closed());
            self.tell(FarmNews::Full);
            return Err(FarmError::Full { retry_after });
        }
        match tokio::time::timeout_at(deadline, granted).await {
            Ok(Ok(grant)) => Ok(grant),
            Ok(Err(_)) => {
                let desk = self.desk.lock();
                Err(if desk.closed { FarmError::Stopped } else { desk.no_shard() })
            }
            Err(_) => {
                self.tell(FarmNews::Late);
                let desk = self.desk.lock();
                Err(if desk.seats.is_empty() { desk.no_shard() } else { FarmError::Late })
            }
        }
    }

    /// Gives out what can be given. Places are handed over outside the lock: one that nobody takes comes back.
    pub fn serve(self: &Arc<Self>) {
        loop {
            let served = self.desk.lock().serve();
            if served.is_empty() {
                return;
            }
            for (waiter, found) in served {
                self.count(&found.shard);
                let resumes = matches!(waiter.want, Want::Resume { .. });
                let place = Place::new(self.clone(), found.shard, !resumes);
                let _ = waiter.answer.send(Grant { place, page: found.page });
            }
        }
    }

    /// A browser that has served enough retires.
    fn count(&self, shard: &Shard) {
        let logins = self.desk.lock().seats.get(&shard.id).map_or(0, |seat| seat.logins);
        if logins >= self.settings.recycle_after_logins {
            shard.retire(RecycleReason::Logins);
        }
    }

    /// A login is through, or gave up.
    pub fn release(self: &Arc<Self>, shard: ShardId, held: Option<u64>, leased: bool, lasted: Duration) {
        {
            let mut desk = self.desk.lock();
            if leased {
                desk.leased -= 1;
            }
            match held {
                Some(held) => {
                    desk.held.remove(&held);
                }
                None => desk.vacate(shard, lasted),
            }
        }
        self.serve();
        self.nudge.notify_one();
        self.changed.notify_waiters();
    }

    /// A login waits for a person now.
    pub fn hold(
        self: &Arc<Self>,
        shard: ShardId,
        until: Instant,
        core: Arc<PageCore>,
        lasted: Duration,
    ) -> u64 {
        let (number, evicted) = {
            let mut desk = self.desk.lock();
            desk.vacate(shard, lasted);
            let number = desk.next_held;
            desk.next_held += 1;
            desk.held.insert(number, Held { shard, until, core });
            let over = desk.held.len() > self.settings.held_limit;
            (number, over.then(|| desk.held.pop_first()).flatten())
        };
        if let Some((_, evicted)) = evicted {
            evicted.core.kill(&FarmError::Evicted);
            self.tell(FarmNews::Evicted);
        }
        self.serve();
        self.nudge.notify_one();
        self.changed.notify_waiters();
        number
    }

    /// A held login waits longer.
    pub fn hold_until(&self, held: u64, until: Instant) {
        if let Some(held) = self.desk.lock().held.get_mut(&held) {
            held.until = until;
        }
        self.nudge.notify_one();
    }

    /// A running place for a held login. The grant's own place is swallowed: the login has one.
    pub async fn resume(
        self: &Arc<Self>,
        shard: ShardId,
        held: u64,
        deadline: Instant,
    ) -> Result<(), FarmError> {
        let mut grant = self.place(None, Want::Resume { shard }, deadline).await?;
        self.desk.lock().held.remove(&held);
        grant.place.merge();
        Ok(())
    }
}
