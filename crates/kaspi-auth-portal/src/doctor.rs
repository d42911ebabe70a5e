//! Whether the portal can be reached at all: for an operator's check-up. Sends no credentials.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use kaspi_auth_core::Error;

use crate::direct::DirectEngine;
use crate::http::Request;
use crate::jar::Jar;
use crate::settings::HostRole;
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
        let started = Instant::now();
        let url = self.http.origins.at(HostRole::Login, "/login");
        let answer = self.http.exchange(&mut Jar::default(), Request::get("check-up", url)).await?;
        let page = match (answer.status, Shape::of(&answer)) {
            (500..=599, _) => Page::ServerError,
            (200, Shape::Html(shape::Page { login: true, .. } | shape::Page { shell: true, .. })) => {
                Page::Login
            }
            (403 | 429, _) | (_, Shape::Html(shape::Page { wall: true, .. })) => Page::Wall,
            _ => Page::Other,
        };
        let clock_ahead = answer.date.map(|date| date.duration_since(self.http.now()));
        Ok(Reachability { status: answer.status, page, clock_ahead, elapsed: started.elapsed() })
    }
}
