//! Faults on demand: what goes wrong, for which requests, how often.
//! It must not answer requests by itself.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};

/// Faults that may wait at the same time; more push the oldest out.
const CAPACITY: usize = 1_000;

/// Something that goes wrong with the requests that it fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// `site`, `login` or `cabinet`; any without.
    #[serde(default)]
    pub role: Option<String>,
    /// The HTTP method; any without.
    #[serde(default)]
    pub method: Option<String>,
    /// How the path begins; any without. The sandbox's own pages never fail.
    #[serde(default)]
    pub path: Option<String>,
    /// Fitting requests that pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many requests it befalls; all of them without.
    #[serde(default)]
    pub times: Option<u32>,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A status with an empty body, in place of the real answer; nothing is done.
    Status(u16),
    /// A status with this JSON, in place of the real answer; nothing is done.
    Json {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: serde_json::Value,
    },
    /// An HTML wall with this status (403 or 429, CONTRACT 3.3); nothing is done.
    Wall(u16),
    /// An HTML 500; nothing is done.
    Broken,
    /// The login page's HTML with status 200, whatever was asked (CONTRACT 5, defensive); nothing is done.
    LoginPage,
    /// A redirect to the login page, whatever was asked (CONTRACT 5, defensive); nothing is done.
    RedirectToLogin,
    /// The answer comes this many milliseconds late.
    Delay(u64),
    /// The request is carried out, but the answer is lost: 502 instead.
    LostAnswer,
    /// The request is carried out, but the connection breaks in the middle of the answer's body.
    BrokenBody,
    /// No answer ever comes, and nothing is done; the connection stays open until the client or the sandbox ends.
    Hang,
    /// The request is carried out; half of the answer's body arrives, and its end never does.
    HangingBody,
    /// The answer's body is not what its type says: text that is no JSON; the request is carried out.
    Garbage,
}

impl Fault {
    /// A fault that befalls every request.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, role: None, method: None, path: None, skip: 0, times: None }
    }

    /// Only for `site`, `login` or `cabinet`.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Only for paths that begin like this.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Only this often.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn fits(&self, method: &str, role: &str, path: &str) -> bool {
        self.times != Some(0)
            && self.role.as_deref().is_none_or(|wanted| wanted == role)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|wanted| path.starts_with(wanted))
    }
}

/// The faults that wait.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    any: AtomicBool,
    list: Mutex<Vec<Fault>>,
}

impl Faults {
    /// Adds a fault behind the others.
    pub(crate) fn add(&self, fault: Fault) {
        let mut list = self.list.lock();
        if list.len() >= CAPACITY {
            list.remove(0);
        }
        list.push(fault);
        self.any.store(true, Ordering::Relaxed);
    }

    /// Removes all.
    pub(crate) fn clear(&self) {
        self.list.lock().clear();
        self.any.store(false, Ordering::Relaxed);
    }

    /// Those that wait.
    pub(crate) fn list(&self) -> Vec<Fault> {
        self.list.lock().clone()
    }

    /// The first fault that befalls a request, counted down.
    pub(crate) fn strike(&self, method: &str, role: &str, path: &str) -> Option<FaultKind> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut list = self.list.lock();
        let mut struck = None;
        for fault in list.iter_mut().filter(|fault| fault.fits(method, role, path)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            struck = Some(fault.kind.clone());
            break;
        }
        list.retain(|fault| fault.times != Some(0));
        self.any.store(!list.is_empty(), Ordering::Relaxed);
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_waits_strikes_and_goes() {
        let faults = Faults::default();
        faults.add(Fault { skip: 1, ..Fault::new(FaultKind::Status(503)).role("login").times(2) });
        let strike = |role| faults.strike("GET", role, "/login").is_some();
        assert!(!strike("cabinet"));
        assert_eq!(
            [strike("login"), strike("login"), strike("login"), strike("login")],
            [false, true, true, false]
        );
        assert!(faults.list().is_empty());
    }
}
