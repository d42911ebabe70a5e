//! Carries out the effects of a login until it waits for the caller or ends. The only caller of the engine's logins.

use jiff::{SignedDuration, Timestamp};

use super::{Logins, Work};
use crate::account::Method;
use crate::egress::{Egress, Route, Sign};
use crate::error::{Code, Error, Result};
use crate::keeping::Origin;
use crate::login::{
    Answer, Continuation, Driver, Effect, EngineChoice, Event, Failure, LastError, Login, step,
};
use crate::port::{
    AccountNote, At, Finished, LoginUpdate, OpenRequest, Reply, RepositoryError, SecretsChange, StepTaken,
};

/// How long a locked account is left alone when the portal does not say.
const LOCKED_FOR: SignedDuration = SignedDuration::from_mins(15);
/// How often the word on another code is tried on what others left.
const TRIES: u32 = 3;
/// Between two tries of storing an outcome: doubled each time.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_millis(250);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(4);

/// What the outside said, as an event; with it, the parts that are stored in the same transaction.
pub(super) struct Outcome {
    event: Event,
    /// The engine has a new continuation in the work's secrets.
    continued: bool,
    note: Option<AccountNote>,
}

impl Outcome {
    pub(super) fn of(event: Event) -> Self {
        Self { event, continued: false, note: None }
    }
}

impl Logins {
    /// Carries the work's effects out, and those that follow from them.
    ///
    /// # Errors
    /// Only when an outcome could not be stored: the login's lease then runs out and another pass takes it over.
    pub async fn drive(&self, mut work: Work) -> Result<()> {
        while !work.effects.is_empty() {
            if work.effects[0] == Effect::Watch {
                // A wait for a person takes no turn.
                self.runner.watch(work);
                return Ok(());
            }
            let effect = work.effects.remove(0);
            let Some(outcome) = self.carry_out(&mut work, effect).await? else { continue };
            if !self.store_outcome(&mut work, outcome).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Does what the effect says. `None`: nothing is left to tell the login.
    async fn carry_out(&self, work: &mut Work, effect: Effect) -> Result<Option<Outcome>> {
        let told = match effect {
            Effect::Open => self.open(work).await,
            Effect::Submit => self.submit(work).await,
            Effect::Answer(answer) => self.answer_challenge(work, &answer).await,
            Effect::Resend => return Ok(Some(self.resend_code(work).await)),
            Effect::Finish { merchant } => return self.finish(work, merchant).await,
            Effect::Watch => return Ok(None),
            Effect::GiveUp => {
                self.give_up(work).await;
                return Ok(None);
            }
        };
        Ok(Some(told.unwrap_or_else(|error| failed(&error))))
    }

    /// Lets go of what the engine holds. A way out that is gone meanwhile holds nothing back.
    async fn give_up(&self, work: &mut Work) {
        self.held.remove(work.login.id);
        let Some(continuation) = work.secrets.continuation.take() else { return };
        if let Ok(engine) = self.engines.of(work.login.driver) {
            let route = match &work.egress {
                Some(egress) => egress.route(),
                None => self.egresses.way_back(work.login.egress).await,
            };
            engine.give_up(at_of(&work.login, route, Some(continuation))).await;
        }
    }

    /// The login's way out, read once for a work.
    async fn way(&self, work: &mut Work) -> Result<Egress> {
        if let Some(egress) = &work.egress {
            return Ok(egress.clone());
        }
        let egress = self.egresses.keep_to(work.login.egress).await?;
        work.egress = Some(egress.clone());
        Ok(egress)
    }

    /// Where the login stands, for the engine.
    pub(super) async fn at(&self, work: &mut Work) -> Result<At> {
        let continuation = work.secrets.continuation.clone().ok_or(Code::LoginInterrupted)?;
        let egress = self.way(work).await?;
        Ok(at_of(&work.login, egress.route(), Some(continuation)))
    }

    /// Tells what a step came to: to those who measure, and to the health of the way out.
    pub(super) async fn stepped<T>(
        &self,
        work: &Work,
        name: &'static str,
        since: Timestamp,
        result: &Result<T>,
    ) {
        let took = since.duration_until(self.clock.now());
        let error = result.as_ref().err().map(Error::code);
        self.changes.stepped(&work.login, StepTaken { name, took, error });
        let sign = match error {
            // A wall that a browser gets past is not the way's, and one that it does not get past is noted then: once a login.
            Some(Code::PortalBlocked) if self.goes_to_browser(&work.login, name) => return,
            Some(Code::PortalBlocked) => Sign::Blocked,
            Some(Code::PortalUnavailable) => Sign::Unreachable,
            // A page that opens makes no wall behind the password good.
            None if matches!(name, "open" | "save") => return,
            // Nothing was learned of the way.
            Some(
                Code::BrowserLost
                | Code::BrowserUnavailable
                | Code::EngineUnavailable
                | Code::EgressUnusable
                | Code::LoginInterrupted
                | Code::DatabaseUnavailable
                | Code::Internal,
            ) => return,
            _ => Sign::Passed,
        };
        if let Some(egress) = &work.egress {
            // Not noted: the login's own outcome is worth more, and the next sign comes soon.
            let _ = self.egresses.note(egress, sign).await;
        }
    }

    /// Whether a wall at this step sends the login on to a browser.
    fn goes_to_browser(&self, login: &Login, step: &str) -> bool {
        matches!(step, "open" | "submit")
            && login.engine == EngineChoice::Auto
            && login.driver == Driver::Direct
            && self.engines.browser.is_some()
    }

    async fn open(&self, work: &mut Work) -> Result<Outcome> {
        let egress = self.way(work).await?;
        self.take_turn(work, &egress).await?;
        let login = &work.login;
        let device = self.database.device(login.user_id.as_ref(), &login.account).await?;
        let request = OpenRequest {
            login: login.id,
            user_id: login.user_id.clone(),
            account: login.account.clone(),
            device,
            route: egress.route(),
        };
        let since = self.clock.now();
        let opened = self.engines.of(login.driver)?.open(request).await;
        self.stepped(work, "open", since, &opened).await;
        match opened {
            Ok(continuation) => {
                work.secrets.continuation = Some(continuation);
                if work.login.driver == Driver::Browser {
                    work.login.holder = Some(self.node);
                    self.held.insert(work.login.id);
                }
                Ok(Outcome::of(Event::Opened))
            }
            Err(error) => Ok(self.unfit_or_failed(&error)),
        }
    }

    /// A wall, a captcha or another shape is worth a try in a browser, where there is one; the rules say for which logins.
    fn unfit_or_failed(&self, error: &Error) -> Outcome {
        let unfit = matches!(error.code(), Code::PortalBlocked | Code::PortalChanged);
        if unfit && self.engines.browser.is_some() {
            return Outcome::of(Event::Unfit(Failure::from(error)));
        }
        failed(error)
    }

    async fn answer_challenge(&self, work: &mut Work, answer: &Answer) -> Result<Outcome> {
        let at = self.at(work).await?;
        let engine = self.engines.of(work.login.driver)?;
        let since = self.clock.now();
        let answered = engine.answer(at, &work.secrets.credentials, answer).await;
        self.stepped(work, "answer", since, &answered).await;
        Ok(match answered {
            Ok(reply) => replied(work, reply),
            Err(error) => self.refused(&error),
        })
    }

    /// Sends the credentials, unless the account's past forbids it (ARCHITECTURE, 3.7).
    async fn submit(&self, work: &mut Work) -> Result<Outcome> {
        let at = self.at(work).await?;
        self.take_attempt(work).await?;
        let engine = self.engines.of(work.login.driver)?;
        let since = self.clock.now();
        let reply = engine.submit(at, &work.secrets.credentials).await;
        self.stepped(work, "submit", since, &reply).await;
        // What the portal itself says is remembered; what is said without it (above) is not.
        Ok(match reply {
            Ok(reply) => {
                // A picture or an unknown page says nothing about the password.
                let judged = !matches!(reply, Reply::PersonAsked { .. });
                self.count_code(work, &reply).await;
                let mut outcome = replied(work, reply);
                outcome.note = (judged && work.login.account.method() == Method::Password)
                    .then_some(AccountNote::PasswordAccepted);
                outcome
            }
            Err(error) => {
                let rejected = error.code() == Code::InvalidCredentials;
                if rejected {
                    self.count_rejection(work).await;
                }
                let mut outcome = match self.unfit_or_failed(&error) {
                    unfit @ Outcome { event: Event::Unfit(_), .. } => unfit,
                    _ => self.refused(&error),
                };
                outcome.note = if rejected { Some(AccountNote::PasswordRejected) } else { outcome.note };
                outcome
            }
        })
    }

    /// A failure that the portal itself has told: where it asks to wait or has locked the account, that is remembered.
    fn refused(&self, error: &Error) -> Outcome {
        let until = match error.code() {
            Code::AccountLocked => error.retry_at().or_else(|| self.clock.now().checked_add(LOCKED_FOR).ok()),
            _ => error.retry_at(),
        };
        Outcome { note: until.map(AccountNote::BlockedUntil), ..failed(error) }
    }

    /// A refusal leaves the login alive: the first code may still be on its way.
    async fn resend_code(&self, work: &mut Work) -> Outcome {
        let since = self.clock.now();
        let sent = match (self.at(work).await, self.engines.of(work.login.driver)) {
            (Ok(at), Ok(engine)) => match self.take_code(work).await {
                Ok(()) => engine.resend(at, &work.secrets.credentials).await,
                // The portal has said nothing: nothing is remembered of the account.
                Err(error) => return resend_refused(&error, None),
            },
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        self.stepped(work, "resend", since, &sent).await;
        match sent {
            Ok(continuation) => {
                work.secrets.continuation = Some(continuation);
                Outcome { event: Event::Resent, continued: true, note: None }
            }
            Err(error)
                if matches!(
                    error.code(),
                    Code::PortalLoginTimeout | Code::CodeAttemptsExhausted | Code::BrowserLost
                ) =>
            {
                failed(&error)
            }
            Err(error) => resend_refused(&error, self.refused(&error).note),
        }
    }

    /// Walks to the cabinet and stores what is found there. The save and the login's success are one transaction.
    async fn finish(
        &self,
        work: &mut Work,
        merchant: Option<crate::id::MerchantUid>,
    ) -> Result<Option<Outcome>> {
        let (at, engine) = match (self.at(work).await, self.engines.of(work.login.driver)) {
            (Ok(at), Ok(engine)) => (at, engine),
            (Err(error), _) | (_, Err(error)) => return Ok(Some(failed(&error))),
        };
        let since = self.clock.now();
        let finished = engine.finish(at, merchant.as_ref()).await;
        self.stepped(work, "finish", since, &finished).await;
        let (session, device) = match finished {
            Ok(Finished::Session { session, device }) => (session, device),
            Ok(Finished::SeveralMerchants { merchants, continuation }) => {
                // The browser's part is over: any node can go on.
                work.login.holder = None;
                self.held.remove(work.login.id);
                work.secrets.continuation = Some(continuation);
                let event = Event::SeveralMerchants(merchants);
                return Ok(Some(Outcome { event, continued: true, note: None }));
            }
            Err(error) => return Ok(Some(failed(&error))),
        };
        if work.login.wanted.as_ref().is_some_and(|wanted| *wanted != session.merchant.uid) {
            // Another merchant's cabinet: nothing of it is kept.
            return Ok(Some(failed(&Code::AccountMismatch.into())));
        }
        self.save(work, *session, device).await
    }

    /// Steps and stores. Answers whether to go on.
    ///
    /// When somebody else changed the login first, what the portal said of the account is remembered all the same. The word on another code is
    /// then tried on what they left, because an answer may overtake it, and any word where a person has come to a login that asked nobody;
    /// any other event belongs to a login that was ended or that another node has taken, and what the engine holds of it is let go.
    pub(super) async fn store_outcome(&self, work: &mut Work, mut outcome: Outcome) -> Result<bool> {
        let may_follow = matches!(outcome.event, Event::Resent | Event::ResendRefused { .. });
        for _ in 0..TRIES {
            let Ok(stepped) = step(&work.login, outcome.event.clone(), self.clock.now(), &self.limits) else {
                break;
            };
            match self.persist(work, &stepped.login, &outcome).await {
                Ok(version) => {
                    work.login = Login { version, ..stepped.login };
                    work.effects.extend(stepped.effects);
                    self.changes.publish(&work.login);
                    self.write_failure(&work.login).await;
                    return Ok(true);
                }
                Err(RepositoryError::Conflict) => {
                    let Some((login, _)) = self.database.open_login(work.login.id).await? else { break };
                    if is_joined(&work.login, &login) {
                        let Login { version, origin, code_source, store_password, .. } = login;
                        work.login =
                            Login { version, origin, code_source, store_password, ..work.login.clone() };
                        continue;
                    }
                    work.login = login;
                    if !may_follow {
                        break;
                    }
                    // An answer went on from where this began: how it goes on counts, not what was left behind it.
                    outcome.continued = false;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(note) = &outcome.note {
            self.database.note_account(note, &work.secrets.credentials, self.clock.now()).await?;
        }
        if !may_follow {
            self.give_up(work).await;
        }
        Ok(false)
    }

    /// Stores the outcome. A database that is away for a moment is asked again: the portal's word would be lost otherwise.
    async fn persist(&self, work: &Work, login: &Login, outcome: &Outcome) -> Result<i64, RepositoryError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let secrets = match (login.state.is_terminal(), outcome.continued) {
                (true, _) => SecretsChange::Erase,
                (false, true) => SecretsChange::Replace(work.secrets.clone()),
                (false, false) => SecretsChange::Keep,
            };
            let note = outcome.note.clone().map(|note| (note, &work.secrets.credentials));
            let lease = login.state.is_running().then(|| self.lease());
            match self.database.update_login(LoginUpdate { login, secrets, note, answer: None, lease }).await
            {
                Err(RepositoryError::Unavailable { .. }) if pause <= LONGEST_PAUSE => {
                    let until = self.clock.now().saturating_add(pause).unwrap_or_else(|_| self.clock.now());
                    self.changes.subscribe(login.id).changed(until).await;
                    pause *= 2;
                }
                stored => return stored,
            }
        }
    }
}

/// Where the login stands, for the engine. Without a continuation only what is held under the login's name can be let go.
pub(super) fn at_of(login: &Login, route: Route, continuation: Option<Continuation>) -> At {
    let continuation = continuation.unwrap_or_else(|| Continuation(String::new().into()));
    At { login: login.id, route, continuation }
}

/// Whether all that has changed is that a person asks for the login by now, who can be asked.
fn is_joined(here: &Login, stored: &Login) -> bool {
    here.origin == Origin::Automatic
        && stored.origin == Origin::Caller
        && stored.version == here.version + 1
        && stored.state == here.state
}

/// Turns the engine's reply into an event, and keeps how it goes on.
pub(super) fn replied(work: &mut Work, reply: Reply) -> Outcome {
    let (event, continuation) = match reply {
        Reply::Accepted(continuation) => (Event::Accepted, continuation),
        Reply::CodeSent { channel, destination_masked, continuation } => {
            (Event::CodeSent { channel, destination_masked }, continuation)
        }
        Reply::MerchantAsked { merchants, continuation } => (Event::MerchantAsked(merchants), continuation),
        Reply::PersonAsked { captcha, instruction, continuation } => {
            (Event::PersonAsked { captcha, instruction }, continuation)
        }
        Reply::Rejected { error, continuation } => (Event::AnswerRejected(error), continuation),
    };
    work.secrets.continuation = Some(continuation);
    Outcome { event, continued: true, note: None }
}

fn resend_refused(error: &Error, note: Option<AccountNote>) -> Outcome {
    let last = LastError { code: error.code(), portal_message: error.portal_message().map(str::to_owned) };
    Outcome { event: Event::ResendRefused { error: last, until: error.retry_at() }, continued: false, note }
}

pub(super) fn failed(error: &Error) -> Outcome {
    Outcome::of(Event::Failed(Failure::from(error)))
}
