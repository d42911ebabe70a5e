//! A portal in memory with one account, whose counters tell what was sent to it.

use std::future::{pending, ready};
use std::sync::Mutex;

use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::{Answer, Channel, Continuation, LastError};
use kaspi_auth_core::merchant::Merchant;
use kaspi_auth_core::port::{BoxFuture, Engine, Finished, OpenRequest, Reply};
use kaspi_auth_core::session::{Cookie, NewSession};
use kaspi_auth_core::{Code, Error, Timestamp};
use secrecy::ExposeSecret;

/// What it knows and what it counts.
pub struct Portal(Mutex<World>);

pub struct World {
    /// The account's password.
    pub password: &'static str,
    /// The code that it sends, if it asks for one.
    pub code: Option<&'static str>,
    /// It wants no login and sends no code before this time.
    pub flood: Option<Timestamp>,
    /// From now on it never answers: the caller dies waiting.
    pub silent: bool,
    /// What happens elsewhere while it is walked to the cabinet.
    pub meanwhile: Option<Box<dyn FnOnce() + Send>>,
    /// What happens elsewhere while it looks at the password.
    pub while_submitting: Option<Box<dyn FnOnce() + Send>>,
    pub passwords: u32,
    pub answers: u32,
    pub codes: u32,
    pub given_up: u32,
}

impl Portal {
    pub fn new(password: &'static str, code: Option<&'static str>) -> Self {
        Self(Mutex::new(World {
            password,
            code,
            flood: None,
            silent: false,
            meanwhile: None,
            while_submitting: None,
            passwords: 0,
            answers: 0,
            codes: 0,
            given_up: 0,
        }))
    }

    /// Looks at it, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

impl World {
    fn check_flood(&self) -> Result<(), Error> {
        match self.flood {
            Some(until) => Err(Error::of(Code::PortalRateLimited).with_retry_at(until)),
            None => Ok(()),
        }
    }

    fn submit(&mut self, credentials: &Credentials, continuation: Continuation) -> Result<Reply, Error> {
        self.passwords += 1;
        self.check_flood()?;
        if credentials.secret().is_none_or(|secret| secret.expose_secret() != self.password) {
            return Err(Error::of(Code::InvalidCredentials));
        }
        if self.code.is_none() {
            return Ok(Reply::Accepted(continuation));
        }
        self.codes += 1;
        let destination_masked = "m***@example.kz".to_owned();
        Ok(Reply::CodeSent { channel: Channel::Email, destination_masked, continuation })
    }

    fn answer(&mut self, answer: &Answer, continuation: Continuation) -> Reply {
        self.answers += 1;
        match answer {
            Answer::Code(code) if Some(code.expose_secret()) == self.code => Reply::Accepted(continuation),
            _ => {
                let error = LastError { code: Code::CodeRejected, portal_message: None };
                Reply::Rejected { error, continuation }
            }
        }
    }
}

type Told<'a, T> = BoxFuture<'a, Result<T, Error>>;

impl Engine for Portal {
    fn open(&self, request: OpenRequest) -> Told<'_, Continuation> {
        Box::pin(ready(Ok(Continuation(request.login.to_string().into()))))
    }

    fn submit<'a>(&'a self, at: Continuation, credentials: &'a Credentials) -> Told<'a, Reply> {
        if let Some(happens) = self.with(|world| world.while_submitting.take()) {
            happens();
        }
        let reply = self.with(|world| world.submit(credentials, at));
        if self.with(|world| world.silent) { Box::pin(pending()) } else { Box::pin(ready(reply)) }
    }

    fn answer<'a>(&'a self, at: Continuation, _: &'a Credentials, answer: &'a Answer) -> Told<'a, Reply> {
        Box::pin(ready(Ok(self.with(|world| world.answer(answer, at)))))
    }

    fn resend<'a>(&'a self, at: Continuation, _: &'a Credentials) -> Told<'a, Continuation> {
        let sent = self.with(|world| {
            world.check_flood()?;
            world.codes += 1;
            Ok(at)
        });
        Box::pin(ready(sent))
    }

    fn finish<'a>(&'a self, _: Continuation, _: Option<&'a MerchantUid>) -> Told<'a, Finished> {
        let meanwhile = self.with(|world| world.meanwhile.take());
        if let Some(happens) = meanwhile {
            happens();
        }
        let uid = MerchantUid::parse("11").unwrap();
        let merchant = Merchant { uid, name: Some("Shop".to_owned()), logo_url: None, points: [].into() };
        let session = NewSession { cookies: vec![], merchant, authenticated_at: Timestamp::UNIX_EPOCH };
        Box::pin(ready(Ok(Finished::Session { session: Box::new(session), device: None })))
    }

    fn renew<'a>(&'a self, _: &'a [Cookie], _: &'a MerchantUid) -> Told<'a, NewSession> {
        Box::pin(ready(Err(Error::of(Code::SsoExpired))))
    }

    fn give_up(&self, _: Continuation) -> BoxFuture<'_, ()> {
        self.with(|world| world.given_up += 1);
        Box::pin(ready(()))
    }
}
