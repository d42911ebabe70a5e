//! Whether the portal can be reached at all: for an operator's check-up. Sends no credentials.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::{Code, Error};

use crate::direct::DirectEngine;
use crate::http::Request;
use crate::settings::HostRole;
use crate::visitor::Visitor;
use crate::wire::shape::{self, Shape};

/// What the login page's address shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The login page, or the empty shell that its script fills.
    Login,
    /// A wall that keeps visitors out.
    Wall,
    /// A server error.
    ServerError,
    /// A page, but not one that is known: a stub, or the portal has changed.
    Other,
}

/// What came of asking for the login page.
#[derive(Debug, Clone)]
pub struct Reachability {
    /// The status.
    pub status: u16,
    /// What the page looks like.
    pub page: Page,
    /// By how much the portal's clock is ahead of ours; `None` where it did not tell. Whole seconds.
    pub clock_ahead: Option<SignedDuration>,
    /// How long the answer took.
    pub elapsed: Duration,
}

impl DirectEngine {
    /// Asks for the login page, without cookies or credentials.
    ///
    /// # Errors
    /// `portal_unavailable`: no name, no connection, no trust, no answer in time.
    pub async fn reachable(&self) -> Result<Reachability, Error> {
        self.reachable_over(&Route::direct()).await
    }

    /// The same over an egress.
    ///
    /// # Errors
    /// As [`reachable`](Self::reachable); `egress_unusable`: a proxy that cannot be written as an address.
    pub async fn reachable_over(&self, route: &Route) -> Result<Reachability, Error> {
        let started = Instant::now();
        let portal = self.over(route)?;
        let url = portal.http.origins.at(HostRole::Login, "/login");
        let answer = portal.http.exchange(&mut Visitor::default(), Request::get("check-up", url)).await?;
        let page = match (answer.status, Shape::of(&answer)) {
            (500..=599, _) => Page::ServerError,
            (200, Shape::Html(shape::Page { login: true, .. } | shape::Page { shell: true, .. })) => {
                Page::Login
            }
            (403 | 429, _) | (_, Shape::Html(shape::Page { wall: true, .. })) => Page::Wall,
            _ => Page::Other,
        };
        let clock_ahead = answer.date.map(|date| date.duration_since(portal.http.now()));
        Ok(Reachability { status: answer.status, page, clock_ahead, elapsed: started.elapsed() })
    }

    /// Tries an egress: fetches the login page over it, and says how long that took. Sends nothing secret.
    ///
    /// # Errors
    /// `portal_unavailable`: no answer, or a server's or a proxy's error. `portal_blocked`: a wall. `portal_changed`: a page that is
    /// not the portal's. `egress_unusable`: a proxy that cannot be written as an address.
    pub async fn check_route(&self, route: &Route) -> Result<Duration, Error> {
        let seen = self.reachable_over(route).await?;
        let error = |code: Code, what: &str| {
            Err(Error::new(
                code,
                format!("Over this egress the login page's address shows {what} (status {}).", seen.status),
            ))
        };
        match seen.page {
            Page::Login => Ok(seen.elapsed),
            Page::Wall => error(Code::PortalBlocked, "a wall"),
            Page::ServerError => error(Code::PortalUnavailable, "a server error"),
            Page::Other if seen.status == 407 => {
                error(Code::PortalUnavailable, "the proxy's refusal of our credentials")
            }
            Page::Other => error(Code::PortalChanged, "another page"),
        }
    }
}
