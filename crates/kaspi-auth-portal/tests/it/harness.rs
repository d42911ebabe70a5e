//! A sandbox, an engine that speaks to it, and short words for what tests do all day.

use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::id::{LoginId, MerchantUid};
use kaspi_auth_core::login::{Answer, Continuation};
use kaspi_auth_core::port::{At, Clock, Device, Engine, Finished, OpenRequest, Reply};
use kaspi_auth_core::session::NewSession;
use kaspi_auth_core::{Code, Error, Timestamp};
use kaspi_auth_portal::{DirectEngine, PortalSettings};
use kaspi_sandbox::{Control, Counters, Knobs, Options, Sandbox};
use secrecy::SecretString;
use url::Url;

pub const PASSWORD: &str = kaspi_sandbox::DEFAULT_PASSWORD;

/// A clock that stands still.
pub struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        noon()
    }
}

pub fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// A running sandbox with an engine for it.
pub struct Desk {
    pub sandbox: Sandbox,
    pub engine: DirectEngine,
}

impl Desk {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With other settings than the sandbox's own.
    pub async fn with(change: impl FnOnce(&mut Knobs)) -> Self {
        let mut knobs = Knobs::default();
        change(&mut knobs);
        let listen = ([127, 0, 0, 1], 0).into();
        let sandbox = Sandbox::start(Options { listen, knobs, ..Options::default() }).await.unwrap();
        let engine = engine(settings(&sandbox));
        Self { sandbox, engine }
    }

    pub fn control(&self) -> Control {
        self.sandbox.control()
    }

    pub fn counters(&self) -> Counters {
        self.sandbox.control().counters()
    }

    /// The newest code that was sent to `to`.
    pub fn code(&self, to: &str) -> Answer {
        let code = self.control().inbox(Some(to)).last().and_then(|message| message.code.clone());
        Answer::code(&code.expect("a code was sent")).unwrap()
    }

    pub async fn open(&self, who: &Credentials, device: Option<Device>) -> Result<At, Error> {
        open(&self.engine, who, device).await
    }

    pub async fn submit(&self, who: &Credentials) -> Result<Reply, Error> {
        let at = self.open(who, None).await?;
        self.engine.submit(at, who).await
    }

    pub async fn answer(&self, at: At, who: &Credentials, answer: &Answer) -> Result<Reply, Error> {
        self.engine.answer(at, who, answer).await
    }

    /// Signs in with nothing asked in between.
    pub async fn sign_in(&self, who: &Credentials) -> NewSession {
        let at = accepted(self.submit(who).await.unwrap());
        session(self.engine.finish(at, None).await.unwrap()).0
    }
}

pub fn settings(sandbox: &Sandbox) -> PortalSettings {
    let origins = sandbox.origins();
    PortalSettings {
        site_url: url(&origins.site),
        login_url: url(&origins.login),
        cabinet_url: url(&origins.cabinet),
        timeout: Duration::from_secs(10),
        ..PortalSettings::default()
    }
}

pub fn engine(settings: PortalSettings) -> DirectEngine {
    DirectEngine::new(settings, Arc::new(Noon)).unwrap()
}

pub async fn open(engine: &DirectEngine, who: &Credentials, device: Option<Device>) -> Result<At, Error> {
    let (login, account) = (LoginId(uuid::Uuid::nil()), who.account().clone());
    let request = OpenRequest { login, user_id: None, account, device, route: Route::direct() };
    engine.open(request).await.map(here)
}

/// A login of the direct engine goes on wherever its data is.
pub fn here(continuation: Continuation) -> At {
    At { login: LoginId(uuid::Uuid::nil()), route: Route::direct(), continuation }
}

pub fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

pub fn mail(name: &str) -> Credentials {
    with_password(name, PASSWORD)
}

pub fn with_password(name: &str, password: &str) -> Credentials {
    let address = if name.contains('@') { name.to_owned() } else { format!("{name}@sandbox.test") };
    Credentials::password(&address, SecretString::from(password.to_owned())).unwrap()
}

pub fn phone(number: &str) -> Credentials {
    Credentials::phone(number).unwrap()
}

pub fn uid(text: &str) -> MerchantUid {
    MerchantUid::parse(text).unwrap()
}

pub fn pick(text: &str) -> Answer {
    Answer::Merchant(uid(text))
}

pub fn wrong_code() -> Answer {
    Answer::code("000000").unwrap()
}

pub fn accepted(reply: Reply) -> At {
    match reply {
        Reply::Accepted(at) => here(at),
        other => panic!("not accepted: {other:?}"),
    }
}

pub fn code_sent(reply: Reply) -> (String, At) {
    match reply {
        Reply::CodeSent { destination_masked, continuation, .. } => (destination_masked, here(continuation)),
        other => panic!("no code was sent: {other:?}"),
    }
}

pub fn rejected(reply: Reply) -> (Code, At) {
    match reply {
        Reply::Rejected { error, continuation } => (error.code, here(continuation)),
        other => panic!("not rejected: {other:?}"),
    }
}

pub fn asked(reply: Reply) -> (Vec<String>, At) {
    match reply {
        Reply::MerchantAsked { merchants, continuation } => {
            (merchants.iter().map(|choice| choice.uid.to_string()).collect(), here(continuation))
        }
        other => panic!("no merchant was asked for: {other:?}"),
    }
}

pub fn session(finished: Finished) -> (NewSession, Option<Device>) {
    match finished {
        Finished::Session { session, device } => (*session, device),
        other @ Finished::SeveralMerchants { .. } => panic!("no session: {other:?}"),
    }
}

pub fn failure<T>(result: Result<T, Error>) -> Error {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error,
    }
}

pub fn code_of<T>(result: Result<T, Error>) -> &'static str {
    failure(result).code().as_str()
}

pub fn names(session: &NewSession) -> Vec<&str> {
    session.cookies.iter().map(|cookie| cookie.name.as_str()).collect()
}

/// The account of credentials, in the shape that the page sends.
pub fn form(who: &Credentials) -> String {
    let account: &Account = who.account();
    account.portal_form()
}
