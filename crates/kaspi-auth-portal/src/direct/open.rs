//! Opening: the login page, as a person's browser would load it. Sends nothing secret.
//!
//! One request, and worth it: an outage or a wall shows before a password is spent, and portals that want their cookie
//! first (F3's claim; F6 did without) get it. There is no kick-off here: the walk after the login needs a fresh one anyway,
//! since a person may take minutes to type a code.

use kaspi_auth_core::Error;
use kaspi_auth_core::login::Continuation;
use kaspi_auth_core::port::OpenRequest;
use reqwest::header;

use super::DirectEngine;
use super::continuation::{Facts, Trail, jar_of_device};
use crate::http::Request;
use crate::jar::Jar;
use crate::settings::HostRole;
use crate::wire::shape::{Shape, trouble};
use crate::wire::words::Words;

impl DirectEngine {
    pub(super) async fn open_way(&self, request: OpenRequest) -> Result<Continuation, Error> {
        let mut jar = jar_of_device(request.device.as_ref());
        self.load_login_page(&mut jar).await?;
        Trail { jar, facts: Facts::default() }.write()
    }

    /// Loads the login page for its cookies. What it shows is a browser's concern: only a status that means an outage or a
    /// wall stops us here.
    pub(super) async fn load_login_page(&self, jar: &mut Jar) -> Result<(), Error> {
        let url = self.http.origins.at(HostRole::Login, "/login");
        let answer = self.http.exchange(jar, as_visit(Request::get("login page", url))).await?;
        if !matches!(answer.status, 403 | 408 | 425 | 429 | 500..=599) {
            return Ok(());
        }
        Err(trouble(&answer, &Shape::of(&answer), &Words::without(&[]), self.http.now()))
    }
}

/// The headers of a page visit.
pub(super) fn as_visit(request: Request) -> Request {
    request.with(header::ACCEPT, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
}
