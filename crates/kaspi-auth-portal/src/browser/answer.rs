//! A person's answer goes into the page, once: a code, or the merchant that was chosen; and the wish for another code.

use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::login::{Answer, Continuation};
use kaspi_auth_core::port::{At, Reply};
use kaspi_auth_core::{Code, Error};
use secrecy::SecretString;
use tokio::time::Instant;

use super::BrowserEngine;
use super::acts;
use super::open::held;
use super::page::{Page, Trouble};
use super::report::{Acted, Shows};
use super::seats::{Lent, Taken};
use super::submit::done;
use super::trouble::nothing_held;
use super::verdict::{Verdict, Who};
use crate::recipe::Typing;
use crate::wire::refusal::Step;

impl BrowserEngine {
    pub(super) async fn submit_answer(
        &self,
        at: At,
        _credentials: &Credentials,
        answer: &Answer,
    ) -> Result<Reply, Error> {
        let mut lent = self.take_held(&at).await?;
        let result = self.answer_once(&mut lent, answer).await;
        match result {
            // The page waits for a choice that it has: nothing was sent.
            Err(Trouble::Told(error)) if error.code() == Code::MerchantNotListed => {
                lent.keep(Instant::now() + self.settings.hold);
                Err(error)
            }
            result => self.reply(lent, result).await,
        }
    }

    async fn answer_once(&self, lent: &mut Lent, answer: &Answer) -> Result<Verdict, Trouble> {
        let deadline = Instant::now() + self.settings.step_timeout;
        let page = lent.page();
        page.context.resume(deadline).await?;
        page.catch_up()?;
        let step = match answer {
            Answer::Code(code) => {
                page.type_code(code, deadline).await?;
                Step::Code
            }
            Answer::Merchant(uid) => {
                let asked = page.facts.asked.iter().find(|asked| asked.uid == *uid).cloned();
                let asked = asked.ok_or_else(|| Error::of(Code::MerchantNotListed))?;
                page.facts.chosen = Some(uid.clone());
                let acted = page.act("choice", vec![acts::choose(&asked)], deadline).await?;
                if !acted.ok && acted.fail != "broken" {
                    return Err(page.stopped(Step::Choice, &acted));
                }
                Step::Choice
            }
        };
        let verdict = page.verdict(step, Who::Engine, self.settings.grace, deadline).await?;
        verdict.ok_or_else(|| Error::of(Code::PortalChanged).into())
    }

    pub(super) async fn ask_for_code(
        &self,
        at: At,
        _credentials: &Credentials,
    ) -> Result<Continuation, Error> {
        let mut lent = self.take_held(&at).await?;
        let until = Instant::now() + self.settings.hold;
        match self.resend_once(&mut lent).await {
            Ok(()) => {
                lent.page().context.hold(until);
                lent.keep(until);
                Ok(held())
            }
            // The page is as it was: the first code may still be on its way.
            Err(Trouble::Told(error))
                if !matches!(error.code(), Code::PortalLoginTimeout | Code::CodeAttemptsExhausted) =>
            {
                lent.page().context.hold(until);
                lent.keep(until);
                Err(error)
            }
            Err(trouble) => Err(self.failed(lent, trouble).await),
        }
    }

    async fn resend_once(&self, lent: &mut Lent) -> Result<(), Trouble> {
        let deadline = Instant::now() + self.settings.step_timeout;
        let page = lent.page();
        page.context.resume(deadline).await?;
        let acted = page.act("resend", vec![acts::wait("code"), acts::press("resend")], deadline).await?;
        match acted.fail.as_str() {
            "missing" => return Err(Error::of(Code::ResendUnavailable).into()),
            "disabled" => {
                let at = crate::http::later(self.now(), jiff::SignedDuration::from_mins(1));
                return Err(Error::of(Code::PortalRateLimited).with_retry_at(at).into());
            }
            _ => done(&acted)?,
        }
        match page.resent(self.settings.grace, deadline).await? {
            Verdict::CodeSent(..) => Ok(()),
            Verdict::Rejected(error) => {
                Err(Error::of(error.code).with_portal_message(error.portal_message).into())
            }
            _ => Err(Error::of(Code::PortalChanged).into()),
        }
    }

    /// The page that waits for an answer.
    async fn take_held(&self, at: &At) -> Result<Lent, Error> {
        match self.seats.take(at.login, Instant::now() + self.settings.hold).await {
            Taken::Page(lent) => Ok(lent),
            Taken::Again(_) | Taken::Nothing => Err(nothing_held()),
        }
    }
}

impl Page {
    async fn type_code(&mut self, code: &SecretString, deadline: Instant) -> Result<(), Trouble> {
        if self.had_code && self.shows == Shows::Form {
            // The portal's own time was over while nobody answered.
            return Err(Error::of(Code::PortalLoginTimeout).into());
        }
        self.typed.push(code.clone());
        let acted = if self.recipe.typing() == Typing::Value {
            let acts = vec![acts::fill("code", code), acts::tick("remember"), acts::click("submit")];
            self.act("code", acts, deadline).await?
        } else {
            self.act("code", vec![acts::focus("code")], deadline)
                .await
                .map_err(Trouble::Lost)
                .and_then(|acted| done(&acted))?;
            self.type_text(code).await?;
            let acts = vec![acts::settled("code"), acts::tick("remember"), acts::click("submit")];
            self.go_on_acting("code", acts, deadline).await?
        };
        // A page may send a code as soon as it is complete, and be gone before the button is pressed.
        if acted.ok || acted.fail == "broken" || is_past(&acted) {
            return Ok(());
        }
        Err(self.stopped(Step::Code, &acted))
    }

    /// Waits for word on another code.
    async fn resent(&mut self, grace: std::time::Duration, deadline: Instant) -> Result<Verdict, Trouble> {
        let channel = self.channel();
        match self.verdict(Step::Resend, Who::Engine, grace, deadline).await? {
            Some(Verdict::CodeSent(..)) => Ok(Verdict::CodeSent(channel, String::new())),
            Some(verdict) => Ok(verdict),
            None => Err(Error::of(Code::PortalChanged).into()),
        }
    }

    /// What the page shows in place of what acts wanted.
    pub(super) fn shown_instead(&self, step: Step, acted: &Acted) -> Option<Error> {
        let now = acted.now.as_ref()?;
        match (acted.fail.as_str(), now.shows) {
            ("error", Shows::Error) => self.by_page(step, now).err(),
            (_, Shows::Wall) => Some(Error::of(Code::PortalBlocked)),
            (_, Shows::Down) => Some(Error::of(Code::PortalUnavailable)),
            (_, Shows::Form) if matches!(step, Step::Code | Step::Choice) => {
                Some(Error::of(Code::PortalLoginTimeout))
            }
            _ => None,
        }
    }
}

/// The form for the code was gone before its button could be pressed.
fn is_past(acted: &Acted) -> bool {
    acted.element.as_deref() == Some("submit")
        && acted.now.as_ref().is_some_and(|now| now.shows != Shows::Code)
}
