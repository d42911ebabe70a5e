//! Accounts while the sandbox runs: what changes about them, and where they are found.
//! It must not answer requests.

use super::{
    identity,
    merchant::MerchantSpec,
    spec::{AccountSpec, Behaviour},
};
use crate::{
    clock::{Millis, seconds},
    session::CabinetSession,
};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

const SHARDS: usize = 16;
/// Remembered devices and open sessions that are kept track of for one account.
const KEPT: usize = 256;

/// An account with its state.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) spec: AccountSpec,
    pub(crate) state: Mutex<AccountState>,
    pub(crate) tally: AccountTally,
}

/// What changes about an account.
#[derive(Debug, Default)]
pub(crate) struct AccountState {
    pub(crate) wrong_passwords: u32,
    pub(crate) locked_until: Option<Millis>,
    /// When codes were sent, within the flood window.
    pub(crate) sent: VecDeque<Millis>,
    devices: VecDeque<(String, Millis)>,
    pub(crate) price_pushes: VecDeque<Millis>,
    pub(crate) price_blocked_until: Option<Millis>,
    sessions: VecDeque<Weak<CabinetSession>>,
}

/// Counts of one account.
#[derive(Debug, Default)]
pub(crate) struct AccountTally {
    pub(crate) passwords: AtomicU64,
    pub(crate) wrong_passwords: AtomicU64,
    pub(crate) codes_sent: AtomicU64,
    pub(crate) logins: AtomicU64,
    pub(crate) sessions: AtomicU64,
}

/// Counts of one account since it was added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCounters {
    /// Passwords received for it, right or wrong.
    pub passwords: u64,
    /// Wrong ones among them.
    pub wrong_passwords: u64,
    /// Codes sent to it.
    pub codes_sent: u64,
    /// Logins completed by password, code or choice.
    pub logins: u64,
    /// Cabinet sessions opened, silent ones among them.
    pub sessions: u64,
}

impl Account {
    fn new(spec: AccountSpec) -> Self {
        Self { spec, state: Mutex::default(), tally: AccountTally::default() }
    }

    /// Whether this is the account's password; never where every one is wrong.
    pub(crate) fn password_is(&self, password: &str) -> bool {
        self.spec.behaviour != Behaviour::WrongPassword && self.spec.password == password
    }

    /// The counts so far.
    pub(crate) fn counters(&self) -> AccountCounters {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        AccountCounters {
            passwords: read(&self.tally.passwords),
            wrong_passwords: read(&self.tally.wrong_passwords),
            codes_sent: read(&self.tally.codes_sent),
            logins: read(&self.tally.logins),
            sessions: read(&self.tally.sessions),
        }
    }

    /// Remembers a device until a time.
    pub(crate) fn remember_device(&self, device: String, until: Millis) {
        let mut state = self.state.lock();
        state.devices.push_back((device, until));
        if state.devices.len() > KEPT {
            state.devices.pop_front();
        }
    }

    /// Whether a device is remembered.
    pub(crate) fn knows_device(&self, device: &str, now: Millis) -> bool {
        self.state.lock().devices.iter().any(|(known, until)| known == device && now < *until)
    }

    /// Forgets every device.
    pub(crate) fn forget_devices(&self) {
        self.state.lock().devices.clear();
    }

    /// Keeps track of a session, and ends the others first where asked.
    pub(crate) fn add_session(&self, session: &Arc<CabinetSession>, end_others: bool) {
        let mut state = self.state.lock();
        if end_others {
            state
                .sessions
                .drain(..)
                .filter_map(|session| session.upgrade())
                .for_each(|session| session.end());
        }
        state.sessions.retain(|session| session.strong_count() > 0);
        state.sessions.push_back(Arc::downgrade(session));
        if state.sessions.len() > KEPT {
            state.sessions.pop_front();
        }
    }

    /// Ends every session of the account.
    pub(crate) fn end_sessions(&self) {
        let sessions = std::mem::take(&mut self.state.lock().sessions);
        sessions.iter().filter_map(Weak::upgrade).for_each(|session| session.end());
    }
}

impl AccountState {
    /// Seconds until another code may be sent; `None` when it may be now, and then it counts as sent.
    pub(crate) fn flooded(&mut self, now: Millis, knobs: &crate::knobs::CodeKnobs) -> Option<u64> {
        let window = seconds(knobs.send_window_seconds);
        self.sent.retain(|at| at.saturating_add(window) > now);
        let after_last = self.sent.back().map(|last| last.saturating_add(seconds(knobs.resend_seconds)));
        let full = self.sent.len() >= usize::try_from(knobs.sends).unwrap_or(usize::MAX);
        let after_window = if full {
            Some(self.sent.front().map_or(now, |first| *first).saturating_add(window))
        } else {
            None
        };
        let allowed = after_last.max(after_window).unwrap_or(now);
        if allowed > now {
            return Some((allowed - now).div_ceil(1_000));
        }
        self.sent.push_back(now);
        None
    }
}

/// Who signed in, and to which of the account's merchants.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) account: Arc<Account>,
    /// The merchant chosen during the login; all of the account's without.
    pub(crate) chosen: Option<String>,
}

impl Grant {
    /// The same person with no merchant at all.
    pub(crate) fn emptied(self) -> Self {
        Self { chosen: Some(String::new()), ..self }
    }

    /// The merchants that it opens.
    pub(crate) fn merchants(&self) -> impl Iterator<Item = &MerchantSpec> {
        let chosen = self.chosen.as_deref();
        self.account
            .spec
            .merchants
            .iter()
            .filter(move |merchant| chosen.is_none_or(|uid| uid == merchant.uid))
    }

    /// One of them.
    pub(crate) fn merchant(&self, uid: &str) -> Option<&MerchantSpec> {
        self.merchants().find(|merchant| merchant.uid == uid)
    }

    /// Whether it opens a merchant; `None` stands for any.
    pub(crate) fn opens(&self, uid: Option<&str>) -> bool {
        uid.is_none_or(|uid| self.merchant(uid).is_some())
    }
}

type ById = HashMap<String, Arc<Account>>;

/// All accounts, by e-mail and by phone.
#[derive(Debug)]
pub(crate) struct Accounts {
    shards: Box<[RwLock<ById>]>,
    hasher: RandomState,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), hasher: RandomState::new() }
    }
}

impl Accounts {
    #[expect(clippy::cast_possible_truncation, reason = "any part of the hash will do")]
    fn shard(&self, key: &str) -> &RwLock<ById> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    /// Adds an account, in place of those that had its e-mail or phone, which are returned.
    pub(crate) fn add(&self, spec: AccountSpec) -> Vec<Arc<Account>> {
        let keys: Vec<String> =
            [&spec.email, &spec.phone].into_iter().flatten().map(|id| identity(id)).collect();
        let account = Arc::new(Account::new(spec));
        keys.into_iter()
            .filter_map(|key| self.shard(&key).write().insert(key.clone(), Arc::clone(&account)))
            .collect()
    }

    /// The account of an e-mail or a phone, however written.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Account>> {
        let key = identity(id);
        self.shard(&key).read().get(&key).cloned()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.shards.iter().for_each(|shard| shard.write().clear());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knobs::CodeKnobs;

    #[test]
    fn codes_flood_when_the_window_is_full() {
        let knobs = CodeKnobs { sends: 2, send_window_seconds: 60, ..CodeKnobs::default() };
        let mut state = AccountState::default();
        assert_eq!(state.flooded(1_000, &knobs), None);
        assert_eq!(state.flooded(2_000, &knobs), None);
        assert_eq!(state.flooded(3_000, &knobs), Some(58));
        assert_eq!(state.flooded(61_000, &knobs), None);
    }

    #[test]
    fn two_codes_keep_their_distance_where_asked() {
        let knobs = CodeKnobs { resend_seconds: 30, ..CodeKnobs::default() };
        let mut state = AccountState::default();
        assert_eq!(state.flooded(0, &knobs), None);
        assert_eq!(state.flooded(1_500, &knobs), Some(29));
        assert_eq!(state.flooded(30_000, &knobs), None);
    }
}
