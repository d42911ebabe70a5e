//! The sandbox's whole state, shared by every request.
//! It must not hold a lock across an await, and answers nothing itself.

use crate::{
    account::{AccountSpec, Accounts, Grant},
    chance::Chance,
    clock::{Clock, Millis, seconds},
    cookies,
    counters::{Tally, count},
    fault::Faults,
    fixture::Fixture,
    host::Hosts,
    inbox::Inbox,
    knobs::Knobs,
    session::{AuthorizationCode, AuthorizationRequest, CabinetSession, LoginSession, SessionValue},
    shelf::Shelf,
    stories,
    visitors::Visitors,
};
use http::HeaderMap;
use parking_lot::{Mutex, RwLock};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Values of `MS_AUTH_SSO` that are kept; the oldest go first.
const LOGIN_TOKENS: usize = 160_000;
/// Authorization requests and codes that are kept.
const REQUESTS: usize = 64_000;
/// Values of `mc-sid` that are kept.
const SESSIONS: usize = 128_000;

/// The state.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) chance: Chance,
    pub(crate) hosts: Hosts,
    pub(crate) faults: Faults,
    pub(crate) tally: Tally,
    pub(crate) inbox: Inbox,
    pub(crate) accounts: Accounts,
    pub(crate) logins: Shelf<Arc<LoginSession>>,
    pub(crate) requests: Shelf<Arc<AuthorizationRequest>>,
    pub(crate) codes: Shelf<AuthorizationCode>,
    pub(crate) sessions: Shelf<SessionValue>,
    pub(crate) shops: Shops,
    pub(crate) visitors: Visitors,
    pub(crate) control: bool,
    pub(crate) client_id: String,
    /// Counts captchas that were passed, and wakes the pages that wait for theirs.
    pub(crate) captchas: watch::Sender<u64>,
    /// The sandbox's end: answers that would never come end with it.
    pub(crate) stop: CancellationToken,
    fixture: RwLock<Option<Arc<Fixture>>>,
    first_fixture: Option<Arc<Fixture>>,
    knobs: RwLock<Arc<Knobs>>,
    first_knobs: Arc<Knobs>,
    stories: bool,
}

/// What changes about merchants, by uid. It grows only by calls of signed-in clients, and each part is bounded.
#[derive(Debug, Default)]
pub(crate) struct Shops {
    /// API tokens.
    pub(crate) tokens: Mutex<HashMap<String, String>>,
    /// Prices that were pushed, by uid and sku.
    pub(crate) prices: Mutex<HashMap<String, BTreeMap<String, u64>>>,
    /// When the running export and price file of a merchant were begun, by kind and uid.
    pub(crate) jobs: Mutex<HashMap<String, Millis>>,
    /// Employees added.
    pub(crate) employees: Mutex<HashMap<String, Vec<serde_json::Value>>>,
}

impl Shops {
    fn clear(&self) {
        self.tokens.lock().clear();
        self.prices.lock().clear();
        self.jobs.lock().clear();
        self.employees.lock().clear();
    }
}

/// What a world is made of.
pub(crate) struct Seeds {
    pub(crate) seed: u64,
    pub(crate) hosts: Hosts,
    pub(crate) knobs: Knobs,
    pub(crate) control: bool,
    pub(crate) stories: bool,
    pub(crate) fixture: Option<Fixture>,
    pub(crate) stop: CancellationToken,
}

impl World {
    /// A fresh world with its story accounts.
    pub(crate) fn new(seeds: Seeds) -> Self {
        let chance = Chance::new(seeds.seed);
        let client_id = chance.uuid();
        let (knobs, fixture) = (Arc::new(seeds.knobs), seeds.fixture.map(Arc::new));
        let world = Self {
            clock: Clock::default(),
            chance,
            hosts: seeds.hosts,
            faults: Faults::default(),
            tally: Tally::default(),
            inbox: Inbox::default(),
            accounts: Accounts::default(),
            logins: Shelf::new(LOGIN_TOKENS),
            requests: Shelf::new(REQUESTS),
            codes: Shelf::new(REQUESTS),
            sessions: Shelf::new(SESSIONS),
            shops: Shops::default(),
            visitors: Visitors::default(),
            control: seeds.control,
            client_id,
            captchas: watch::Sender::default(),
            stop: seeds.stop,
            fixture: RwLock::new(fixture.clone()),
            first_fixture: fixture,
            knobs: RwLock::new(Arc::clone(&knobs)),
            first_knobs: knobs,
            stories: seeds.stories,
        };
        world.add_stories();
        world
    }

    fn add_stories(&self) {
        if self.stories {
            for story in stories::all() {
                self.accounts.add(story.account);
            }
        }
    }

    /// Everything as it was at the start.
    pub(crate) fn reset(&self) {
        self.faults.clear();
        self.logins.clear();
        self.requests.clear();
        self.codes.clear();
        self.sessions.clear();
        self.inbox.clear();
        self.shops.clear();
        self.visitors.clear();
        self.tally.reset();
        self.clock.reset();
        self.chance.reset();
        let _ = self.chance.uuid();
        *self.knobs.write() = Arc::clone(&self.first_knobs);
        self.set_fixture(self.first_fixture.clone());
        self.accounts.clear();
        self.add_stories();
    }

    /// The settings now.
    pub(crate) fn knobs(&self) -> Arc<Knobs> {
        Arc::clone(&self.knobs.read())
    }

    /// Other settings from now on.
    pub(crate) fn set_knobs(&self, knobs: Knobs) {
        *self.knobs.write() = Arc::new(knobs);
    }

    /// The page that stands in for the login page.
    pub(crate) fn fixture(&self) -> Option<Arc<Fixture>> {
        self.fixture.read().clone()
    }

    /// Another page in place of the login page, or the sandbox's own.
    pub(crate) fn set_fixture(&self, fixture: Option<Arc<Fixture>>) {
        *self.fixture.write() = fixture;
    }

    /// Adds an account, or changes the one that has its e-mail or phone.
    pub(crate) fn add_account(&self, spec: AccountSpec) {
        let password = spec.password.clone();
        for replaced in self.accounts.add(spec) {
            if self.knobs().login.password_change_ends_sessions && !replaced.password_is(&password) {
                replaced.end_sessions();
            }
        }
    }

    /// The login session that a request belongs to, with the cookie value that said so.
    pub(crate) fn login_session(&self, headers: &HeaderMap) -> Option<(Arc<LoginSession>, String)> {
        cookies::values(headers, cookies::SSO)
            .find_map(|token| self.logins.get(token).map(|session| (session, token.to_owned())))
    }

    /// A new login session that nobody signed in to.
    pub(crate) fn begin_login(&self) -> (Arc<LoginSession>, String) {
        let session = Arc::new(LoginSession::default());
        let token = self.chance.token();
        session.state.lock().tokens.push(token.clone());
        self.logins.put(&token, Arc::clone(&session));
        (session, token)
    }

    /// Opens a cabinet session and returns its cookie's value.
    pub(crate) fn open_session(&self, grant: Grant) -> String {
        let knobs = self.knobs();
        let account = Arc::clone(&grant.account);
        let session = Arc::new(CabinetSession::new(grant, self.clock.now()));
        account.add_session(&session, account.spec.exclusive || knobs.session.second_login_kills);
        let value = self.chance.uuid();
        self.sessions.put(&value, SessionValue { session, until: None });
        count(&self.tally.sessions);
        count(&account.tally.sessions);
        value
    }

    /// Replaces a session's cookie value; the old one stays good for a while.
    pub(crate) fn rotate_session(&self, old: &str, session: &Arc<CabinetSession>, now: Millis) -> String {
        let grace = seconds(self.knobs().session.rotation_grace_seconds);
        self.sessions
            .put(old, SessionValue { session: Arc::clone(session), until: Some(now.saturating_add(grace)) });
        let value = self.chance.uuid();
        self.sessions.put(&value, SessionValue { session: Arc::clone(session), until: None });
        value
    }
}
