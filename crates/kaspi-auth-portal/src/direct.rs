//! The direct engine: drives a login by HTTP, without a browser (CONTRACT, 3.4 to 3.6).
//!
//! It holds no login: all that a login needs to go on is data in its continuation, so any node can go on with it. It
//! never sends a password or a code twice in a call, and decides nothing about when to try.

mod answer;
pub(crate) mod continuation;
mod finish;
mod open;
mod renew;
pub(crate) mod submit;
mod walk;
mod ways;

use std::sync::Arc;

use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::error::Error;
use kaspi_auth_core::id::{LoginId, MerchantUid};
use kaspi_auth_core::login::{Answer, Continuation};
use kaspi_auth_core::port::{
    At, BoxFuture, Cabinet, Clock, Engine, EvidenceSink, Finished, OpenRequest, Reply, RouteCheck,
};
use kaspi_auth_core::session::{Cookie, NewSession, Probe};

use reqwest::header::HeaderMap;

use self::continuation::Trail;
use self::ways::Ways;
use crate::cabinet::{cabinet_headers, gateway};
use crate::canary::Canary;
use crate::evidence;
use crate::http::Http;
use crate::settings::PortalSettings;
use crate::visitor::Visitor;

/// Drives logins by HTTP, and looks after their sessions, each over its own way out. Cheap to share.
pub struct DirectEngine {
    ways: Ways,
}

/// The portal over one way out.
pub(crate) struct Portal {
    pub(crate) http: Http,
    /// What every call of the cabinet carries.
    pub(crate) script_headers: HeaderMap,
    pub(crate) canary: Canary,
    pub(crate) evidence: Option<Arc<dyn EvidenceSink>>,
}

impl DirectEngine {
    /// An engine for a portal.
    ///
    /// # Errors
    /// `invalid_value`: settings that cannot be used. `internal`: the HTTP client cannot be built, most likely for want
    /// of root certificates.
    pub fn new(settings: PortalSettings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Ok(Self { ways: Ways::new(settings, clock)? })
    }

    /// The portal over a route.
    ///
    /// # Errors
    /// `egress_unusable`: a proxy that cannot be written as an address.
    pub(crate) fn over(&self, route: &Route) -> Result<Arc<Portal>, Error> {
        self.ways.over(route)
    }

    /// The portal over this machine's own way out.
    pub(crate) fn here(&self) -> &Arc<Portal> {
        self.ways.here()
    }

    /// Shows the canary what the login page looks like now, without credentials: the fields in its text.
    ///
    /// # Errors
    /// As [`RouteCheck::check`].
    pub async fn probe_page(&self, route: &Route) -> Result<(), Error> {
        self.over(route)?.load_login_page(&mut Visitor::default()).await
    }
}

impl Portal {
    fn new(settings: &PortalSettings, clock: Arc<dyn Clock>, route: &Route) -> Result<Self, Error> {
        let http = Http::new(settings, clock, &route.way)?;
        Ok(Self {
            script_headers: gateway::ready_headers(cabinet_headers(&http)),
            http,
            canary: Canary(settings.shapes.clone()),
            evidence: settings.evidence.clone(),
        })
    }

    /// Keeps evidence of a call that failed.
    pub(crate) async fn note<T>(&self, login: LoginId, visitor: &Visitor, result: &Result<T, Error>) {
        if let (Err(error), Some(sink)) = (result, &self.evidence) {
            sink.keep(login, evidence::of_direct(visitor, error.code(), self.http.now())).await;
        }
    }

    async fn submit_noted(&self, at: At, credentials: &Credentials) -> Result<Reply, Error> {
        let mut trail = Trail::read(&at.continuation, &self.http.origins)?;
        let result = self.submit_credentials(&mut trail, credentials).await;
        self.note(at.login, &trail.visitor, &result).await;
        result
    }

    async fn answer_noted(&self, at: At, credentials: &Credentials, answer: &Answer) -> Result<Reply, Error> {
        let mut trail = Trail::read(&at.continuation, &self.http.origins)?;
        let result = self.submit_answer(&mut trail, credentials, answer).await;
        self.note(at.login, &trail.visitor, &result).await;
        result
    }

    async fn resend_noted(&self, at: At, credentials: &Credentials) -> Result<Continuation, Error> {
        let mut trail = Trail::read(&at.continuation, &self.http.origins)?;
        let result = self.ask_for_code(&mut trail, credentials).await;
        self.note(at.login, &trail.visitor, &result).await;
        result
    }

    async fn finish_noted(&self, at: At, merchant: Option<&MerchantUid>) -> Result<Finished, Error> {
        let mut trail = Trail::read(&at.continuation, &self.http.origins)?;
        let result = self.finish_login(&mut trail, merchant).await;
        self.note(at.login, &trail.visitor, &result).await;
        result
    }
}

impl Engine for DirectEngine {
    fn open(&self, request: OpenRequest) -> BoxFuture<'_, Result<Continuation, Error>> {
        Box::pin(async move { self.over(&request.route)?.open_way(request).await })
    }

    fn submit<'a>(&'a self, at: At, credentials: &'a Credentials) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move { self.over(&at.route)?.submit_noted(at, credentials).await })
    }

    fn answer<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
        answer: &'a Answer,
    ) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move { self.over(&at.route)?.answer_noted(at, credentials, answer).await })
    }

    fn resend<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Continuation, Error>> {
        Box::pin(async move { self.over(&at.route)?.resend_noted(at, credentials).await })
    }

    fn finish<'a>(
        &'a self,
        at: At,
        merchant: Option<&'a MerchantUid>,
    ) -> BoxFuture<'a, Result<Finished, Error>> {
        Box::pin(async move { self.over(&at.route)?.finish_noted(at, merchant).await })
    }

    fn renew<'a>(
        &'a self,
        route: &'a Route,
        cookies: &'a [Cookie],
        merchant: &'a MerchantUid,
    ) -> BoxFuture<'a, Result<NewSession, Error>> {
        Box::pin(async move { self.over(route)?.renew_session(cookies, merchant).await })
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
        route: &'a Route,
        cookies: &'a [Cookie],
        merchant: &'a MerchantUid,
    ) -> BoxFuture<'a, Probe> {
        Box::pin(async move {
            match self.over(route) {
                Ok(portal) => portal.probe_session(cookies, merchant).await,
                Err(error) => Probe {
                    validity: kaspi_auth_core::session::Validity::Unknown,
                    reason: error.detail().to_owned(),
                    cookies: cookies.to_vec(),
                    renewed: false,
                    replaced: false,
                    retry_at: None,
                },
            }
        })
    }

    fn host(&self) -> &str {
        self.here().http.origins.hosts()[2]
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        cabinet_headers(&self.here().http)
    }
}

impl RouteCheck for DirectEngine {
    fn check<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.check_route(route).await.map(|_| ()) })
    }
}
