//! Control of a running sandbox, in the process and over HTTP: the same operations.
//! It must not be reachable over HTTP unless it was asked for.

mod http_api;

use crate::{
    account::{AccountCounters, AccountSpec},
    counters::Counters,
    fault::Fault,
    fixture::Fixture,
    inbox::Message,
    knobs::Knobs,
    session::{LoginSession, Stage},
    world::World,
};
pub(crate) use http_api::router;
use std::{fmt, sync::Arc, time::Duration};

/// Control of a running sandbox. Clones control the same sandbox.
#[derive(Clone)]
pub struct Control {
    pub(crate) world: Arc<World>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control {
    /// Moves the sandbox's clock forward: sessions age, codes expire, locks and floods end.
    pub fn advance_clock(&self, by: Duration) {
        self.world.clock.advance(by);
    }

    /// The time on the sandbox's clock.
    pub fn now(&self) -> jiff::Timestamp {
        crate::clock::timestamp(self.world.clock.now())
    }

    /// What happened since the start or the last reset.
    pub fn counters(&self) -> Counters {
        self.world.tally.read()
    }

    /// What happened to one account; `None` when there is none of that e-mail or phone.
    pub fn account_counters(&self, id: &str) -> Option<AccountCounters> {
        self.world.accounts.find(id).map(|account| account.counters())
    }

    /// Mail and SMS that were "sent", oldest first: those to one e-mail or phone, or all.
    pub fn inbox(&self, destination: Option<&str>) -> Vec<Message> {
        self.world.inbox.list(destination)
    }

    /// Adds a fault behind those that wait.
    pub fn set_fault(&self, fault: Fault) {
        self.world.faults.add(fault);
    }

    /// The faults that wait.
    pub fn faults(&self) -> Vec<Fault> {
        self.world.faults.list()
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// Adds an account; one with the same e-mail or phone is replaced and forgets its lock, its devices and its counts.
    pub fn add_account(&self, account: AccountSpec) {
        self.world.add_account(account);
    }

    /// The settings now.
    pub fn knobs(&self) -> Knobs {
        Knobs::clone(&self.world.knobs())
    }

    /// Other settings from now on.
    pub fn set_knobs(&self, knobs: Knobs) {
        self.world.set_knobs(knobs);
    }

    /// The page that stands in for the login page.
    pub fn fixture(&self) -> Option<Fixture> {
        self.world.fixture().map(|fixture| Fixture::clone(&fixture))
    }

    /// A page in place of the login page from now on, or the sandbox's own again.
    pub fn set_fixture(&self, fixture: Option<Fixture>) {
        self.world.set_fixture(fixture.map(Arc::new));
    }

    /// Passes the captcha of every login that was begun, as a person would: the pages that wait for it go on.
    pub fn pass_captchas(&self) {
        for session in self.world.logins.values() {
            session.state.lock().is_human = true;
        }
        self.world.captchas.send_modify(|passed| *passed += 1);
    }

    /// The words of the captchas' pictures that were shown and not yet passed.
    pub fn captcha_words(&self) -> Vec<String> {
        let logins = self.world.logins.values().into_iter();
        let word = |session: Arc<LoginSession>| {
            let state = session.state.lock();
            state.captcha_word.clone().filter(|_| !state.is_human)
        };
        logins.filter_map(word).collect()
    }

    /// Ends cabinet sessions: those that open a merchant, or all.
    pub fn kill_sessions(&self, merchant_uid: Option<&str>) {
        for value in self.world.sessions.values() {
            if value.session.grant.opens(merchant_uid) {
                value.session.end();
            }
        }
    }

    /// Ends live logins on the login host, so that nobody signs in silently any more: those that open a merchant, or all.
    /// Logins that wait for a code go on.
    pub fn kill_sso(&self, merchant_uid: Option<&str>) {
        for session in self.world.logins.values() {
            let mut state = session.state.lock();
            if matches!(&state.stage, Stage::SignedIn { grant, .. } if grant.opens(merchant_uid)) {
                state.stage = Stage::Anonymous;
            }
        }
    }

    /// Forgets the remembered devices of an account.
    pub fn forget_devices(&self, id: &str) {
        if let Some(account) = self.world.accounts.find(id) {
            account.forget_devices();
        }
    }

    /// Everything as it was at the start: clock, accounts, sessions, inbox, counters, faults, knobs, and the sequence of codes.
    pub fn reset(&self) {
        self.world.reset();
    }
}
