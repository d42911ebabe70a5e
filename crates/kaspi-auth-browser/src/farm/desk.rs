//! What the farm knows at one moment: browsers and their places, warm pages, who waits, who is held. Changed under one
//! lock, never across an await; gives places out, and starts nothing.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use kaspi_auth_core::egress::{EgressId, Route};
use tokio::{sync::oneshot, time::Instant};

use super::queue::Queue;
use crate::{
    FarmError, ShardId,
    shard::{Page, PageCore, Shard},
};

/// What makes two routes the same.
pub type RouteKey = (EgressId, i64);

/// The key of a route.
pub fn key_of(route: &Route) -> RouteKey {
    (route.id, route.revision)
}

/// A browser in the farm.
pub struct Seat {
    pub shard: Arc<Shard>,
    /// How many logins may run.
    pub places: usize,
    pub running: usize,
    /// Pages that are being warmed.
    pub warming: usize,
    /// It takes no more logins.
    pub draining: bool,
    pub logins: u32,
    pub memory_mib: Option<u64>,
}

/// The warm pages of one way out.
pub struct Pool {
    pub route: Route,
    pub last_used: Instant,
    pub warm: Vec<Page>,
    /// Where pages are being warmed.
    pub warming: Vec<ShardId>,
    /// Logins that take the next page that gets warm on a shard.
    pub claims: HashMap<ShardId, VecDeque<oneshot::Sender<Page>>>,
    pub failures: u32,
    pub not_before: Option<Instant>,
}

impl Pool {
    pub fn new(route: Route, now: Instant) -> Self {
        Self {
            route,
            last_used: now,
            warm: Vec::new(),
            warming: Vec::new(),
            claims: HashMap::new(),
            failures: 0,
            not_before: None,
        }
    }

    fn claimable(&self, shard: ShardId) -> bool {
        let warming = self.warming.iter().filter(|there| **there == shard).count();
        warming > self.claims.get(&shard).map_or(0, |claims| claims.iter().filter(|c| !c.is_closed()).count())
    }
}

/// Who waits for a place.
pub struct Waiter {
    pub answer: oneshot::Sender<Grant>,
    pub want: Want,
}

/// What is waited for.
pub enum Want {
    /// A fresh context.
    Fresh { key: RouteKey, avoid: Option<ShardId>, local_only: bool },
    /// A running place for a held context.
    Resume { shard: ShardId },
}

/// A place for a login.
pub struct Grant {
    pub place: super::place::Place,
    pub page: Offer,
}

/// What a place comes with.
pub enum Offer {
    /// A warm page.
    Warm(Page),
    /// The page that gets warm next.
    Soon(oneshot::Receiver<Page>),
    /// Nothing.
    Nothing,
}

/// A context that waits for a person.
pub struct Held {
    pub shard: ShardId,
    pub until: Instant,
    pub core: Arc<PageCore>,
}

/// A place that was found.
pub struct Found {
    pub shard: Arc<Shard>,
    pub page: Offer,
}

/// All of it.
#[derive(Default)]
pub struct Desk {
    pub seats: BTreeMap<ShardId, Seat>,
    pub pools: HashMap<RouteKey, Pool>,
    pub queue: Queue<Waiter>,
    /// Held contexts that want to go on: ahead of new logins.
    pub resumes: VecDeque<Waiter>,
    /// By the order in which they were held.
    pub held: BTreeMap<u64, Held>,
    pub next_held: u64,
    /// Contexts that logins have, running or held.
    pub leased: usize,
    pub max_contexts: usize,
    pub warm_age: Duration,
    /// How long a login has its place, smoothed.
    pub usual: Option<Duration>,
    pub last_trouble: Option<String>,
    /// How often each browser failed to start in a row.
    pub failures: Vec<u32>,
    pub closed: bool,
    /// Counts the pages that were set; warm pages of older ones are of no use.
    pub epoch: u64,
}

impl Desk {
    /// How many contexts there are, or will be.
    pub fn contexts(&self) -> usize {
        let pools = self.pools.values();
        self.leased + pools.map(|pool| pool.warm.len() + pool.warming.len()).sum::<usize>()
    }

    /// Gives out what can be given.
    pub fn serve(&mut self) -> Vec<(Waiter, Found)> {
        let mut served = Vec::new();
        self.resumes.retain(|waiter| !waiter.answer.is_closed());
        self.queue.retain(|waiter| !waiter.answer.is_closed());
        let mut waiting = std::mem::take(&mut self.resumes);
        while let Some(waiter) = waiting.pop_front() {
            match self.find(&waiter.want) {
                Some(found) => served.push((waiter, found)),
                None => self.resumes.push_back(waiter),
            }
        }
        let mut queue = std::mem::take(&mut self.queue);
        while let Some(next) = queue.serve(|waiter| self.find(&waiter.want)) {
            served.push(next);
        }
        self.queue = queue;
        served
    }

    fn find(&mut self, want: &Want) -> Option<Found> {
        match want {
            Want::Resume { shard } => {
                let seat = self.seats.get_mut(shard)?;
                (seat.running < seat.places).then(|| {
                    seat.running += 1;
                    Found { shard: seat.shard.clone(), page: Offer::Nothing }
                })
            }
            Want::Fresh { key, avoid, local_only } => self.find_fresh(*key, *avoid, *local_only),
        }
    }

    fn find_fresh(&mut self, key: RouteKey, avoid: Option<ShardId>, local_only: bool) -> Option<Found> {
        let now = Instant::now();
        let age = self.warm_age;
        if let Some(pool) = self.pools.get_mut(&key) {
            pool.warm.retain(|page| page.core.fate().is_none() && now - page.ready_at < age);
        }
        let pool = self.pools.get(&key);
        // A browser that just died stands here until its replacement is on the way: it has no place to give.
        let fit = |seat: &&Seat| {
            !seat.draining
                && seat.shard.connection.fate().is_none()
                && (!local_only || seat.shard.kind == "local")
        };
        let others = self.seats.values().filter(fit).any(|seat| Some(seat.shard.id) != avoid);
        let free = self
            .seats
            .values()
            .filter(fit)
            .filter(|seat| seat.running < seat.places && (!others || Some(seat.shard.id) != avoid));
        // A warm page before one that gets warm, before the emptiest.
        let best = free.max_by_key(|seat| {
            let id = seat.shard.id;
            let warm = pool.is_some_and(|pool| pool.warm.iter().any(|page| page.core.shard.id == id));
            let soon = pool.is_some_and(|pool| pool.claimable(id));
            (warm, soon, seat.places - seat.running)
        })?;
        let shard = best.shard.clone();
        let page = self.offer(key, shard.id)?;
        let seat = self.seats.get_mut(&shard.id)?;
        seat.running += 1;
        seat.logins += 1;
        self.leased += 1;
        if let Some(pool) = self.pools.get_mut(&key) {
            pool.last_used = now;
        }
        Some(Found { shard, page })
    }

    /// `None` when there is no page and no room for one.
    fn offer(&mut self, key: RouteKey, shard: ShardId) -> Option<Offer> {
        if let Some(pool) = self.pools.get_mut(&key) {
            // The oldest, so that none grows old in vain.
            if let Some(index) = pool.warm.iter().position(|page| page.core.shard.id == shard) {
                return Some(Offer::Warm(pool.warm.remove(index)));
            }
            if pool.claimable(shard) {
                let (claim, page) = oneshot::channel();
                pool.claims.entry(shard).or_default().push_back(claim);
                return Some(Offer::Soon(page));
            }
        }
        (self.contexts() < self.max_contexts || self.make_room(key)).then_some(Offer::Nothing)
    }

    /// Closes a warm page of another way out, the one that was used longest ago.
    fn make_room(&mut self, key: RouteKey) -> bool {
        let others = self.pools.iter_mut().filter(|(other, pool)| **other != key && !pool.warm.is_empty());
        let Some((_, pool)) = others.min_by_key(|(_, pool)| pool.last_used) else {
            let Some(pool) = self.pools.get_mut(&key).filter(|pool| !pool.warm.is_empty()) else {
                return false;
            };
            pool.warm.remove(0);
            return true;
        };
        pool.warm.remove(0);
        true
    }

    /// A page got warm, or did not.
    pub fn warmed(&mut self, key: RouteKey, shard: ShardId, epoch: u64, page: Option<Page>) {
        if let Some(seat) = self.seats.get_mut(&shard) {
            seat.warming -= 1;
        }
        let Some(pool) = self.pools.get_mut(&key) else { return };
        if let Some(index) = pool.warming.iter().position(|there| *there == shard) {
            pool.warming.swap_remove(index);
        }
        let claims = pool.claims.entry(shard).or_default();
        let mut page = page.filter(|page| epoch == self.epoch && page.core.fate().is_none());
        while let Some(ready) = page.take() {
            let Some(claim) = claims.pop_front() else {
                page = Some(ready);
                break;
            };
            page = claim.send(ready).err();
        }
        // Whoever counted on a page that does not come makes one.
        let expected = pool.warming.iter().filter(|there| **there == shard).count();
        claims.retain(|claim| !claim.is_closed());
        claims.truncate(expected);
        if claims.is_empty() {
            pool.claims.remove(&shard);
        }
        if let Some(page) = page
            && self.seats.get(&shard).is_some_and(|seat| !seat.draining)
        {
            pool.warm.push(page);
        }
    }

    /// A running place is free again.
    pub fn vacate(&mut self, shard: ShardId, lasted: Duration) {
        self.usual = Some(self.usual.map_or(lasted, |usual| (usual * 7 + lasted) / 8));
        if let Some(seat) = self.seats.get_mut(&shard) {
            seat.running -= 1;
        }
    }

    /// A browser is gone: what was in it is too.
    pub fn leave(&mut self, shard: ShardId) {
        self.seats.remove(&shard);
        self.cool(shard);
        self.held.retain(|_, held| held.shard != shard);
    }

    /// Closes the warm pages of a browser.
    pub fn cool(&mut self, shard: ShardId) {
        for pool in self.pools.values_mut() {
            pool.warm.retain(|page| page.core.shard.id != shard);
            pool.claims.remove(&shard);
        }
    }

    /// How many wait.
    pub fn queued(&self) -> usize {
        self.queue.len() + self.resumes.len()
    }

    /// When a place may be free for one who finds the queue full.
    pub fn retry_after(&self) -> Duration {
        let places = self.seats.values().map(|seat| seat.places).sum::<usize>().max(1);
        let usual = self.usual.unwrap_or(Duration::from_secs(2));
        let rounds = u32::try_from(self.queued() / places + 1).unwrap_or(u32::MAX);
        usual.saturating_mul(rounds).clamp(Duration::from_secs(1), Duration::from_mins(1))
    }

    /// Why there is no browser, when none is and none is likely to come soon.
    pub fn hopeless(&self) -> Option<FarmError> {
        let none = self.seats.is_empty() && self.failures.iter().all(|failures| *failures >= 3);
        none.then(|| self.no_shard())
    }

    /// That none is up, with the last trouble.
    pub fn no_shard(&self) -> FarmError {
        let none = || "none is configured or has come up yet".to_owned();
        FarmError::NoShard { last: self.last_trouble.clone().unwrap_or_else(none) }
    }
}
