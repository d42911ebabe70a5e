//! Counting what clients did: it proves what was and was not sent.
//! It must stay bounded and cheap: atomics and short locks only.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
};

/// Paths counted one by one; later ones count together as `(other)`.
const PATHS: usize = 1_000;
/// Methods counted for one path.
const METHODS: usize = 32;
/// Longer paths count as `(other)`.
const PATH_LENGTH: usize = 200;

/// What happened since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Logins completed by password, code or choice.
    pub logins: u64,
    /// Passwords received, right or wrong.
    pub passwords: u64,
    /// Wrong passwords and unknown e-mails.
    pub wrong_passwords: u64,
    /// Codes sent.
    pub codes_sent: CodesSent,
    /// Codes received that did not fit.
    pub wrong_codes: u64,
    /// Authorization codes given out to a live single sign-on.
    pub authorizations: u64,
    /// Cabinet sessions opened.
    pub sessions: u64,
    /// Faults that were played.
    pub faults: u64,
    /// Cabinet calls that carried `x-auth-version`, and those that did not.
    pub auth_version: AuthVersion,
    /// Requests by `METHOD role path`, e.g. `POST login /api/p/login`; the roles are `site`, `login`, `cabinet`, `own` and
    /// `metrics`.
    pub calls: BTreeMap<String, u64>,
    /// GraphQL requests by operation.
    pub operations: BTreeMap<String, u64>,
    /// Pages served, by kind: `login`, `login_changed`, `fixture`, `captcha`, `cabinet`, `start`, `inbox`.
    pub pages: BTreeMap<String, u64>,
    /// What the heavy login page loaded, by kind: `style`, `script`, `json`, `image`, `font`, `media`, `tracker`.
    pub loads: BTreeMap<String, u64>,
}

/// Codes sent, by channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodesSent {
    /// By mail.
    pub email: u64,
    /// By SMS.
    pub sms: u64,
}

/// Cabinet calls with and without `x-auth-version` (CONTRACT 4, 8.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthVersion {
    /// With the header.
    pub present: u64,
    /// Without.
    pub absent: u64,
}

impl Counters {
    /// How often a path was requested; `role` is `site`, `login`, `cabinet`, `own` or `metrics`.
    pub fn calls_to(&self, method: &str, role: &str, path: &str) -> u64 {
        self.calls.get(&format!("{method} {role} {path}")).copied().unwrap_or_default()
    }

    /// How often pages of a kind were served.
    pub fn page_views(&self, kind: &str) -> u64 {
        self.pages.get(kind).copied().unwrap_or_default()
    }

    /// How many things of a kind the heavy login page loaded.
    pub fn loaded(&self, kind: &str) -> u64 {
        self.loads.get(kind).copied().unwrap_or_default()
    }
}

/// The live counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) logins: AtomicU64,
    pub(crate) passwords: AtomicU64,
    pub(crate) wrong_passwords: AtomicU64,
    pub(crate) mailed_codes: AtomicU64,
    pub(crate) sms_codes: AtomicU64,
    pub(crate) wrong_codes: AtomicU64,
    pub(crate) authorizations: AtomicU64,
    pub(crate) sessions: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) with_auth_version: AtomicU64,
    pub(crate) without_auth_version: AtomicU64,
    calls: [Mutex<ByPath>; ROLES.len()],
    operations: Mutex<HashMap<String, u64>>,
    pages: Mutex<ByKind>,
    loads: Mutex<ByKind>,
}

type ByPath = HashMap<String, Vec<(http::Method, u64)>>;
type ByKind = BTreeMap<&'static str, u64>;

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

const ROLES: [&str; 5] = ["site", "login", "cabinet", "own", "metrics"];

impl Tally {
    /// Counts a request.
    pub(crate) fn call(&self, method: &http::Method, role: crate::host::Role, path: &str) {
        let mut paths = self.calls[role as usize].lock();
        let path = if path.len() > PATH_LENGTH { "(other)" } else { path };
        if let Some(methods) = paths.get_mut(path) {
            return add(methods, method);
        }
        let path = if paths.len() < PATHS { path } else { "(other)" };
        add(paths.entry(path.to_owned()).or_default(), method);
    }

    /// Counts a GraphQL operation.
    pub(crate) fn operation(&self, name: &str) {
        let mut operations = self.operations.lock();
        if let Some(count) = operations.get_mut(name) {
            *count += 1;
        } else {
            let known = operations.len() < PATHS && name.len() <= PATH_LENGTH;
            *operations.entry(if known { name } else { "(other)" }.to_owned()).or_default() += 1;
        }
    }

    /// Counts a page that was served.
    pub(crate) fn page(&self, kind: &'static str) {
        *self.pages.lock().entry(kind).or_default() += 1;
    }

    /// Counts something that a page loaded.
    pub(crate) fn load(&self, kind: &'static str) {
        *self.loads.lock().entry(kind).or_default() += 1;
    }

    /// A copy of all counts.
    pub(crate) fn read(&self) -> Counters {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let kinds = |counts: &Mutex<ByKind>| {
            counts.lock().iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
        };
        let mut calls = BTreeMap::new();
        for (role, paths) in ROLES.iter().zip(&self.calls) {
            for (path, methods) in paths.lock().iter() {
                for (method, count) in methods {
                    calls.insert(format!("{method} {role} {path}"), *count);
                }
            }
        }
        Counters {
            logins: read(&self.logins),
            passwords: read(&self.passwords),
            wrong_passwords: read(&self.wrong_passwords),
            codes_sent: CodesSent { email: read(&self.mailed_codes), sms: read(&self.sms_codes) },
            wrong_codes: read(&self.wrong_codes),
            authorizations: read(&self.authorizations),
            sessions: read(&self.sessions),
            faults: read(&self.faults),
            auth_version: AuthVersion {
                present: read(&self.with_auth_version),
                absent: read(&self.without_auth_version),
            },
            calls,
            operations: self.operations.lock().iter().map(|(name, count)| (name.clone(), *count)).collect(),
            pages: kinds(&self.pages),
            loads: kinds(&self.loads),
        }
    }

    /// Back to nothing.
    pub(crate) fn reset(&self) {
        for counter in [
            &self.logins,
            &self.passwords,
            &self.wrong_passwords,
            &self.mailed_codes,
            &self.sms_codes,
            &self.wrong_codes,
            &self.authorizations,
            &self.sessions,
            &self.faults,
            &self.with_auth_version,
            &self.without_auth_version,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.calls.iter().for_each(|paths| paths.lock().clear());
        self.operations.lock().clear();
        self.pages.lock().clear();
        self.loads.lock().clear();
    }
}

fn add(methods: &mut Vec<(http::Method, u64)>, method: &http::Method) {
    if let Some((_, count)) = methods.iter_mut().find(|(known, _)| known == method) {
        *count += 1;
    } else if methods.len() < METHODS {
        methods.push((method.clone(), 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Role;

    #[test]
    fn unknown_paths_do_not_pile_up() {
        let tally = Tally::default();
        for number in 0..3_000 {
            tally.call(&http::Method::GET, Role::Login, &format!("/{number}"));
        }
        tally.call(&http::Method::POST, Role::Login, "/7");
        let counters = tally.read();
        assert_eq!(counters.calls_to("GET", "login", "/7"), 1);
        assert_eq!(counters.calls_to("POST", "login", "/7"), 1);
        assert_eq!(counters.calls_to("GET", "login", "(other)"), 2_000);
    }
}
