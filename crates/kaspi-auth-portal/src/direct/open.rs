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
use crate::wire::shape::{Page, Shape, trouble};
use crate::wire::words::Words;

impl DirectEngine {
    pub(super) async fn open_way(&self, request: OpenRequest) -> Result<Continuation, Error> {
        let mut jar = jar_of_device(request.device.as_ref());
        self.load_login_page(&mut jar).await?;
        Trail { jar, facts: Facts::default() }.write()
    }

    /// Loads the login page for its cookies. What the page shows is the browser's concern: only an outage or a wall
    /// stops us here.
    pub(super) async fn load_login_page(&self, jar: &mut Jar) -> Result<(), Error> {
        let url = self.http.origins.at(HostRole::Login, "/login");
        let answer = self.http.exchange(jar, as_visit(Request::get("login page", url))).await?;
        let shape = Shape::of(&answer);
        let is_wall = matches!(shape, Shape::Html(Page { wall: true, .. }));
        if matches!(answer.status, 403 | 408 | 425 | 429 | 500..=599) || is_wall {
            return Err(trouble(&answer, &shape, &Words::without(&[]), self.http.now()));
        }
        Ok(())
    }
}

/// The headers of a page visit.
pub(super) fn as_visit(request: Request) -> Request {
    request.with(header::ACCEPT, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
}
