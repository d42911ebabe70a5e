//! Waiting for a person who passes a captcha or goes on by hand in a page that is not known. Nothing is solved here.

use kaspi_auth_core::Error;
use kaspi_auth_core::port::{At, Reply};
use tokio::time::Instant;

use super::BrowserEngine;
use super::page::Trouble;
use super::report::Shows;
use super::seats::{Lent, Taken};
use super::submit::step_of;
use super::trouble::nothing_held;
use super::verdict::{Verdict, Who};
use crate::wire::refusal::Step;

impl BrowserEngine {
    pub(super) async fn watch_page(&self, at: At) -> Result<Reply, Error> {
        let until = Instant::now() + self.settings.hold;
        let mut lent = match self.seats.take(at.login, until).await {
            Taken::Page(lent) => lent,
            Taken::Again(_) | Taken::Nothing => return Err(nothing_held()),
        };
        let result = self.watch_until(&mut lent, until).await;
        self.reply(lent, result).await
    }

    async fn watch_until(&self, lent: &mut Lent, until: Instant) -> Result<Verdict, Trouble> {
        loop {
            if let Some(verdict) = self.moved_on(lent, until).await? {
                return Ok(verdict);
            }
            // What stood before the form is gone, and nothing has been sent yet: now we go on.
            let page = lent.page();
            let Some(credentials) = page.pending.clone() else { continue };
            let deadline = Instant::now() + self.settings.step_timeout;
            page.context.resume(deadline).await?;
            match self.send(page, &credentials, deadline).await? {
                Verdict::Person { captcha: true } if !page.sent => page.context.hold(until),
                verdict => return Ok(verdict),
            }
        }
    }

    /// `None`: the form waits, and what was to be sent can be.
    async fn moved_on(&self, lent: &mut Lent, until: Instant) -> Result<Option<Verdict>, Trouble> {
        let page = lent.page();
        if page.pending.is_some() && !page.sent && page.shows == Shows::Form {
            return Ok(None);
        }
        if let Some((_, url)) = page.leaving.clone()
            && let Some(verdict) = page.leaves(&url).await?
        {
            return Ok(Some(verdict));
        }
        let step = page.pending.as_ref().map_or(page.last_step(), step_of);
        page.verdict(step, Who::Person, self.settings.grace, until).await
    }
}

impl super::page::Page {
    /// The step whose outcome a person brings about.
    fn last_step(&self) -> Step {
        match (&self.facts.channel, self.facts.asked.is_empty()) {
            (_, false) => Step::Choice,
            (Some(_), _) => Step::Code,
            (None, _) if matches!(self.start.account, kaspi_auth_core::account::Account::Phone(_)) => {
                Step::Phone
            }
            (None, _) => Step::Password,
        }
    }
}
