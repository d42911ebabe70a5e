//! Tries a recipe against the live page, and shows the page to the canary: without credentials.

use std::collections::BTreeMap;

use kaspi_auth_core::account::Account;
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::{Code, Error};
use serde::Deserialize;
use tokio::time::Instant;

use super::BrowserEngine;
use super::page::{Page, Start};
use super::report::{Report, Shows};
use super::script;
use super::trouble::{lost, not_opened};
use crate::recipe::Recipe;

/// How one element of a recipe fares against a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementCheck {
    /// Its name in the recipe.
    pub name: String,
    /// Whether the first page of the login must show it; the others come up later, or only at times.
    pub is_needed: bool,
    /// By which alternative it was found, counted from 1, as the recipe writes it.
    pub found: Option<(usize, String)>,
    /// An alternative that the browser does not take for a selector.
    pub unfit: Option<String>,
}

/// What a recipe finds on the login page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageCheck {
    /// The page's address.
    pub url: String,
    /// What the page shows, in a word: `form`, `captcha`, `wall`, `down`, `strange`.
    pub shows: String,
    /// Every element of the recipe.
    pub elements: Vec<ElementCheck>,
}

impl PageCheck {
    /// Whether a login can begin with this recipe.
    pub fn is_well(&self) -> bool {
        self.elements
            .iter()
            .all(|element| element.unfit.is_none() && (element.found.is_some() || !element.is_needed))
    }
}

#[derive(Deserialize)]
struct Found {
    by: Option<usize>,
    unfit: Option<usize>,
}

impl BrowserEngine {
    /// Tries each element of a recipe against the login page, the phone's field behind its tab included. Types and sends nothing.
    ///
    /// # Errors
    /// `browser_unavailable`, `egress_unusable`, `portal_unavailable`: no page. `browser_lost`: it went away.
    pub async fn check_page(&self, recipe: &Recipe, route: &Route) -> Result<PageCheck, Error> {
        let (page, first) = self.look_at_page(route).await?;
        let elements = recipe.for_page()["elements"].clone();
        let called = page.context.call(script::CHECK, &[elements]).await.map_err(lost)?;
        let found: BTreeMap<String, Found> =
            serde_json::from_value(called).map_err(|_| Error::of(Code::PortalChanged))?;
        let elements = recipe.elements().into_iter().map(|(name, is_needed, alternatives)| {
            let found = found.get(name);
            let at = |at: Option<usize>| at.and_then(|at| Some((at + 1, alternatives.get(at)?.clone())));
            ElementCheck {
                name: name.to_owned(),
                is_needed,
                found: at(found.and_then(|found| found.by)),
                unfit: at(found.and_then(|found| found.unfit)).map(|(_, text)| text),
            }
        });
        let shows = first.map_or(Shows::None, |report| report.shows);
        Ok(PageCheck {
            url: crate::visitor::without_values(page.url()),
            shows: format!("{shows:?}").to_lowercase(),
            elements: elements.collect(),
        })
    }

    /// Shows the canary the login page as a browser draws it, without credentials.
    ///
    /// # Errors
    /// As [`check_page`](Self::check_page); `portal_blocked`, `portal_changed`: a wall, or nothing that the recipe knows.
    pub async fn probe_page(&self, route: &Route) -> Result<(), Error> {
        let (page, first) = self.look_at_page(route).await?;
        match first {
            Some(report) if matches!(report.shows, Shows::Form | Shows::Captcha) => {
                page.tell_canary(&report);
                Ok(())
            }
            Some(report) if report.shows == Shows::Wall => Err(Error::of(Code::PortalBlocked)),
            Some(report) if report.shows == Shows::Down => Err(Error::of(Code::PortalUnavailable)),
            _ => Err(Error::of(Code::PortalChanged)),
        }
    }

    /// A page of nobody's, loaded now.
    async fn look_at_page(&self, route: &Route) -> Result<(Page, Option<Report>), Error> {
        let deadline = Instant::now() + self.settings.open_timeout;
        let start = Start {
            login: LoginId(uuid::Uuid::nil()),
            user_id: None,
            account: Account::email("nobody@example.invalid").map_err(|_| Error::of(Code::Internal))?,
            device: None,
            route: route.clone(),
        };
        let mut page =
            self.lease(start, None, deadline).await.map_err(|error| not_opened(error, self.now()))?;
        if !page.context.was_warm() {
            let first = Report::read(page.context.first_report());
            return Ok((page, first));
        }
        let url = page.url().clone();
        page.context.navigate(&url).await.map_err(|error| not_opened(error, self.now()))?;
        let first = page.next_report(deadline).await.map_err(lost)?;
        Ok((page, first))
    }
}
