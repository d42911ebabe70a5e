//! The use cases, wired to stand-ins: a clock that is moved by hand, a queue of work that runs when the test says so.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::id::{LoginId, UserId};
use kaspi_auth_core::login::{EngineChoice, Limits, Login, WhenSeveral};
use kaspi_auth_core::logins::{Engines, Logins, NewLogin, Started, Work};
use kaspi_auth_core::port::{BoxFuture, Clock, Ids, LoginChanges, LoginRunner, Subscription};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Error, Timestamp};

use crate::memory::Memory;
use crate::portal::Portal;

/// One service on one database and one portal.
pub struct House {
    pub logins: Arc<Logins>,
    pub memory: Arc<Memory>,
    pub portal: Arc<Portal>,
    pub time: Arc<Time>,
    desk: Arc<Desk>,
}

impl House {
    /// A service for a portal whose account has this password and this code.
    pub fn new(password: &'static str, code: Option<&'static str>) -> Self {
        Self::beside(Arc::default(), Arc::new(Portal::new(password, code)), Arc::default())
    }

    /// Another node on the same database and the same portal.
    pub fn node(&self) -> Self {
        Self::beside(self.memory.clone(), self.portal.clone(), self.time.clone())
    }

    fn beside(memory: Arc<Memory>, portal: Arc<Portal>, time: Arc<Time>) -> Self {
        let desk = Arc::new(Desk { time: time.clone(), ..Desk::default() });
        let engines = Engines { direct: portal.clone(), browser: None };
        let logins = Arc::new(Logins::new(
            memory.clone(),
            engines,
            Arc::new(Notices(desk.clone())),
            desk.clone(),
            time.clone(),
            time.clone(),
            Limits::default(),
        ));
        *desk.logins.lock().unwrap() = Arc::downgrade(&logins);
        Self { logins, memory, portal, time, desk }
    }

    /// Starts a login of the one account.
    pub fn start(&self, tenant: &Tenant, new: NewLogin) -> Result<Started, Error> {
        now(self.logins.start(tenant, new))
    }

    /// Starts a login with this password as a service, and runs it as far as it goes.
    pub fn sign_in(&self, password: &str) -> Login {
        let started = self.start(&Tenant::All, asked(password)).unwrap().login();
        self.run();
        self.read(started.id)
    }

    /// Reads a login as a service.
    pub fn read(&self, id: LoginId) -> Login {
        now(self.logins.get(&Tenant::All, id, None)).unwrap()
    }

    /// Carries out all work that was handed over.
    pub fn run(&self) {
        while let Some(work) = self.take_work() {
            now(self.logins.drive(work)).unwrap();
        }
    }

    /// Takes work off the desk: what is not driven then is lost with its node.
    pub fn take_work(&self) -> Option<Work> {
        self.desk.queue.lock().unwrap().pop_front()
    }
}

/// What a caller asks for.
pub fn asked(password: &str) -> NewLogin {
    NewLogin {
        credentials: Credentials::password("merchant@example.kz", password.to_owned().into()).unwrap(),
        user_id: None,
        engine: EngineChoice::Auto,
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

/// Where work waits, and where those wait who wait for it.
#[derive(Default)]
struct Desk {
    queue: Mutex<VecDeque<Work>>,
    logins: Mutex<Weak<Logins>>,
    time: Arc<Time>,
}

impl LoginRunner for Desk {
    fn run(&self, work: Work) {
        self.queue.lock().unwrap().push_back(work);
    }

    fn has_room(&self) -> bool {
        true
    }
}

/// Lets callers wait at the desk.
struct Notices(Arc<Desk>);

impl LoginChanges for Notices {
    fn subscribe(&self, _: LoginId) -> Box<dyn Subscription> {
        Box::new(Wait(self.0.clone()))
    }

    fn publish(&self, _: &Login) {}
}

struct Wait(Arc<Desk>);

impl Subscription for Wait {
    /// While somebody waits, work is done; where there is none, time passes.
    fn changed(&mut self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let work = self.0.queue.lock().unwrap().pop_front();
            let logins = self.0.logins.lock().unwrap().upgrade();
            match (work, logins) {
                (Some(work), Some(logins)) => logins.drive(work).await.unwrap(),
                _ => self.0.time.pass(self.0.time.now().duration_until(until)),
            }
        })
    }
}
