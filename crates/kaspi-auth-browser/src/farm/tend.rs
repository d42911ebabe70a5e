//! Keeps pages warm, renews those that grow old, and ends what is held too long. Works below the logins: what they need
//! comes first.

use std::{sync::Arc, time::Duration};

use kaspi_auth_core::egress::EgressId;
use tokio::time::Instant;

use super::{
    desk::{Desk, RouteKey, key_of},
    inner::Inner,
};
use crate::{
    FarmError, FarmNews, ShardId,
    shard::{Page, Shard},
};

/// A way out that nobody used for as long is no longer kept warm.
const UNUSED: Duration = Duration::from_mins(10);
/// The pause after the first failure to warm a page, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_mins(1));
/// It looks at least as often.
const LOOK: Duration = Duration::from_secs(5);

/// A page to warm.
struct Task {
    key: RouteKey,
    shard: Arc<Shard>,
    epoch: u64,
}

/// Tends the farm until it stops.
pub async fn tend(inner: Arc<Inner>) {
    loop {
        let next = inner.look();
        inner.changed.notify_waiters();
        tokio::select! {
            () = inner.nudge.notified() => {}
            () = tokio::time::sleep_until(next) => {}
            () = inner.stopping.cancelled() => return,
        }
    }
}

impl Inner {
    /// Does what is to be done now, and says when to look again.
    fn look(self: &Arc<Self>) -> Instant {
        let now = Instant::now();
        let (tasks, expired, next) = {
            let mut desk = self.desk.lock();
            let expired = desk.expire(now);
            desk.forget_unused(now);
            desk.throw_away(now);
            let tasks = if desk.closed { Vec::new() } else { desk.lacking(self.settings.min_warm, now) };
            (tasks, expired, desk.next_look(now))
        };
        for core in expired {
            core.kill(&FarmError::Expired);
            self.tell(FarmNews::Expired);
        }
        for task in tasks {
            self.tasks.spawn(self.clone().warm(task));
        }
        next
    }

    async fn warm(self: Arc<Self>, task: Task) {
        let shard = task.shard.id;
        let page = tokio::select! {
            page = self.prepare(&task) => page,
            () = self.stopping.cancelled() => Err(FarmError::Stopped),
        };
        let failure = page.as_ref().err().cloned();
        {
            let mut desk = self.desk.lock();
            desk.warmed(task.key, shard, task.epoch, page.ok());
            if let Some(pool) = desk.pools.get_mut(&task.key) {
                // A browser that died says nothing about the page.
                let failed = failure.as_ref().is_some_and(|failure| !failure.is_lost());
                pool.failures = if failed { pool.failures + 1 } else { 0 };
                pool.not_before = failed.then(|| Instant::now() + backed_off(pool.failures));
            }
        }
        if let Some(failure) = failure.filter(|failure| *failure != FarmError::Stopped) {
            self.tell(FarmNews::WarmingFailed { shard, what: failure.to_string() });
        }
        self.serve();
        self.nudge.notify_one();
    }

    async fn prepare(&self, task: &Task) -> Result<Page, FarmError> {
        let route = self.desk.lock().pools.get(&task.key).map(|pool| pool.route.clone());
        let Some(route) = route else { return Err(FarmError::Stopped) };
        let setup = self.setup.lock().clone();
        Page::prepare(&task.shard, self.door(&route).await?, setup).await
    }
}

impl Desk {
    fn expire(&mut self, now: Instant) -> Vec<Arc<crate::shard::PageCore>> {
        let over: Vec<u64> =
            self.held.iter().filter(|(_, held)| held.until <= now).map(|(key, _)| *key).collect();
        over.into_iter().filter_map(|key| self.held.remove(&key)).map(|held| held.core).collect()
    }

    fn forget_unused(&mut self, now: Instant) {
        self.pools.retain(|key, pool| {
            key.0 == EgressId::DIRECT || !pool.warming.is_empty() || now - pool.last_used < UNUSED
        });
    }

    /// Closes warm pages that died or are too old.
    fn throw_away(&mut self, now: Instant) {
        let age = self.warm_age;
        for pool in self.pools.values_mut() {
            pool.warm.retain(|page| page.core.fate().is_none() && now - page.ready_at < age);
        }
    }

    /// The pages to warm now. One that is about to be too old is renewed while it still serves.
    fn lacking(&mut self, min_warm: usize, now: Instant) -> Vec<Task> {
        let places: usize = self.seats.values().filter(|seat| !seat.draining).map(|seat| seat.places).sum();
        let running: usize = self.seats.values().map(|seat| seat.running).sum();
        let mut warming: usize = self.seats.values().map(|seat| seat.warming).sum();
        let at_once = places.saturating_sub(running).max(1);
        let mut tasks = Vec::new();
        let keys: Vec<RouteKey> = self.pools.keys().copied().collect();
        // The way that has the fewest comes first.
        while warming < at_once {
            let wanting = keys.iter().filter_map(|key| Some((self.wanted(*key, min_warm, now)?, *key)));
            let Some((_, key)) = wanting.max() else { break };
            if self.contexts() >= self.max_contexts {
                break;
            }
            let Some(shard) = self.coolest(key) else { break };
            let Some(pool) = self.pools.get_mut(&key) else { break };
            pool.warming.push(shard);
            let Some(seat) = self.seats.get_mut(&shard) else { break };
            seat.warming += 1;
            warming += 1;
            tasks.push(Task { key, shard: seat.shard.clone(), epoch: self.epoch });
        }
        tasks
    }

    /// How many pages a way out lacks; `None` when none, or when it is not time yet.
    fn wanted(&self, key: RouteKey, min_warm: usize, now: Instant) -> Option<usize> {
        let pool = self.pools.get(&key)?;
        if pool.not_before.is_some_and(|not_before| now < not_before) {
            return None;
        }
        let fresh = pool.warm.iter().filter(|page| now - page.ready_at < self.warm_age * 3 / 4).count();
        let count = min_warm.saturating_sub(fresh + pool.warming.len());
        (count > 0).then_some(count)
    }

    /// The browser with the fewest warm pages of a way out.
    fn coolest(&self, key: RouteKey) -> Option<ShardId> {
        let pool = self.pools.get(&key)?;
        let local_only = crate::shard::Door::needs_relay(&pool.route);
        let fit =
            self.seats.values().filter(|seat| !seat.draining && (!local_only || seat.shard.kind == "local"));
        let warm = |shard: ShardId| {
            let warm = pool.warm.iter().filter(|page| page.core.shard.id == shard).count();
            warm + pool.warming.iter().filter(|there| **there == shard).count()
        };
        fit.min_by_key(|seat| (warm(seat.shard.id), seat.running)).map(|seat| seat.shard.id)
    }

    fn next_look(&self, now: Instant) -> Instant {
        let pages = self.pools.values().flat_map(|pool| &pool.warm);
        let ages =
            pages.flat_map(|page| [page.ready_at + self.warm_age * 3 / 4, page.ready_at + self.warm_age]);
        let held = self.held.values().map(|held| held.until);
        let failed = self.pools.values().filter_map(|pool| pool.not_before);
        let times = ages.chain(held).chain(failed).filter(|time| *time > now);
        times.min().unwrap_or(now + LOOK).min(now + LOOK)
    }

    /// A warm page for each way out that is to have some.
    pub fn is_warm(&self, min_warm: usize) -> bool {
        !self.seats.is_empty()
            && self.pools.values().all(|pool| {
                let ready = pool.warm.iter().filter(|page| page.core.fate().is_none()).count();
                ready >= min_warm || key_of(&pool.route).0 != EgressId::DIRECT && pool.failures > 0
            })
    }
}

fn backed_off(failures: u32) -> Duration {
    PAUSES.0.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(PAUSES.1)
}
