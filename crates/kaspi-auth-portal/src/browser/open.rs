//! Opening: a context of its own with the login page in it, usually warm. Sends nothing secret.

use std::sync::Arc;

use kaspi_auth_browser::{Ask, FarmError, ShardId};
use kaspi_auth_core::login::Continuation;
use kaspi_auth_core::port::OpenRequest;
use kaspi_auth_core::{Code, Error};
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use super::BrowserEngine;
use super::page::{Page, Start, Trouble};
use super::proof;
use super::report::{Report, Shows};
use super::trouble::{lost, not_opened};
use crate::canary;
use crate::direct::continuation::jar_of_device;
use crate::settings::HostRole;

/// How often another shard is tried while nothing secret has left.
pub(super) const TRIES: usize = 3;

/// The continuation of a login whose page is held: there is nothing to say but that.
const HELD: &str = r#"{"v":1,"held":true}"#;

/// How a login goes on whose page is held here.
pub(super) fn held() -> Continuation {
    Continuation(SecretString::from(HELD))
}

impl BrowserEngine {
    pub(super) async fn open_login(&self, request: OpenRequest) -> Result<Continuation, Error> {
        let OpenRequest { login, user_id, account, device, route } = request;
        let start = Start { login, user_id, account, device, route };
        let page = self.open_page(start, None).await?;
        let until = Instant::now() + self.settings.open_timeout;
        self.seats.lend(page, until).await.keep(until);
        Ok(held())
    }

    /// A page that waits for an account, on another shard than `avoid`.
    pub(super) async fn open_page(&self, start: Start, mut avoid: Option<ShardId>) -> Result<Page, Error> {
        let deadline = Instant::now() + self.settings.open_timeout;
        let mut last = None;
        for _ in 0..TRIES {
            let page = match self.lease(start.clone(), avoid, deadline).await {
                Ok(page) => page,
                Err(error) if error.is_lost() => {
                    last = Some(error);
                    continue;
                }
                // There may be no other shard.
                Err(FarmError::NoShard { .. }) if avoid.take().is_some() => continue,
                Err(error) => return Err(not_opened(error, self.now())),
            };
            let shard = page.context.shard();
            match self.prepare(page, deadline).await {
                Ok(page) => return Ok(page),
                Err(Trouble::Lost(error)) if error.is_lost() => {
                    tracing::debug!(%error, %shard, "a browser was lost while a page was opened");
                    (avoid, last) = (Some(shard), Some(error));
                }
                Err(Trouble::Lost(error)) => return Err(not_opened(error, self.now())),
                Err(Trouble::Told(error)) => return Err(error),
            }
        }
        Err(last.map_or_else(|| Error::of(Code::BrowserUnavailable), lost))
    }

    pub(super) async fn lease(
        &self,
        start: Start,
        avoid: Option<ShardId>,
        deadline: Instant,
    ) -> Result<Page, FarmError> {
        let recipe = self.recipe();
        let portal = self
            .direct
            .over(&start.route)
            .map_err(|error| FarmError::UnfitRoute(error.detail().to_owned()))?;
        let tenant = start.user_id.as_ref().map(ToString::to_string).unwrap_or_default();
        let since = Instant::now();
        let ask = Ask { tenant, route: start.route.clone(), deadline, avoid };
        let context = self.farm.lease(ask).await?;
        let url = portal.http.origins.at(HostRole::Login, "/login");
        let warm = context.was_warm();
        let mut page = Page::new(context, start, recipe, portal, url);
        page.did("lease", if warm { "warm" } else { "cold" }, since);
        Ok(page)
    }

    /// Brings the remembered device in, and makes sure that the page shows a form.
    async fn prepare(&self, mut page: Page, deadline: Instant) -> Result<Page, Trouble> {
        let device = jar_of_device(page.start.device.as_ref()).cookies();
        if !device.is_empty() {
            page.context.set_cookies(&device).await?;
        }
        let mut first = Report::read(page.context.first_report());
        let waits = |report: &Option<Report>| {
            report.as_ref().is_some_and(|report| matches!(report.shows, Shows::Form | Shows::Captcha))
        };
        if page.context.was_warm() && !waits(&first) {
            // It was warmed in worse times: whatever stood there then may be over.
            let url = page.url().clone();
            page.context.navigate(&url).await?;
            first = page.next_report(deadline).await?;
        }
        if let Some(report) = &first {
            page.shows = report.shows;
            page.facts.user_agent.clone_from(&report.user_agent);
            page.tell_canary(report);
        }
        if waits(&first) {
            return Ok(page);
        }
        let error = not_a_form(first.as_ref());
        proof::keep(&mut page, Some(error.code()), None).await;
        Err(error.into())
    }

    pub(super) fn now(&self) -> jiff::Timestamp {
        self.direct.here().http.now()
    }

    pub(super) fn portal_of(&self, start: &Start) -> Result<Arc<crate::direct::Portal>, Error> {
        self.direct.over(&start.route)
    }
}

impl Page {
    pub(super) fn tell_canary(&self, report: &Report) {
        self.portal.canary.seen("login_page.browser", || canary::fields(&report.fields));
    }

    /// The next report of the page, whatever it says; `None` at the deadline.
    pub(super) async fn next_report(&mut self, deadline: Instant) -> Result<Option<Report>, FarmError> {
        loop {
            let Ok(event) = timeout_at(deadline, self.context.next()).await else { return Ok(None) };
            if let Some(report) = self.note(&event?) {
                return Ok(Some(report));
            }
        }
    }
}

/// What a page is that should have shown a form.
fn not_a_form(report: Option<&Report>) -> Error {
    let Some(report) = report else {
        return Error::new(
            Code::PortalUnavailable,
            "The login page did not get ready in time. Try again later.",
        );
    };
    match report.shows {
        Shows::Wall => Error::of(Code::PortalBlocked),
        Shows::Down => Error::of(Code::PortalUnavailable),
        _ => {
            let detail = format!(
                "The login page shows nothing that the recipe knows ({}, status {}): it has changed. An operator must look at the \
                 evidence and mend the recipe.",
                report.path, report.status
            );
            Error::new(Code::PortalChanged, detail)
        }
    }
}
