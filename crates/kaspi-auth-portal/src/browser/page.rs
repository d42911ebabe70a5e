//! One login's page: what it holds, and how acts are done and events are read. Must not decide what an outcome means: `verdict`
//! does.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use kaspi_auth_browser::{Context, FarmError, LeavingId, PageEvent};
use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::error::Error;
use kaspi_auth_core::evidence::EvidenceStep;
use kaspi_auth_core::id::{LoginId, UserId};
use kaspi_auth_core::login::Channel;
use kaspi_auth_core::port::Device;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::report::{Acted, Report, Shows};
use super::script;
use super::seats::Call;
use crate::direct::Portal;
use crate::direct::continuation::{Facts, Trail};
use crate::jar::Jar;
use crate::recipe::{Call as PageCall, Recipe, Typing};
use crate::visitor::{self, Visitor};

/// How long one call may wait within the page: shorter than any farm lets a command run.
const IN_PAGE: Duration = Duration::from_secs(6);
/// More steps than any login takes.
const MOST_STEPS: usize = 100;

/// What a login is begun with: enough to begin it again while nothing secret has left.
#[derive(Clone)]
pub(super) struct Start {
    pub(super) login: LoginId,
    pub(super) user_id: Option<UserId>,
    pub(super) account: Account,
    pub(super) device: Option<Device>,
    pub(super) route: Route,
}

/// Why a step did not come to a verdict.
pub(super) enum Trouble {
    /// The page or its browser is gone.
    Lost(FarmError),
    /// The portal, or its page, says so.
    Told(Error),
}

impl From<FarmError> for Trouble {
    fn from(error: FarmError) -> Self {
        Self::Lost(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

/// A login's page. No `Debug`: it holds secrets in clear.
pub(super) struct Page {
    pub(super) context: Context,
    pub(super) start: Start,
    pub(super) recipe: Arc<Recipe>,
    pub(super) portal: Arc<Portal>,
    /// The credentials have left the page, or may have.
    pub(super) sent: bool,
    /// To be sent once a person has passed what stands before the form.
    pub(super) pending: Option<Credentials>,
    /// What the page showed last.
    pub(super) shows: Shows,
    /// It has shown the form for a code.
    pub(super) had_code: bool,
    /// A navigation that is held.
    pub(super) leaving: Option<(LeavingId, Url)>,
    pub(super) facts: Facts,
    pub(super) steps: Vec<EvidenceStep>,
    /// What was typed and must be in no evidence.
    pub(super) typed: Vec<SecretString>,
    /// The list of merchants, as the cabinet told it to its own page.
    pub(super) merchants: Option<Vec<u8>>,
    /// Calls from aside: a person who acts in the page.
    pub(super) aside: Option<mpsc::Receiver<Call>>,
    url: Url,
    step: u32,
    reloaded: bool,
}

impl Page {
    pub(super) fn new(
        context: Context,
        start: Start,
        recipe: Arc<Recipe>,
        portal: Arc<Portal>,
        url: Url,
    ) -> Self {
        Self {
            context,
            typed: vec![SecretString::from(start.account.portal_form())],
            start,
            recipe,
            portal,
            sent: false,
            pending: None,
            shows: Shows::None,
            had_code: false,
            leaving: None,
            facts: Facts::default(),
            steps: Vec::new(),
            merchants: None,
            aside: None,
            url,
            step: 0,
            reloaded: false,
        }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Where codes go for this account, unless the portal says otherwise.
    pub(super) fn channel(&self) -> Channel {
        self.facts.channel.unwrap_or(match self.start.account {
            Account::Email(_) => Channel::Email,
            Account::Phone(_) => Channel::Sms,
        })
    }

    pub(super) fn did(&mut self, name: &str, outcome: impl Into<String>, since: Instant) {
        if self.steps.len() < MOST_STEPS {
            self.steps.push(visitor::step(name, &self.url, outcome, since.elapsed()));
        }
    }

    /// Whether a report speaks of the present step.
    pub(super) fn is_news(&self, report: &Report) -> bool {
        report.step == self.step || (self.reloaded && report.step == 0)
    }

    /// Takes note of an event; what it says of the page as a whole is kept.
    pub(super) fn note(&mut self, event: &PageEvent) -> Option<Report> {
        match event {
            PageEvent::Report(text) => {
                let report = Report::read(text)?;
                self.shows = report.shows;
                self.had_code |= report.shows == Shows::Code;
                if let Some(name) = &report.user_agent {
                    self.facts.user_agent = Some(name.clone());
                }
                return Some(report);
            }
            PageEvent::Leaving { id, url } => self.leaving = Some((id.clone(), url.clone())),
            PageEvent::Loaded { url, .. } => {
                self.url = url.clone();
                self.reloaded = true;
                self.shows = Shows::None;
            }
            PageEvent::Response { url, body, .. } => {
                let is_portal = self.portal.http.origins.role(url).is_some();
                if is_portal && self.recipe.call_at(url.path()) == Some(PageCall::Merchants) {
                    self.merchants = Some(body.clone());
                }
            }
        }
        None
    }

    /// What happens next in the page; calls from aside are carried out meanwhile. `None`: time is up.
    pub(super) async fn next_event(&mut self, until: Instant) -> Option<Result<PageEvent, FarmError>> {
        loop {
            let call = tokio::select! {
                biased;
                Some(call) = called(&mut self.aside) => call,
                event = timeout_at(until, self.context.next()) => return event.ok(),
            };
            call.carry_out(self).await;
        }
    }

    /// Reads what has happened so far, so that it is not taken for the outcome of the next step.
    pub(super) fn catch_up(&mut self) -> Result<(), FarmError> {
        while let Some(event) = self.context.next().now_or_never() {
            let event = event?;
            self.note(&event);
        }
        Ok(())
    }

    /// Does acts in one call. What the page shows from then on belongs to this step.
    pub(super) async fn act(
        &mut self,
        name: &str,
        acts: Vec<Value>,
        deadline: Instant,
    ) -> Result<Acted, FarmError> {
        self.catch_up()?;
        self.step += 1;
        self.reloaded = false;
        self.go_on_acting(name, acts, deadline).await
    }

    /// Does acts in one call that belong to the present step.
    pub(super) async fn go_on_acting(
        &mut self,
        name: &str,
        acts: Vec<Value>,
        deadline: Instant,
    ) -> Result<Acted, FarmError> {
        let since = Instant::now();
        let millis = deadline.saturating_duration_since(since).min(IN_PAGE).as_millis();
        let arguments =
            [Value::from(self.step), Value::from(acts), Value::from(u64::try_from(millis).unwrap_or(0))];
        let called = self.context.call(script::ACT, &arguments).await;
        let acted = match called {
            Ok(value) => serde_json::from_value(value).unwrap_or(broken()),
            // The page went away under the call: the next events tell where to.
            Err(FarmError::Protocol { .. }) => broken(),
            Err(error) => {
                self.did(name, "lost", since);
                return Err(error);
            }
        };
        let outcome = if acted.ok { "done" } else { acted.fail.as_str() };
        self.did(name, outcome, since);
        if let Some(now) = &acted.now {
            self.shows = now.shows;
        }
        Ok(acted)
    }

    /// Types into the element that has the focus, as the recipe wants it.
    pub(super) async fn type_text(&mut self, text: &SecretString) -> Result<(), FarmError> {
        match self.recipe.typing() {
            Typing::Keys => self.context.press(text).await,
            Typing::Insert | Typing::Value => self.context.insert_text(text).await,
        }
    }

    /// What the page shows now.
    pub(super) async fn look(&mut self) -> Option<Report> {
        let value = self.context.call(script::NOW, &[]).await.ok()?;
        let report: Report = serde_json::from_value(value).ok()?;
        self.shows = report.shows;
        Some(report)
    }

    /// The login as data: its cookies and what is known, so that it goes on without the page.
    pub(super) async fn trail(&self) -> Result<Trail, FarmError> {
        let cookies = self.context.cookies().await?;
        let mut visitor = Visitor::with(Jar::from_cookies(&cookies, &self.portal.http.origins.hosts()));
        visitor.user_agent.clone_from(&self.facts.user_agent);
        Ok(Trail { visitor, facts: self.facts.clone() })
    }
}

async fn called(aside: &mut Option<mpsc::Receiver<Call>>) -> Option<Call> {
    match aside {
        Some(calls) => calls.recv().await,
        None => None,
    }
}

fn broken() -> Acted {
    Acted { ok: false, fail: "broken".to_owned(), element: None, now: None }
}
