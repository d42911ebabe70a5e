//! From the accepted login to the session: over HTTP with the page's cookies, its way out and its name; and where that meets a wall
//! or another shape, by letting the browser itself walk on, while its page still lives.

use kaspi_auth_browser::PageEvent;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::{At, Finished};
use kaspi_auth_core::{Code, Error};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use super::BrowserEngine;
use super::page::{Page, Trouble};
use super::report::Shows;
use super::seats::{Lent, Taken};
use super::submit::as_error;
use super::trouble::nothing_held;
use crate::cabinet::listed;
use crate::direct::continuation::Trail;

impl BrowserEngine {
    pub(super) async fn finish_login(
        &self,
        at: At,
        merchant: Option<&MerchantUid>,
    ) -> Result<Finished, Error> {
        if at.continuation.0.expose_secret() == super::open::held().0.expose_secret() {
            return Err(nothing_held());
        }
        let until = Instant::now() + self.settings.finish_timeout;
        let portal = self.direct.over(&at.route)?;
        let mut trail = Trail::read(&at.continuation, &portal.http.origins)?;
        let since = Instant::now();
        let walked = portal.finish_login(&mut trail, merchant).await;
        // Elsewhere, or after a restart, there is no page: the data alone will do.
        let lent = match self.seats.take(at.login, until).await {
            Taken::Page(lent) => Some(lent),
            Taken::Again(_) | Taken::Nothing => None,
        };
        match (walked, lent) {
            (Ok(finished), lent) => {
                if let Some(lent) = lent {
                    lent.end();
                }
                Ok(finished)
            }
            (Err(error), Some(mut lent)) => {
                let page = lent.page();
                page.steps.append(&mut trail.visitor.steps);
                page.did("finish", error.code().as_str(), since);
                match error.code() {
                    Code::PortalBlocked | Code::PortalChanged | Code::KaspiAuthError => {
                        self.finish_in_page(lent, trail, merchant, error).await
                    }
                    // The finish can be repeated, and may then be refused.
                    Code::PortalUnavailable => {
                        super::proof::keep(lent.page(), Some(error.code()), None).await;
                        lent.keep(until);
                        Err(error)
                    }
                    _ => Err(self.failed(lent, error.into()).await),
                }
            }
            (Err(error), None) => {
                let result = Err(error);
                portal.note(at.login, &trail.visitor, &result).await;
                result
            }
        }
    }

    async fn finish_in_page(
        &self,
        mut lent: Lent,
        trail: Trail,
        merchant: Option<&MerchantUid>,
        refused: Error,
    ) -> Result<Finished, Error> {
        tracing::debug!(
            code = refused.code().as_str(),
            "the walk over HTTP was refused; the browser walks on"
        );
        match self.walk_in_page(lent.page(), trail, merchant).await {
            Ok(finished) => {
                lent.end();
                Ok(finished)
            }
            Err(trouble) => {
                let later = as_error(trouble);
                // Where the browser came no further, the first word counts.
                let error = if later.code() == Code::PortalUnavailable || later.code() == Code::BrowserLost {
                    refused
                } else {
                    later
                };
                Err(self.failed(lent, error.into()).await)
            }
        }
    }

    async fn walk_in_page(
        &self,
        page: &mut Page,
        trail: Trail,
        merchant: Option<&MerchantUid>,
    ) -> Result<Finished, Trouble> {
        let deadline = Instant::now() + self.settings.finish_timeout;
        page.context.resume(deadline).await?;
        page.walk_on(deadline).await?;
        let mut inside = page.trail().await?;
        inside.facts = trail.facts;
        inside.facts.redirect = None;
        inside.facts.entered = true;
        let portal = self.portal_of(&page.start)?;
        let finished = portal.finish_login(&mut inside, merchant).await;
        let body = page.merchants.as_deref().and_then(|body| serde_json::from_slice(body).ok());
        match (finished, body) {
            // The cabinet told its own page what it does not tell us.
            (Err(error), Some(serde_json::Value::Object(body)))
                if matches!(
                    error.code(),
                    Code::PortalBlocked | Code::PortalChanged | Code::KaspiAuthError
                ) =>
            {
                let Some(listed) = listed(&body) else { return Err(error.into()) };
                // What the walk over HTTP set is no part of what the browser holds.
                let mut inside = page.trail().await?;
                inside.facts.user_agent.clone_from(&page.facts.user_agent);
                portal.settle(&mut inside, &listed, merchant).await.map_err(Trouble::Told)
            }
            (finished, _) => finished.map_err(Trouble::Told),
        }
    }
}

impl Page {
    /// Lets every navigation of the portal go on until the cabinet is shown.
    async fn walk_on(&mut self, deadline: Instant) -> Result<(), Trouble> {
        let since = Instant::now();
        if let Some((id, _)) = self.leaving.take() {
            self.context.go_on(id).await?;
        }
        loop {
            let Some(event) = self.next_event(deadline).await else {
                return Err(Error::of(Code::PortalUnavailable).into());
            };
            let event = event?;
            let report = self.note(&event);
            match (event, report) {
                (PageEvent::Leaving { id, url }, _) => {
                    self.leaving = None;
                    if self.portal.http.origins.role(&url).is_none() {
                        return Err(Error::of(Code::PortalChanged).into());
                    }
                    self.context.go_on(id).await?;
                }
                (_, Some(report)) => match report.shows {
                    Shows::Cabinet => {
                        self.did("walk in the browser", "cabinet", since);
                        return Ok(());
                    }
                    Shows::Wall => return Err(Error::of(Code::PortalBlocked).into()),
                    Shows::Down => return Err(Error::of(Code::PortalUnavailable).into()),
                    Shows::Form
                        if self.url().path().trim_end_matches('/') == "/login" && report.step == 0 =>
                    {
                        return Err(Error::of(Code::PortalLoginTimeout).into());
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }
}
