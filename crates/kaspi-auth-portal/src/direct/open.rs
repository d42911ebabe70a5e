//! Opening: the login page, as a person's browser would load it. Sends nothing secret.
//!
//! One request, and worth it: an outage or a wall shows before a password is spent, and portals that want their cookie
//! first (F3's claim; F6 did without) get it. There is no kick-off here: the walk after the login needs a fresh one anyway,
//! since a person may take minutes to type a code.

use kaspi_auth_core::Error;
use kaspi_auth_core::login::Continuation;
use kaspi_auth_core::port::OpenRequest;
use reqwest::header;

use super::Portal;
use super::continuation::{Facts, Trail, jar_of_device};
use crate::canary;
use crate::http::Request;
use crate::settings::HostRole;
use crate::visitor::Visitor;
use crate::wire::shape::{Shape, trouble};
use crate::wire::words::Words;

impl Portal {
    pub(super) async fn open_way(&self, request: OpenRequest) -> Result<Continuation, Error> {
        let mut trail =
            Trail { visitor: Visitor::with(jar_of_device(request.device.as_ref())), facts: Facts::default() };
        let loaded = self.load_login_page(&mut trail.visitor).await;
        self.note(request.login, &trail.visitor, &loaded).await;
        loaded.and_then(|()| trail.write())
    }

    /// Loads the login page for its cookies. What it shows is a browser's concern: only a status that means an outage or a
    /// wall stops us here.
    pub(super) async fn load_login_page(&self, visitor: &mut Visitor) -> Result<(), Error> {
        let url = self.http.origins.at(HostRole::Login, "/login");
        let answer = self.http.exchange(visitor, as_visit(Request::get("login page", url))).await?;
        if !matches!(answer.status, 403 | 408 | 425 | 429 | 500..=599) {
            if let Some(body) = &answer.body {
                let fields = || canary::fields(&canary::fields_of_html(&String::from_utf8_lossy(body)));
                self.canary.seen("login_page.direct", fields);
            }
            return Ok(());
        }
        Err(trouble(&answer, &Shape::of(&answer), &Words::without(&[]), self.http.now()))
    }
}

/// The headers of a page visit.
pub(super) fn as_visit(request: Request) -> Request {
    request.with(header::ACCEPT, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
}
