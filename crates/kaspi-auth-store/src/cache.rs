//! Sessions and API keys in memory, and why a stale one is never served.
//!
//! Each entry carries the stamp of the moment *before* its row was read. Every change moves the stamp after its commit and
//! before its caller hears of it. An entry counts only while its stamp is the present one: a reader that was overtaken by a
//! write puts in an entry that is dead already. A caller that gives up in the middle of a commit moves no stamp; its change is
//! heard of like another process's. Nothing is kept of what is not there. While changes of others cannot be
//! heard of, nothing is put in and nothing served.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kaspi_auth_core::api_key::HeldApiKey;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::session::Session;
use kaspi_auth_core::tenant::Tenant;
use moka::sync::Cache as Moka;

use crate::changes::Change;
use crate::stores::SessionRow;
use crate::values::{UserColumn, UserParam};

/// Stores share stamps by hash: a change of one costs its neighbours a read, nothing else.
const STRIPES: usize = 1024;
/// How long an opened session stays opened; sealed it may stay for as long as there is room.
const OPENED_FOR: Duration = Duration::from_secs(30);
/// Keys that are kept; there are few.
const KEYS: u64 = 10_000;
/// Of an entry, beside its texts.
const OVERHEAD: usize = 256;
/// Of an opened cookie, beside its texts: allocations and the struct.
const COOKIE_OVERHEAD: usize = 200;

/// The moment before a row was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

/// The sealed row of a session.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) row: SessionRow,
    stamp: Stamp,
}

/// An opened session, with what decides who may see it.
#[derive(Debug)]
pub(crate) struct Opened {
    session: Session,
    holder: Option<UserParam>,
    stamp: Stamp,
}

/// An API key.
#[derive(Debug)]
struct Key {
    held: HeldApiKey,
    stamp: Stamp,
}

/// What is kept in memory.
#[derive(Debug)]
pub(crate) struct Cache {
    serving: AtomicBool,
    /// Moves with a change of anything.
    everything: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    keys_changed: AtomicU64,
    stripes: Vec<AtomicU64>,
    hasher: RandomState,
    sealed: Moka<MerchantUid, Arc<Sealed>>,
    opened: Moka<MerchantUid, Arc<Opened>>,
    keys: Moka<String, Arc<Key>>,
}

impl Cache {
    /// Three quarters of `bytes` for sealed sessions, one for opened ones. Serves nothing until [`serve`](Self::serve).
    pub(crate) fn new(bytes: u64) -> Self {
        Self::opening_for(OPENED_FOR, bytes)
    }

    fn opening_for(opened_for: Duration, bytes: u64) -> Self {
        Self {
            serving: AtomicBool::new(false),
            everything: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            keys_changed: AtomicU64::new(0),
            stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            sealed: Moka::builder()
                .max_capacity(bytes / 4 * 3)
                .weigher(|_, entry: &Arc<Sealed>| weight(OVERHEAD + entry.row.size()))
                .build(),
            opened: Moka::builder()
                .max_capacity(bytes / 4)
                .time_to_live(opened_for)
                .weigher(|_, entry: &Arc<Opened>| weight(OVERHEAD + size(&entry.session)))
                .build(),
            keys: Moka::new(KEYS),
        }
    }

    /// The stamp to take before a store is read; `None` while nothing may be kept.
    pub(crate) fn stamp(&self, uid: &MerchantUid) -> Option<Stamp> {
        // Both counters only rise, so their sum is the same only if both are.
        let now =
            || Stamp(self.stripe(uid).load(Ordering::Acquire) + self.everything.load(Ordering::Acquire));
        self.serving.load(Ordering::Acquire).then(now)
    }

    /// The opened session, if it is there.
    pub(crate) fn opened(&self, uid: &MerchantUid, stamp: Stamp) -> Option<Arc<Opened>> {
        self.opened.get(uid).filter(|entry| entry.stamp == stamp)
    }

    /// The sealed row, if it is there.
    pub(crate) fn sealed(&self, uid: &MerchantUid, stamp: Stamp) -> Option<Arc<Sealed>> {
        self.sealed.get(uid).filter(|entry| entry.stamp == stamp)
    }

    /// Lets go of what was opened for long enough. By itself that happens only while sessions are asked for.
    pub(crate) fn tidy(&self) {
        self.opened.run_pending_tasks();
    }

    /// Notes whether a session was served from memory.
    pub(crate) fn count(&self, hit: bool) {
        if hit { &self.hits } else { &self.misses }.fetch_add(1, Ordering::Relaxed);
    }

    /// How many sessions were served from memory, and how many were not.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// Keeps a row that was read after `stamp` was taken.
    pub(crate) fn keep_sealed(&self, uid: &MerchantUid, row: SessionRow, stamp: Stamp) {
        self.sealed.insert(uid.clone(), Arc::new(Sealed { row, stamp }));
    }

    /// Keeps an opened session that was read after `stamp` was taken.
    pub(crate) fn keep_opened(&self, session: Session, holder: Option<UserParam>, stamp: Stamp) {
        self.opened.insert(session.merchant_uid.clone(), Arc::new(Opened { session, holder, stamp }));
    }

    /// The stamp to take before an API key is read.
    pub(crate) fn key_stamp(&self) -> Option<Stamp> {
        let now =
            || Stamp(self.keys_changed.load(Ordering::Acquire) + self.everything.load(Ordering::Acquire));
        self.serving.load(Ordering::Acquire).then(now)
    }

    /// The API key, if it is there.
    pub(crate) fn key(&self, id: &str, stamp: Stamp) -> Option<HeldApiKey> {
        self.keys.get(id).filter(|entry| entry.stamp == stamp).map(|entry| entry.held.clone())
    }

    /// Keeps an API key that was read after `stamp` was taken.
    pub(crate) fn keep_key(&self, held: HeldApiKey, stamp: Stamp) {
        self.keys.insert(held.key.id.clone(), Arc::new(Key { held, stamp }));
    }

    /// Forgets one API key, whose use was noted. Nobody else must know of that.
    pub(crate) fn forget_key(&self, id: &str) {
        self.keys.invalidate(id);
    }

    /// Forgets what the change is about. To be called after its commit and before anybody is told.
    pub(crate) fn forget(&self, change: &Change) {
        match change {
            Change::Store(uid) => {
                self.stripe(uid).fetch_add(1, Ordering::AcqRel);
                self.opened.invalidate(uid);
                self.sealed.invalidate(uid);
            }
            Change::ApiKeys => {
                self.keys_changed.fetch_add(1, Ordering::AcqRel);
            }
            Change::Everything => self.forget_everything(),
            Change::Login(_) => {}
        }
    }

    /// From now on nothing is kept or served.
    pub(crate) fn bypass(&self) {
        self.serving.store(false, Ordering::Release);
        self.forget_everything();
    }

    /// From now on changes are heard of. What was read before counts for nothing.
    pub(crate) fn serve(&self) {
        self.forget_everything();
        self.serving.store(true, Ordering::Release);
    }

    fn forget_everything(&self) {
        self.everything.fetch_add(1, Ordering::AcqRel);
        self.opened.invalidate_all();
        self.sealed.invalidate_all();
        self.keys.invalidate_all();
    }

    fn stripe(&self, uid: &MerchantUid) -> &AtomicU64 {
        let hash = self.hasher.hash_one(uid);
        // The remainder is below STRIPES and so fits any usize.
        &self.stripes[usize::try_from(hash % STRIPES as u64).unwrap_or(0)]
    }
}

impl Opened {
    /// The session, if the tenant sees it.
    pub(crate) fn session(&self, tenant: &Tenant, users: UserColumn) -> Option<Session> {
        sees(tenant, users, self.holder.as_ref()).then(|| self.session.clone())
    }
}

impl Sealed {
    /// Whether the tenant sees it.
    pub(crate) fn is_seen(&self, tenant: &Tenant, users: UserColumn) -> bool {
        sees(tenant, users, self.row.holder(users).as_ref())
    }
}

fn sees(tenant: &Tenant, users: UserColumn, holder: Option<&UserParam>) -> bool {
    match tenant {
        Tenant::All => true,
        Tenant::User(user) => holder.is_some() && users.find(user).as_ref() == holder,
    }
}

fn size(session: &Session) -> usize {
    use secrecy::ExposeSecret as _;
    let text = |cookie: &kaspi_auth_core::session::Cookie| {
        cookie.name.len() + cookie.value.expose_secret().len() + cookie.domain.len() + cookie.path.len()
    };
    session.cookies.iter().map(|cookie| text(cookie) + COOKIE_OVERHEAD).sum()
}

fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use kaspi_auth_core::session::Validity;

    use super::*;

    #[test]
    fn an_opened_session_does_not_stay_in_memory_because_nobody_asks_for_it() {
        let cache = Cache::opening_for(Duration::from_millis(1), 1 << 20);
        cache.serve();
        let uid = MerchantUid::parse("17").unwrap();
        let session = Session {
            merchant_uid: uid.clone(),
            generation: 1,
            cookies: Vec::new(),
            method: None,
            authenticated_at: None,
            validity: Validity::Alive,
            checked_at: None,
            needs_reauth: false,
            egress: None,
        };
        let opened = Arc::new(Opened { session, holder: None, stamp: cache.stamp(&uid).unwrap() });
        let held = Arc::downgrade(&opened);
        cache.opened.insert(uid, opened);
        for _ in 0..10_000 {
            cache.tidy();
            if held.upgrade().is_none() {
                return;
            }
            std::thread::yield_now();
        }
        panic!("it is still there");
    }
}
