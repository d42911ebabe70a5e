//! A portal in memory with one password for all accounts, the two engines towards it, and the check of a way to it. Counters tell
//! what was sent.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::{pending, ready};
use std::sync::{Arc, Mutex};

use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::egress::{EgressId, Route};
use kaspi_auth_core::id::{LoginId, MerchantUid};
use kaspi_auth_core::login::{Answer, Channel, Continuation, Driver, LastError};
use kaspi_auth_core::merchant::Merchant;
use kaspi_auth_core::port::{At, BoxFuture, Cabinet, Engine, Finished, OpenRequest, Reply, RouteCheck};
use kaspi_auth_core::session::{Cookie, NewSession, Probe, Validity};
use kaspi_auth_core::{Code, Error, Timestamp};
use secrecy::ExposeSecret;

/// What it knows and what it counts; as an engine, the direct one.
pub struct Portal(Mutex<World>);

#[derive(Default)]
pub struct World {
    /// The account's password.
    pub password: &'static str,
    /// The code that it sends, if it asks for one.
    pub code: Option<&'static str>,
    /// It wants no login and sends no code before this time.
    pub flood: Option<Timestamp>,
    /// From now on it never answers: the caller dies waiting.
    pub silent: bool,
    /// What it says to an engine that opens the way in.
    pub on_open: HashMap<Driver, Code>,
    /// What it says to an engine that sends credentials, whatever they are.
    pub on_submit: HashMap<Driver, Code>,
    /// In a browser it shows something that only a person can move on: a picture, or a page.
    pub asks_person: Option<bool>,
    /// Where people have moved such pages on to; once each.
    pub moved: HashMap<LoginId, Result<Move, Code>>,
    /// Ways on which it cannot be reached as it should, and what is wrong with each.
    pub broken: HashMap<EgressId, Code>,
    /// What happens elsewhere while it is walked to the cabinet.
    pub meanwhile: Option<Box<dyn FnOnce() + Send>>,
    /// What happens elsewhere while it looks at the password.
    pub while_submitting: Option<Box<dyn FnOnce() + Send>>,
    pub passwords: u32,
    /// Each password that was sent: for which login, by which engine, on which way.
    pub sent: Vec<(LoginId, Driver, EgressId)>,
    pub opened: Vec<Driver>,
    /// The login host remembers sessions.
    pub remembers: bool,
    /// On which ways sessions were renewed by that memory.
    pub renewed: Vec<EgressId>,
    /// On which ways the cabinet was looked at.
    pub probed: Vec<EgressId>,
    pub answers: u32,
    pub codes: u32,
    /// Codes that went to a phone.
    pub sms: u32,
    pub given_up: u32,
    /// The time at which it lets people in.
    pub today: Timestamp,
    /// The shop of an account; of any other it is 11.
    pub shops: HashMap<String, &'static str>,
    /// Whose shop a login leads to.
    leads_to: HashMap<LoginId, &'static str>,
    /// What the cabinet says at its next looks; after them all sessions live.
    pub verdicts: VecDeque<Validity>,
    /// Until when the cabinet is left alone: it is not asked meanwhile.
    pub left_alone: Option<Timestamp>,
    /// What the login host says to who wants a session from its memory.
    pub on_renew: Option<Code>,
    /// What happens elsewhere while the login host looks into its memory.
    pub while_renewing: Option<Box<dyn FnOnce() + Send>>,
}

/// What a person came to in a held page.
#[derive(Debug, Clone, Copy)]
pub enum Move {
    Accepted,
    Code,
    Merchants,
    AnotherPicture,
}

impl Portal {
    pub fn new(password: &'static str, code: Option<&'static str>) -> Self {
        Self(Mutex::new(World { password, code, ..World::default() }))
    }

    /// Looks at it, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn submit(&self, driver: Driver, at: At, credentials: &Credentials) -> Result<Reply, Error> {
        if let Some(happens) = self.with(|world| world.while_submitting.take()) {
            happens();
        }
        self.with(|world| {
            world.sent.push((at.login, driver, at.route.id));
            world.submit(driver, credentials, at.continuation)
        })
    }

    fn finish(&self, id: LoginId) -> Finished {
        let meanwhile = self.with(|world| world.meanwhile.take());
        if let Some(happens) = meanwhile {
            happens();
        }
        self.with(|world| {
            let shop = world.leads_to.get(&id).copied().unwrap_or("11");
            Finished::Session { session: Box::new(session(shop, world.today)), device: None }
        })
    }

    fn renew(&self, route: &Route, uid: &MerchantUid) -> Result<NewSession, Error> {
        if let Some(happens) = self.with(|world| world.while_renewing.take()) {
            happens();
        }
        self.with(|world| {
            world.renewed.push(route.id);
            match world.on_renew {
                Some(code) => Err(match world.left_alone {
                    Some(until) => Error::of(code).with_retry_at(until),
                    None => Error::of(code),
                }),
                None if world.remembers => Ok(session(uid.as_str(), world.today)),
                None => Err(Error::of(Code::SsoExpired)),
            }
        })
    }

    /// The answer, unless the portal has fallen silent.
    fn told<'a, T: Send + 'a>(&self, told: Result<T, Error>) -> Told<'a, T> {
        if self.with(|world| world.silent) { Box::pin(pending()) } else { Box::pin(ready(told)) }
    }
}

impl World {
    fn open(&mut self, driver: Driver, request: &OpenRequest) -> Result<Continuation, Error> {
        self.opened.push(driver);
        let account = request.account.canonical();
        if let Some((_, shop)) = self.shops.iter().find(|(email, _)| account.contains(email.as_str())) {
            self.leads_to.insert(request.login, shop);
        }
        if let Some(code) = self.broken.get(&request.route.id).or_else(|| self.on_open.get(&driver)) {
            return Err(Error::of(*code));
        }
        Ok(Continuation(request.login.to_string().into()))
    }

    fn check_flood(&self) -> Result<(), Error> {
        match self.flood {
            Some(until) => Err(Error::of(Code::PortalRateLimited).with_retry_at(until)),
            None => Ok(()),
        }
    }

    fn submit(
        &mut self,
        driver: Driver,
        credentials: &Credentials,
        continuation: Continuation,
    ) -> Result<Reply, Error> {
        self.passwords += 1;
        self.check_flood()?;
        if let Some(code) = self.on_submit.get(&driver) {
            return Err(Error::of(*code));
        }
        if let Some(captcha) = self.asks_person.filter(|_| driver == Driver::Browser) {
            let instruction = "Look at the page.".to_owned();
            return Ok(Reply::PersonAsked { captcha, instruction, continuation });
        }
        if matches!(credentials, Credentials::Phone { .. }) {
            self.sms += 1;
            let destination_masked = "+7 (7**) ***-**-67".to_owned();
            return Ok(Reply::CodeSent { channel: Channel::Sms, destination_masked, continuation });
        }
        if credentials.secret().is_none_or(|secret| secret.expose_secret() != self.password) {
            return Err(Error::of(Code::InvalidCredentials));
        }
        if self.code.is_none() {
            return Ok(Reply::Accepted(continuation));
        }
        Ok(self.send_code(continuation))
    }

    fn send_code(&mut self, continuation: Continuation) -> Reply {
        self.codes += 1;
        let destination_masked = "m***@example.kz".to_owned();
        Reply::CodeSent { channel: Channel::Email, destination_masked, continuation }
    }

    fn answer(&mut self, answer: &Answer, continuation: Continuation) -> Reply {
        self.answers += 1;
        match answer {
            Answer::Code(code) if Some(code.expose_secret()) == self.code => Reply::Accepted(continuation),
            Answer::Merchant(_) => Reply::Accepted(continuation),
            Answer::Code(_) => {
                let error = LastError { code: Code::CodeRejected, portal_message: None };
                Reply::Rejected { error, continuation }
            }
        }
    }

    fn resend(&mut self, at: At) -> Result<Continuation, Error> {
        self.check_flood()?;
        self.codes += 1;
        Ok(at.continuation)
    }

    /// Where a person has moved the page of this login on to, if anybody has.
    fn moved(&mut self, at: At) -> Option<Result<Reply, Error>> {
        let continuation = at.continuation;
        Some(match self.moved.remove(&at.login)? {
            Ok(Move::Accepted) => Ok(Reply::Accepted(continuation)),
            Ok(Move::Code) => Ok(self.send_code(continuation)),
            Ok(Move::Merchants) => {
                let uid = MerchantUid::parse("11").unwrap();
                let merchants = vec![kaspi_auth_core::merchant::MerchantChoice { uid, name: None }];
                Ok(Reply::MerchantAsked { merchants, continuation })
            }
            Ok(Move::AnotherPicture) => {
                let instruction = "Look once more.".to_owned();
                Ok(Reply::PersonAsked { captcha: true, instruction, continuation })
            }
            Err(code) => Err(Error::of(code)),
        })
    }
}

fn session(shop: &str, authenticated_at: Timestamp) -> NewSession {
    let uid = MerchantUid::parse(shop).unwrap();
    let merchant = Merchant { uid, name: Some("Shop".to_owned()), logo_url: None, points: [].into() };
    NewSession { cookies: vec![], merchant, authenticated_at }
}

type Told<'a, T> = BoxFuture<'a, Result<T, Error>>;

impl Engine for Portal {
    fn open(&self, request: OpenRequest) -> Told<'_, Continuation> {
        Box::pin(ready(self.with(|world| world.open(Driver::Direct, &request))))
    }

    fn submit<'a>(&'a self, at: At, credentials: &'a Credentials) -> Told<'a, Reply> {
        let reply = Self::submit(self, Driver::Direct, at, credentials);
        self.told(reply)
    }

    fn answer<'a>(&'a self, at: At, _: &'a Credentials, answer: &'a Answer) -> Told<'a, Reply> {
        let reply = self.with(|world| world.answer(answer, at.continuation));
        self.told(Ok(reply))
    }

    fn resend<'a>(&'a self, at: At, _: &'a Credentials) -> Told<'a, Continuation> {
        Box::pin(ready(self.with(|world| world.resend(at))))
    }

    fn finish<'a>(&'a self, at: At, _: Option<&'a MerchantUid>) -> Told<'a, Finished> {
        let finished = Self::finish(self, at.login);
        self.told(Ok(finished))
    }

    fn renew<'a>(&'a self, route: &'a Route, _: &'a [Cookie], uid: &'a MerchantUid) -> Told<'a, NewSession> {
        Box::pin(ready(Self::renew(self, route, uid)))
    }

    fn watch(&self, _: At) -> Told<'_, Reply> {
        Box::pin(pending())
    }

    fn give_up(&self, _: At) -> BoxFuture<'_, ()> {
        self.with(|world| world.given_up += 1);
        Box::pin(ready(()))
    }
}

impl Cabinet for Portal {
    fn probe<'a>(
        &'a self,
        route: &'a Route,
        cookies: &'a [Cookie],
        _: &'a MerchantUid,
    ) -> BoxFuture<'a, Probe> {
        let (validity, retry_at) = self.with(|world| {
            if world.left_alone.is_some() {
                return (Validity::Unknown, world.left_alone);
            }
            world.probed.push(route.id);
            (world.verdicts.pop_front().unwrap_or(Validity::Alive), None)
        });
        let reason = "it answered".to_owned();
        Box::pin(ready(Probe {
            replaced: false,
            validity,
            reason,
            cookies: cookies.to_vec(),
            renewed: false,
            retry_at,
        }))
    }

    fn host(&self) -> &'static str {
        "mc.example.kz"
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        vec![]
    }
}

impl RouteCheck for Portal {
    fn check<'a>(&'a self, route: &'a Route) -> Told<'a, ()> {
        let broken = self.with(|world| world.broken.get(&route.id).copied());
        Box::pin(ready(broken.map_or(Ok(()), |code| Err(Error::of(code)))))
    }
}

/// One node's browser: it holds a page for each login, and without its page a login is lost.
pub struct Browser {
    portal: Arc<Portal>,
    pages: Mutex<BTreeSet<LoginId>>,
}

impl Browser {
    pub fn new(portal: Arc<Portal>) -> Self {
        Self { portal, pages: Mutex::default() }
    }

    /// Whether it holds the page of this login.
    pub fn holds(&self, id: LoginId) -> bool {
        self.pages.lock().unwrap().contains(&id)
    }

    /// The browser died.
    pub fn crash(&self) {
        self.pages.lock().unwrap().clear();
    }

    fn page(&self, at: &At) -> Result<(), Error> {
        if self.holds(at.login) { Ok(()) } else { Err(Error::of(Code::BrowserLost)) }
    }
}

impl Engine for Browser {
    fn open(&self, request: OpenRequest) -> Told<'_, Continuation> {
        let opened = self.portal.with(|world| world.open(Driver::Browser, &request));
        if opened.is_ok() {
            self.pages.lock().unwrap().insert(request.login);
        }
        Box::pin(ready(opened))
    }

    fn submit<'a>(&'a self, at: At, credentials: &'a Credentials) -> Told<'a, Reply> {
        let reply = self.page(&at).and_then(|()| self.portal.submit(Driver::Browser, at, credentials));
        self.portal.told(reply)
    }

    fn answer<'a>(&'a self, at: At, _: &'a Credentials, answer: &'a Answer) -> Told<'a, Reply> {
        let page = self.page(&at);
        let reply = page.map(|()| self.portal.with(|world| world.answer(answer, at.continuation)));
        self.portal.told(reply)
    }

    fn resend<'a>(&'a self, at: At, _: &'a Credentials) -> Told<'a, Continuation> {
        let page = self.page(&at);
        Box::pin(ready(page.and_then(|()| self.portal.with(|world| world.resend(at)))))
    }

    /// Once the login host has accepted, cookies do: the page is not needed.
    fn finish<'a>(&'a self, at: At, _: Option<&'a MerchantUid>) -> Told<'a, Finished> {
        let finished = self.portal.finish(at.login);
        if !self.portal.with(|world| world.silent) {
            self.pages.lock().unwrap().remove(&at.login);
        }
        self.portal.told(Ok(finished))
    }

    fn renew<'a>(&'a self, route: &'a Route, _: &'a [Cookie], uid: &'a MerchantUid) -> Told<'a, NewSession> {
        Box::pin(ready(self.portal.renew(route, uid)))
    }

    fn watch(&self, at: At) -> Told<'_, Reply> {
        if let Err(error) = self.page(&at) {
            return Box::pin(ready(Err(error)));
        }
        match self.portal.with(|world| world.moved(at)) {
            Some(moved) => Box::pin(ready(moved)),
            None => Box::pin(pending()),
        }
    }

    fn give_up(&self, at: At) -> BoxFuture<'_, ()> {
        self.pages.lock().unwrap().remove(&at.login);
        Box::pin(ready(()))
    }
}
