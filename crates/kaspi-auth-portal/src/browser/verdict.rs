//! What came of a step: the portal's answer to its own page, judged as for the direct engine, and what the page then shows. Either
//! alone will do. Must not act on it.

use std::time::Duration;

use jiff::Timestamp;
use kaspi_auth_browser::{FarmError, PageEvent};
use kaspi_auth_core::login::{Channel, LastError};
use kaspi_auth_core::{Code, Error};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use url::Url;

use super::acts;
use super::page::{Page, Trouble};
use super::report::{Report, Shows};
use crate::http::Answer;
use crate::recipe::Call;
use crate::settings::HostRole;
use crate::wire::login::{self, Said};
use crate::wire::refusal::Step;
use crate::wire::su::Asked;
use crate::wire::value::{label, uid};
use crate::wire::words::Words;

/// What a step came to.
pub(super) enum Verdict {
    /// In; where the portal then points to.
    Accepted(Option<String>),
    /// A code was sent; the portal's words on where to.
    CodeSent(Channel, String),
    /// Which merchant?
    Choose(Vec<Asked>),
    /// The answer was wrong; the login lives on.
    Rejected(LastError),
    /// Only a person can go on: a captcha, or else a page that nobody knows.
    Person { captcha: bool },
}

/// Who acts in the page meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// We do: the outcome is due by the deadline.
    Engine,
    /// A person does, who may err and try again.
    Person,
}

/// What is known so far.
#[derive(Default)]
struct Known {
    /// What the answer was that was not understood.
    answer: Option<Error>,
    /// What the page shows since.
    shown: Option<Report>,
    strange: bool,
}

impl Page {
    /// Waits for the outcome of a step. `Ok(None)`: a person has passed what stood before the form.
    pub(super) async fn verdict(
        &mut self,
        step: Step,
        who: Who,
        grace: Duration,
        deadline: Instant,
    ) -> Result<Option<Verdict>, Trouble> {
        let since = Instant::now();
        let result = self.wait_for_verdict(step, who, grace, deadline).await;
        let outcome = match &result {
            Ok(Some(verdict)) => verdict.name(),
            Ok(None) => "passed",
            Err(Trouble::Told(error)) => error.code().as_str(),
            Err(Trouble::Lost(_)) => "lost",
        };
        self.did(step.name(), outcome, since);
        result
    }

    async fn wait_for_verdict(
        &mut self,
        step: Step,
        who: Who,
        grace: Duration,
        deadline: Instant,
    ) -> Result<Option<Verdict>, Trouble> {
        let (mut known, mut until) = (Known::default(), deadline);
        loop {
            let Some(event) = self.next_event(until).await else {
                return self.decide(step, who, known).await;
            };
            let event = event?;
            let report = self.note(&event);
            match event {
                PageEvent::Response { url, status, headers, body } => {
                    let Some(answer) = self.answer_of(step, &url, status, &headers, body) else { continue };
                    match self.judge(step, &answer) {
                        Ok(Said::Rejected(_)) if who == Who::Person => {}
                        Ok(said) => {
                            self.reacts(step, &said, grace).await?;
                            return verdict_of(said).map(Some).map_err(Trouble::Told);
                        }
                        Err(error) if error.code() == Code::PortalChanged => {
                            // The page may have understood it.
                            until = until.min(Instant::now() + 4 * grace);
                            known.answer = Some(error);
                        }
                        Err(error) if error.code() == Code::PortalBlocked => {
                            if self.is_captcha_shown().await {
                                return Ok(Some(Verdict::Person { captcha: true }));
                            }
                            if who == Who::Engine {
                                return Err(error.into());
                            }
                        }
                        Err(error) if who == Who::Person && error.code() == Code::PortalUnavailable => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                PageEvent::Leaving { url, .. } => {
                    if let Some(verdict) = self.leaves(&url).await? {
                        return Ok(Some(verdict));
                    }
                }
                PageEvent::Report(_) => {
                    let Some(report) = report else { continue };
                    match self.is_outcome(step, who, &report) {
                        Outcome::No => {}
                        Outcome::Passed => return Ok(None),
                        Outcome::Strange => known.strange = true,
                        Outcome::Yes => {
                            known.shown = Some(report);
                            until = until.min(
                                Instant::now() + if known.answer.is_some() { Duration::ZERO } else { grace },
                            );
                        }
                    }
                }
                PageEvent::Loaded { .. } => {}
            }
        }
    }

    /// The answer reaches us before it reaches the page. Where the page stays as it is, what comes next must wait until the page has
    /// taken notice; where it goes on to something else, that is waited for anyway.
    async fn reacts(&mut self, step: Step, said: &Said, grace: Duration) -> Result<(), FarmError> {
        let signs: &[&str] = match said {
            Said::Rejected(_) => &["field_error", "general_error"],
            _ if step == Step::Resend => &["resent", "general_error", "field_error"],
            _ => return Ok(()),
        };
        self.go_on_acting("reaction", vec![acts::seen(signs)], Instant::now() + grace).await.map(drop)
    }

    /// The answer to the step's own call, if it is one.
    fn answer_of(
        &self,
        step: Step,
        url: &Url,
        status: u16,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Option<Answer> {
        if self.portal.http.origins.role(url) != Some(HostRole::Login) {
            return None;
        }
        let wanted = match self.recipe.call_at(url.path())? {
            Call::Login => step != Step::Resend || self.channel() == Channel::Sms,
            Call::Resend => step == Step::Resend,
            Call::Merchants => false,
        };
        wanted.then(|| Answer::of_page(url, status, headers, body))
    }

    /// The same judgement as the direct engine's.
    fn judge(&self, step: Step, answer: &Answer) -> Result<Said, Error> {
        let secrets: Vec<&str> = self.typed.iter().map(ExposeSecret::expose_secret).collect();
        let words = Words::without(&secrets);
        let now = self.portal.http.now();
        let said = match step {
            Step::Resend if self.channel() == Channel::Email => {
                login::read_resent(answer, &words, now).map(|()| Said::MailedCode(String::new()))
            }
            // Another SMS is asked for by sending the phone again.
            Step::Resend => login::read(answer, Step::Phone, &words, now),
            step => login::read(answer, step, &words, now),
        };
        self.portal.canary.answered(step, answer, &said);
        said
    }

    /// The page wants to go elsewhere: for a login that is in, unless it is the login page once more.
    pub(super) async fn leaves(&mut self, url: &Url) -> Result<Option<Verdict>, Trouble> {
        match self.portal.http.origins.role(url) {
            Some(HostRole::Login) if url.path().trim_end_matches('/') == "/login" => {
                if let Some((id, _)) = self.leaving.take() {
                    self.context.go_on(id).await?;
                }
                Ok(None)
            }
            Some(_) => Ok(Some(Verdict::Accepted(Some(url.to_string())))),
            None => {
                let detail = "The login page leads to a host that is not the portal's own; it was not followed. An operator must look at \
                              it.";
                Err(Error::new(Code::PortalChanged, detail).into())
            }
        }
    }

    fn is_outcome(&self, step: Step, who: Who, report: &Report) -> Outcome {
        if !self.is_news(report) {
            return Outcome::No;
        }
        let waits_to_send = self.pending.is_some() && !self.sent;
        match (report.shows, who) {
            (Shows::Form, Who::Person) if waits_to_send => Outcome::Passed,
            (Shows::Strange, _) => Outcome::Strange,
            (Shows::None, _)
            | (Shows::Captcha | Shows::Error | Shows::Wall | Shows::Down | Shows::Form, Who::Person) => {
                Outcome::No
            }
            // The form stays until the answer has come.
            (Shows::Form, _) if matches!(step, Step::Password | Step::Phone) && report.step != 0 => {
                Outcome::No
            }
            (Shows::Code, _) if step == Step::Code && report.step != 0 => Outcome::No,
            _ => Outcome::Yes,
        }
    }

    /// Time is up: what is known decides.
    async fn decide(&mut self, step: Step, who: Who, known: Known) -> Result<Option<Verdict>, Trouble> {
        match (known.answer, known.shown) {
            // The page did not understand it either.
            (Some(error), Some(report)) if report.shows == Shows::Error => Err(error.into()),
            (_, Some(report)) => self.by_page(step, &report).map(Some).map_err(Trouble::Told),
            (Some(error), None) => Err(error.into()),
            (None, None) if who == Who::Person => Err(FarmError::Expired.into()),
            (None, None)
                if known.strange || self.look().await.is_some_and(|now| now.shows == Shows::None) =>
            {
                Ok(Some(Verdict::Person { captcha: false }))
            }
            (None, None) => {
                let detail = "The portal did not answer its own page in time. Try again later.";
                Err(Error::new(Code::PortalUnavailable, detail).into())
            }
        }
    }

    /// The page alone decides.
    pub(super) fn by_page(&self, step: Step, report: &Report) -> Result<Verdict, Error> {
        match report.shows {
            Shows::Code => Ok(Verdict::CodeSent(self.channel_of(&report.text), report.text.clone())),
            Shows::Choice => {
                let asked: Vec<Asked> = report.options.iter().filter_map(asked).collect();
                if asked.is_empty() {
                    Err(Error::of(Code::PortalChanged))
                } else {
                    Ok(Verdict::Choose(asked))
                }
            }
            Shows::Cabinet => Ok(Verdict::Accepted(None)),
            Shows::Captcha => Ok(Verdict::Person { captcha: true }),
            Shows::Wall => Err(Error::of(Code::PortalBlocked)),
            Shows::Down => Err(Error::of(Code::PortalUnavailable)),
            Shows::Error => self.by_text(step, &report.text),
            Shows::Form => {
                let detail = "The portal went back to its first form. Start the login again.";
                Err(Error::new(Code::PortalLoginTimeout, detail))
            }
            Shows::Strange | Shows::None => Ok(Verdict::Person { captcha: false }),
        }
    }

    fn by_text(&self, step: Step, text: &str) -> Result<Verdict, Error> {
        let said = self.clean(text);
        let code = match (self.recipe.code_of_text(text), step) {
            // Below a field for a code, an unknown complaint is about the code.
            (None, Step::Code) => Code::CodeRejected,
            (None, _) => Code::KaspiAuthError,
            (Some(Code::CodeRejected | Code::CodeExpired), Step::Password | Step::Phone | Step::Choice) => {
                Code::KaspiAuthError
            }
            (Some(Code::InvalidCredentials), Step::Code | Step::Choice | Step::Resend) => {
                Code::PortalLoginTimeout
            }
            (Some(code), _) => code,
        };
        if step == Step::Code && matches!(code, Code::CodeRejected | Code::CodeExpired) {
            return Ok(Verdict::Rejected(LastError { code, portal_message: said }));
        }
        let error = Error::of(code).with_portal_message(said);
        Err(match code {
            Code::PortalRateLimited => error.with_retry_at(crate::http::later(self.now(), DEFAULT_BREAK)),
            _ => error,
        })
    }

    fn channel_of(&self, text: &str) -> Channel {
        let lower = text.to_lowercase();
        if lower.contains("смс") || lower.contains("sms") || lower.contains("телефон") {
            Channel::Sms
        } else if lower.contains("почт") || lower.contains("mail") || lower.contains("письм") {
            Channel::Email
        } else {
            self.channel()
        }
    }

    fn clean(&self, text: &str) -> Option<String> {
        let secrets: Vec<&str> = self.typed.iter().map(ExposeSecret::expose_secret).collect();
        Words::without(&secrets).clean(text)
    }

    fn now(&self) -> Timestamp {
        self.portal.http.now()
    }

    pub(super) async fn is_captcha_shown(&mut self) -> bool {
        self.look().await.is_some_and(|now| now.shows == Shows::Captcha)
    }
}

/// Where the page does not say how long a flood lasts.
const DEFAULT_BREAK: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

enum Outcome {
    No,
    Yes,
    Strange,
    Passed,
}

fn asked([id, name]: &[String; 2]) -> Option<Asked> {
    let uid = uid(&serde_json::Value::String(id.clone()))?;
    let name = Some(label(name)).filter(|name| !name.is_empty());
    Some(Asked { uid, name, merchant: id.clone(), user: id.clone() })
}

fn verdict_of(said: Said) -> Result<Verdict, Error> {
    Ok(match said {
        Said::Redirect(to) => Verdict::Accepted(Some(to)),
        Said::MailedCode(address) => Verdict::CodeSent(Channel::Email, address),
        Said::SentSms(phone) => Verdict::CodeSent(Channel::Sms, phone),
        Said::Choose(asked) => Verdict::Choose(asked),
        Said::Rejected(error) => Verdict::Rejected(error),
        Said::Unspecific(error) => return Err(error),
    })
}

impl Verdict {
    fn name(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::CodeSent(..) => "code_sent",
            Self::Choose(_) => "merchant_asked",
            Self::Rejected(_) => "rejected",
            Self::Person { captcha: true } => "captcha",
            Self::Person { captcha: false } => "unknown page",
        }
    }
}
