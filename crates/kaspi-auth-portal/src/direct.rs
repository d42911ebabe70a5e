//! The direct engine: drives a login by HTTP, without a browser (CONTRACT, 3.4 to 3.6).
//!
//! It holds no login: all that a login needs to go on is data in its continuation, so any node can go on with it. It
//! never sends a password or a code twice in a call, and decides nothing about when to try.

mod answer;
mod continuation;
mod finish;
mod open;
mod renew;
mod submit;
mod walk;

use std::sync::Arc;

use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::error::Error;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::{Answer, Continuation};
use kaspi_auth_core::port::{At, BoxFuture, Cabinet, Clock, Engine, Finished, OpenRequest, Reply};
use kaspi_auth_core::session::{Cookie, NewSession, Probe};

use crate::http::Http;
use crate::settings::PortalSettings;

/// Drives logins by HTTP, and looks after their sessions. Cheap to share; make one for each way out.
pub struct DirectEngine {
    pub(crate) http: Http,
}

impl DirectEngine {
    /// An engine for a portal.
    ///
    /// # Errors
    /// `invalid_value`: settings that cannot be used. `internal`: the HTTP client cannot be built, most likely for want
    /// of root certificates.
    pub fn new(settings: PortalSettings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Ok(Self { http: Http::new(settings, clock)? })
    }
}

impl Engine for DirectEngine {
    fn open(&self, request: OpenRequest) -> BoxFuture<'_, Result<Continuation, Error>> {
        Box::pin(self.open_way(request))
    }

    fn submit<'a>(&'a self, at: At, credentials: &'a Credentials) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(self.submit_credentials(at.continuation, credentials))
    }

    fn answer<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
        answer: &'a Answer,
    ) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(self.submit_answer(at.continuation, credentials, answer))
    }

    fn resend<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Continuation, Error>> {
        Box::pin(self.ask_for_code(at.continuation, credentials))
    }

    fn finish<'a>(
        &'a self,
        at: At,
        merchant: Option<&'a MerchantUid>,
    ) -> BoxFuture<'a, Result<Finished, Error>> {
        Box::pin(self.finish_login(at.continuation, merchant))
    }

    fn renew<'a>(
        &'a self,
        _route: &'a Route,
        cookies: &'a [Cookie],
        merchant: &'a MerchantUid,
    ) -> BoxFuture<'a, Result<NewSession, Error>> {
        Box::pin(self.renew_session(cookies, merchant))
    }

    /// No page is held that a person could move on.
    fn watch(&self, _at: At) -> BoxFuture<'_, Result<Reply, Error>> {
        Box::pin(std::future::pending())
    }

    /// Nothing is held, and no source knows of a way to sign out (CONTRACT, section 5).
    fn give_up(&self, _at: At) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Cabinet for DirectEngine {
    fn probe<'a>(
        &'a self,
        _route: &'a Route,
        cookies: &'a [Cookie],
        merchant: &'a MerchantUid,
    ) -> BoxFuture<'a, Probe> {
        Box::pin(self.probe_session(cookies, merchant))
    }

    fn host(&self) -> &str {
        self.http.origins.hosts()[2]
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        self.cabinet_headers()
    }
}
