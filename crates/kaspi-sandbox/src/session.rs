//! What stands behind the secrets that clients hold: login sessions, authorization requests, codes and cabinet sessions.
//! It must not read requests or write answers.

use crate::{
    account::{Account, Grant},
    clock::{Millis, seconds},
    inbox::Channel,
    knobs::SessionKnobs,
};
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// A session of the login host: all valid values of `MS_AUTH_SSO` lead to it.
#[derive(Debug, Default)]
pub(crate) struct LoginSession {
    pub(crate) state: Mutex<LoginState>,
}

/// Where a login stands.
#[derive(Debug, Default)]
pub(crate) struct LoginState {
    /// Valid cookie values, oldest first.
    pub(crate) tokens: Vec<String>,
    pub(crate) stage: Stage,
    /// The query of the authorization request that sent the client to the login page.
    pub(crate) saved_request: Option<String>,
    /// Whether a person passed the captcha.
    pub(crate) is_human: bool,
    /// The word of the captcha's picture, once it was shown.
    pub(crate) captcha_word: Option<String>,
}

/// A step of a login.
#[derive(Debug, Default)]
pub(crate) enum Stage {
    #[default]
    Anonymous,
    Code(Box<Challenge>),
    Choice {
        grant: Grant,
        since: Millis,
    },
    SignedIn {
        grant: Grant,
        until: Millis,
    },
}

/// A code that was sent and is waited for.
#[derive(Debug)]
pub(crate) struct Challenge {
    pub(crate) channel: Channel,
    /// `None` when the sandbox pretends that an unknown phone exists.
    pub(crate) account: Option<Arc<Account>>,
    /// The e-mail as its owner writes it, or the masked phone.
    pub(crate) to: String,
    pub(crate) code: String,
    /// Codes that a newer one replaced.
    pub(crate) dead: Vec<String>,
    pub(crate) sent_at: Millis,
    pub(crate) since: Millis,
    pub(crate) attempts_left: u32,
    pub(crate) remember: bool,
}

/// An authorization request that the cabinet host began.
#[derive(Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) redirect_uri: String,
    /// Where the callback leads.
    pub(crate) target: String,
    pub(crate) expires: Millis,
}

/// A code that the login host minted for the cabinet host.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationCode {
    pub(crate) grant: Grant,
    pub(crate) challenge: String,
    pub(crate) redirect_uri: String,
    pub(crate) nonce: String,
    pub(crate) expires: Millis,
}

/// A cabinet session: `mc-sid`.
#[derive(Debug)]
pub(crate) struct CabinetSession {
    pub(crate) grant: Grant,
    began: Millis,
    last_call: AtomicU64,
    renewed: AtomicU64,
    calls: AtomicU64,
    ended: AtomicBool,
}

impl CabinetSession {
    /// A session that begins now.
    pub(crate) fn new(grant: Grant, now: Millis) -> Self {
        Self {
            grant,
            began: now,
            last_call: AtomicU64::new(now),
            renewed: AtomicU64::new(now),
            calls: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// Ends it.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Counts a call; `false` when the session is dead by then.
    pub(crate) fn call(&self, now: Millis, knobs: &SessionKnobs) -> bool {
        if self.ended.load(Ordering::Relaxed) {
            return false;
        }
        let spec = &self.grant.account.spec;
        let passed = |since: Millis, limit: u64| now >= since.saturating_add(seconds(limit));
        let age = spec.session_seconds.is_some_and(|limit| passed(self.began, limit))
            || knobs.absolute_seconds > 0 && passed(self.began, knobs.absolute_seconds);
        let idle =
            knobs.idle_seconds > 0 && passed(self.last_call.swap(now, Ordering::Relaxed), knobs.idle_seconds);
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        let spent = spec.session_calls.is_some_and(|limit| calls >= limit);
        if age || idle || spent {
            self.end();
        }
        !self.ended.load(Ordering::Relaxed)
    }

    /// Whether the cookie is due for renewal; the next time counts from now.
    pub(crate) fn due_for_renewal(&self, now: Millis, knobs: &SessionKnobs) -> bool {
        let last = self.renewed.load(Ordering::Relaxed);
        now >= last.saturating_add(seconds(knobs.renewal_seconds))
            && self.renewed.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// One valid value of `mc-sid`.
#[derive(Clone, Debug)]
pub(crate) struct SessionValue {
    pub(crate) session: Arc<CabinetSession>,
    /// When this value ends, if a newer one replaced it.
    pub(crate) until: Option<Millis>,
}
