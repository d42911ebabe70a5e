//! The use cases, wired to stand-ins: a clock that is moved by hand, a queue of work that runs when the test says so.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::egress::RestPolicy;
use kaspi_auth_core::egresses::Egresses;
use kaspi_auth_core::id::{LoginId, MerchantUid, UserId};
use kaspi_auth_core::keeper::Keeper;
use kaspi_auth_core::keeping::{AttemptKind, Breaker, Origin, Policy, RefreshOutcome};
use kaspi_auth_core::login::{EngineChoice, Limits, Login, WhenSeveral};
use kaspi_auth_core::logins::{Engines, Logins, NewLogin, Parts, Started, Work};
use kaspi_auth_core::port::{
    Beat, BoxFuture, Clock, Engine, Ids, KeepingSink, LoginChanges, LoginRunner, StepTaken, StoreChanges,
    Subscription, Tasks,
};
use kaspi_auth_core::rate::Rates;
use kaspi_auth_core::refreshes::{self, Refreshes};
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::sessions::{self, Sessions};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Error, Timestamp};

use crate::mailbox::Mailbox;
use crate::memory::Memory;
use crate::portal::{Browser, Portal};

/// One node of a service, on a database and a portal that all its nodes share.
pub struct House {
    pub logins: Arc<Logins>,
    pub egresses: Arc<Egresses>,
    pub memory: Arc<Memory>,
    pub portal: Arc<Portal>,
    pub browser: Option<Arc<Browser>>,
    pub sessions: Arc<Sessions>,
    pub refreshes: Arc<Refreshes>,
    pub keeper: Keeper,
    pub heard: Arc<Heard>,
    /// Reads codes, once it is told to.
    pub mailbox: Arc<Mailbox>,
    pub time: Arc<Time>,
    desk: Arc<Desk>,
    town: Arc<Town>,
    rates: Rates,
    policy: Policy,
}

impl House {
    /// A service without a browser for a portal whose account has this password and this code.
    pub fn new(password: &'static str, code: Option<&'static str>) -> Self {
        Self::limited(password, code, Rates::default())
    }

    /// The same with limits of its own.
    pub fn limited(password: &'static str, code: Option<&'static str>, rates: Rates) -> Self {
        let portal = Arc::new(Portal::new(password, code));
        Self::build(Arc::default(), portal, Arc::default(), Arc::default(), None, rates, &Policy::default())
    }

    /// A service without a browser that keeps sessions alive by other numbers.
    pub fn keeping(password: &'static str, code: Option<&'static str>, policy: &Policy) -> Self {
        let portal = Arc::new(Portal::new(password, code));
        Self::build(Arc::default(), portal, Arc::default(), Arc::default(), None, Rates::default(), policy)
    }

    /// A service with a browser.
    pub fn with_browser(password: &'static str, code: Option<&'static str>) -> Self {
        let portal = Arc::new(Portal::new(password, code));
        let browser = Some(Arc::new(Browser::new(portal.clone())));
        let policy = Policy::default();
        Self::build(
            Arc::default(),
            portal,
            Arc::default(),
            Arc::default(),
            browser,
            Rates::default(),
            &policy,
        )
    }

    /// Another node on the same database and the same portal, with a browser of its own where this one has one.
    pub fn node(&self) -> Self {
        let browser = self.browser.as_ref().map(|_| Arc::new(Browser::new(self.portal.clone())));
        let (memory, portal) = (self.memory.clone(), self.portal.clone());
        Self::build(memory, portal, self.time.clone(), self.town.clone(), browser, self.rates, &self.policy)
    }

    fn build(
        memory: Arc<Memory>,
        portal: Arc<Portal>,
        time: Arc<Time>,
        town: Arc<Town>,
        browser: Option<Arc<Browser>>,
        rates: Rates,
        policy: &Policy,
    ) -> Self {
        let desk = Arc::new(Desk::default());
        let heard = Arc::new(Heard::default());
        let mailbox = Arc::new(Mailbox::new(portal.clone(), time.clone()));
        let engines = Engines {
            direct: portal.clone(),
            browser: browser.clone().map(|browser| browser as Arc<dyn Engine>),
        };
        let egresses = Arc::new(Egresses::new(
            memory.clone(),
            portal.clone(),
            time.clone(),
            time.clone(),
            RestPolicy::default(),
        ));
        let logins = Arc::new(Logins::new(Parts {
            database: memory.clone(),
            engines: engines.clone(),
            cabinet: portal.clone(),
            egresses: egresses.clone(),
            changes: Arc::new(Notices { town: town.clone(), time: time.clone() }),
            runner: desk.clone(),
            clock: time.clone(),
            ids: time.clone(),
            limits: Limits::default(),
            rates,
            policy: *policy,
            sink: heard.clone(),
            engine: EngineChoice::Auto,
        }));
        let changes = Arc::new(Notices { town: town.clone(), time: time.clone() });
        let refreshes = Arc::new(Refreshes::new(refreshes::Parts {
            database: memory.clone(),
            engines,
            logins: logins.clone(),
            code_sources: vec![mailbox.clone()],
            egresses: egresses.clone(),
            changes: changes.clone(),
            tasks: desk.clone(),
            sink: heard.clone(),
            clock: time.clone(),
            policy: *policy,
        }));
        let sessions = Arc::new(Sessions::new(sessions::Parts {
            database: memory.clone(),
            cabinet: portal.clone(),
            refreshes: refreshes.clone(),
            changes,
            tasks: desk.clone(),
            sink: heard.clone(),
            clock: time.clone(),
        }));
        let keeper = Keeper::new(memory.clone(), sessions.clone(), refreshes.clone(), time.clone());
        *desk.logins.lock().unwrap() = Arc::downgrade(&logins);
        town.desks.lock().unwrap().push(desk.clone());
        now(logins.beat()).unwrap();
        Self {
            logins,
            egresses,
            memory,
            portal,
            browser,
            sessions,
            refreshes,
            keeper,
            heard,
            mailbox,
            time,
            desk,
            town,
            rates,
            policy: *policy,
        }
    }

    /// The node dies: nothing that it was told or had to do is done any more, and its browser is gone.
    pub fn die(self) {
        self.town.desks.lock().unwrap().retain(|desk| !Arc::ptr_eq(desk, &self.desk));
    }

    /// Starts a login of the one account.
    pub fn start(&self, tenant: &Tenant, new: NewLogin) -> Result<Started, Error> {
        now(self.logins.start(tenant, new))
    }

    /// Starts a login with this password as a service, and runs it as far as it goes.
    pub fn sign_in(&self, password: &str) -> Login {
        self.sign_in_as(asked(password))
    }

    /// Starts this login as a service, and runs it as far as it goes.
    pub fn sign_in_as(&self, new: NewLogin) -> Login {
        let started = self.start(&Tenant::All, new).unwrap().login();
        self.run();
        self.read(started.id)
    }

    /// Reads a login as a service.
    pub fn read(&self, id: LoginId) -> Login {
        now(self.logins.get(&Tenant::All, id, None)).unwrap()
    }

    /// Carries out all work that was handed over to this node. What it was told of changes stays unheard.
    pub fn run(&self) {
        while let Some(work) = self.take_work() {
            now(self.logins.drive(work)).unwrap();
        }
    }

    /// Hears of the changes that were made on any node, and carries out what that brings.
    pub fn hear(&self) {
        while let Some(id) = self.desk.heard.lock().unwrap().pop_front() {
            now(self.logins.pick_up(id)).unwrap();
        }
        self.run();
    }

    /// Forgets what it was told of changes, as when word is lost.
    pub fn miss_the_word(&self) {
        self.desk.heard.lock().unwrap().clear();
    }

    /// Looks at the pages that wait for a person, and carries on from where people have moved them.
    pub fn watch(&self) {
        while let Some(work) = self.take_watch() {
            now(self.logins.watch(work)).unwrap();
            self.run();
        }
    }

    /// Takes work off the desk: what is not driven then is lost with its node.
    pub fn take_work(&self) -> Option<Work> {
        self.desk.queue.lock().unwrap().pop_front()
    }

    /// Takes a wait for a person off the desk.
    pub fn take_watch(&self) -> Option<Work> {
        self.desk.watches.lock().unwrap().pop_front()
    }
}

/// What a caller asks for.
pub fn asked(password: &str) -> NewLogin {
    asked_by("merchant@example.kz", password)
}

/// What a caller asks for an account.
pub fn asked_by(email: &str, password: &str) -> NewLogin {
    NewLogin {
        origin: kaspi_auth_core::keeping::Origin::Caller,
        code_source: None,
        credentials: Credentials::password(email, password.to_owned().into()).unwrap(),
        user_id: None,
        engine: None,
        store_password: true,
        wanted: None,
        when_several: WhenSeveral::Ask,
    }
}

/// The tenant of one user.
pub fn user(name: &str) -> (Tenant, UserId) {
    let id = UserId::parse(name).unwrap();
    (Tenant::User(id.clone()), id)
}

/// Runs what never waits: all stand-ins answer at once.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    dies_waiting(future).expect("a stand-in does not answer")
}

/// Runs it as far as it goes; `None` when it would wait for ever, and is dropped as by a node that dies.
pub fn dies_waiting<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The clock, and the ids that are counted up.
#[derive(Default)]
pub struct Time {
    milliseconds: AtomicU64,
    ids: AtomicU64,
}

impl Time {
    /// Moves the clock on.
    pub fn pass(&self, span: SignedDuration) {
        self.milliseconds.fetch_add(span.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }
}

impl Time {
    /// Sets the clock back.
    pub fn set_back(&self, span: SignedDuration) {
        self.milliseconds.fetch_sub(span.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        let passed = self.milliseconds.load(Ordering::SeqCst).try_into().unwrap();
        Timestamp::UNIX_EPOCH + SignedDuration::from_millis(passed)
    }
}

impl Ids for Time {
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::from_u128(self.ids.fetch_add(1, Ordering::SeqCst).into())
    }
}

/// The nodes of one service.
#[derive(Default)]
struct Town {
    desks: Mutex<Vec<Arc<Desk>>>,
}

/// Where a node's work waits, and what it was told and has not heard yet.
#[derive(Default)]
struct Desk {
    queue: Mutex<VecDeque<Work>>,
    watches: Mutex<VecDeque<Work>>,
    heard: Mutex<VecDeque<LoginId>>,
    tasks: Mutex<VecDeque<BoxFuture<'static, ()>>>,
    logins: Mutex<Weak<Logins>>,
}

impl Desk {
    /// Does one thing that is there to do, if there is one.
    async fn do_something(&self) -> bool {
        let Some(logins) = self.logins.lock().unwrap().upgrade() else { return false };
        let heard = self.heard.lock().unwrap().pop_front();
        if let Some(id) = heard {
            logins.pick_up(id).await.unwrap();
            return true;
        }
        let work = self.queue.lock().unwrap().pop_front();
        if let Some(work) = work {
            logins.drive(work).await.unwrap();
            return true;
        }
        let task = self.tasks.lock().unwrap().pop_front();
        if let Some(task) = task {
            task.await;
            return true;
        }
        false
    }
}

impl Tasks for Desk {
    fn spawn(&self, task: BoxFuture<'static, ()>, _: Beat) {
        Tasks::run(self, task);
    }

    fn run(&self, task: BoxFuture<'static, ()>) {
        self.tasks.lock().unwrap().push_back(task);
    }
}

/// What was told of keeping sessions alive.
#[derive(Default)]
pub struct Heard {
    pub probed: Mutex<Vec<(Origin, Validity)>>,
    pub refreshed: Mutex<Vec<(Origin, RefreshOutcome)>>,
    pub died: Mutex<Vec<SignedDuration>>,
    pub refused: Mutex<Vec<(AttemptKind, Origin)>>,
    pub breakers: Mutex<Vec<Breaker>>,
}

impl KeepingSink for Heard {
    fn probed(&self, _: &MerchantUid, origin: Origin, found: Validity, _: SignedDuration) {
        self.probed.lock().unwrap().push((origin, found));
    }

    fn refreshed(&self, _: &MerchantUid, origin: Origin, outcome: &RefreshOutcome, _: SignedDuration) {
        self.refreshed.lock().unwrap().push((origin, outcome.clone()));
    }

    fn died(&self, _: &MerchantUid, age: SignedDuration) {
        self.died.lock().unwrap().push(age);
    }

    fn counted(&self, _: AttemptKind, _: Origin) {}

    fn refused(&self, kind: AttemptKind, origin: Origin) {
        self.refused.lock().unwrap().push((kind, origin));
    }

    fn froze(&self, breaker: &Breaker) {
        self.breakers.lock().unwrap().push(breaker.clone());
    }
}

impl StoreChanges for Notices {
    fn subscribe(&self, _: &MerchantUid) -> Box<dyn Subscription> {
        Box::new(Wait { town: self.town.clone(), time: self.time.clone() })
    }
}

impl LoginRunner for Desk {
    fn run(&self, work: Work) {
        self.queue.lock().unwrap().push_back(work);
    }

    fn watch(&self, work: Work) {
        self.watches.lock().unwrap().push_back(work);
    }

    fn has_room(&self) -> bool {
        true
    }
}

/// Tells all nodes of changes, and lets callers wait for them.
struct Notices {
    town: Arc<Town>,
    time: Arc<Time>,
}

impl LoginChanges for Notices {
    fn subscribe(&self, _: LoginId) -> Box<dyn Subscription> {
        Box::new(Wait { town: self.town.clone(), time: self.time.clone() })
    }

    fn publish(&self, login: &Login) {
        for desk in &*self.town.desks.lock().unwrap() {
            desk.heard.lock().unwrap().push_back(login.id);
        }
    }

    fn stepped(&self, _: &Login, _: StepTaken) {}
}

struct Wait {
    town: Arc<Town>,
    time: Arc<Time>,
}

impl Subscription for Wait {
    /// While somebody waits, the nodes do what is there to do; where there is nothing, time passes.
    fn changed(&mut self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let desks = self.town.desks.lock().unwrap().clone();
            for desk in desks {
                if desk.do_something().await {
                    return;
                }
            }
            self.time.pass(self.time.now().duration_until(until));
        })
    }
}
