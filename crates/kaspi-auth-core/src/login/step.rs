//! The transition function of the login flow: pure, total, and the only place where a login changes its state.

use jiff::{SignedDuration, Timestamp};

use super::challenge::{
    Challenge, CodeChallenge, LastError, MerchantChallenge, MerchantStage, PersonChallenge,
};
use super::event::{Answer, Effect, Event};
use super::state::{Failure, LoginState};
use super::{Driver, EngineChoice, Limits, Login, WhenSeveral};
use crate::error::{Code, Error};
use crate::id::MerchantUid;
use crate::keeping::Origin;
use crate::merchant::MerchantChoice;

/// The new record, and what to do once it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The record to store; its version is still the old one, the store counts it up.
    pub login: Login,
    /// What to carry out after that, in this order.
    pub effects: Vec<Effect>,
}

/// Why an event changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The login has ended.
    #[error("the login has ended")]
    Finished,
    /// The state does not take this event.
    #[error("the login does not take this now")]
    NotNow,
    /// A password or a code is with the portal: what it says to it must be heard, and the account stays held until then.
    /// It takes seconds, and a dead node's exchange is `Lost`.
    #[error("the portal is being asked at this moment")]
    InExchange,
    /// The time for an answer is over; a `Tick` ends the login.
    #[error("the time for an answer is over")]
    Late,
    /// The chosen merchant is not among those listed.
    #[error("the merchant is not among those listed")]
    MerchantNotListed,
    /// Another code was asked for too early.
    #[error("another code can be asked for from {until}")]
    ResendTooEarly {
        /// From when it may be asked.
        until: Timestamp,
    },
}

impl From<StepError> for Error {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Finished => Code::LoginFinished.into(),
            StepError::NotNow => Code::LoginNotAwaiting.into(),
            StepError::InExchange => Self::new(
                Code::Conflict,
                "The portal is being asked at this moment. Try again once it has answered.",
            ),
            StepError::Late => Code::LoginExpired.into(),
            StepError::MerchantNotListed => Code::MerchantNotListed.into(),
            StepError::ResendTooEarly { until } => Self::of(Code::ResendTooEarly).with_retry_at(until),
        }
    }
}

type Next = Result<(LoginState, Vec<Effect>), StepError>;

/// Applies `event` to `login` at `now`.
///
/// # Errors
/// The event does not fit the state: nothing changes then. See [`StepError`].
pub fn step(login: &Login, event: Event, now: Timestamp, limits: &Limits) -> Result<Step, StepError> {
    let at = At { login, now, limits };
    let is_unfit = matches!(event, Event::Unfit(_));
    // Whoever takes a login over from a dead node holds no page of it.
    let holder = login.holder.filter(|_| !matches!(event, Event::Lost));
    let (state, effects) = match (&login.state, event) {
        (state, _) if state.is_terminal() => Err(StepError::Finished),
        (LoginState::Submitting | LoginState::Verifying { .. }, Event::Cancelled | Event::Tick) => {
            Err(StepError::InExchange)
        }
        (_, Event::Cancelled) => Ok((LoginState::Cancelled, vec![Effect::GiveUp])),
        (_, Event::Failed(failure)) => Ok((LoginState::Failed { failure }, vec![Effect::GiveUp])),
        (_, Event::Tick) => at.tick(),
        (state, Event::Lost) => at.lost(state),
        (LoginState::Awaiting { .. }, Event::HolderLost) => Ok(fail(Code::BrowserLost)),
        (LoginState::Opening | LoginState::Submitting, Event::Unfit(failure)) => Ok(at.unfit(failure)),
        (LoginState::Queued, Event::Start) => Ok(at.unless_over(LoginState::Opening, Effect::Open)),
        (LoginState::Opening, Event::Opened) => Ok(at.unless_over(LoginState::Submitting, Effect::Submit)),
        (LoginState::Submitting | LoginState::Verifying { .. }, event) => at.replied(event),
        (LoginState::Awaiting { challenge }, event) => at.awaiting(challenge, event),
        (LoginState::Finishing { merchant }, Event::SeveralMerchants(merchants)) => {
            Ok(at.several(merchant.as_ref(), merchants))
        }
        (LoginState::Finishing { .. }, Event::Saved(store)) => Ok((LoginState::Succeeded { store }, vec![])),
        _ => Err(StepError::NotNow),
    }?;
    let driver = if is_unfit && state == LoginState::Opening { Driver::Browser } else { login.driver };
    let code_verified = login.code_verified || has_verified_code(&login.state, &state);
    let wanted = login.wanted.clone().or_else(|| accepted_choice(&login.state, &state));
    Ok(Step {
        login: Login { state, driver, holder, code_verified, wanted, updated_at: now, ..login.clone() },
        effects,
    })
}

/// A code was with the portal, and the portal goes on to something else than that code.
fn has_verified_code(from: &LoginState, to: &LoginState) -> bool {
    let is_code = |state: &LoginState| matches!(state.challenge(), Some(Challenge::Code(_)));
    matches!(from, LoginState::Verifying { .. })
        && is_code(from)
        && !is_code(to)
        && matches!(
            to,
            LoginState::Finishing { .. } | LoginState::Awaiting { .. } | LoginState::Verifying { .. }
        )
}

/// The merchant that was chosen during the login, once the portal goes on from the choice: from here on that one is wanted,
/// so that nobody is asked twice and no other one's session is stored.
fn accepted_choice(from: &LoginState, to: &LoginState) -> Option<MerchantUid> {
    let LoginState::Verifying { merchant, .. } = from else { return None };
    let asks_again = matches!(to.challenge(), Some(Challenge::Merchant(_)));
    merchant.clone().filter(|_| !asks_again && !to.is_terminal())
}

/// The circumstances of one step.
struct At<'a> {
    login: &'a Login,
    now: Timestamp,
    limits: &'a Limits,
}

impl At<'_> {
    /// Until when a question that is asked now may be answered: never longer than the login itself.
    fn input_expires(&self) -> Timestamp {
        later(self.now, self.limits.input).min(self.login.expires_at)
    }

    /// Nothing is begun for a login whose time is over, even when nobody has ticked it yet: a password that is sent then, or a
    /// code that it makes the portal send, serves nobody.
    fn unless_over(&self, state: LoginState, effect: Effect) -> (LoginState, Vec<Effect>) {
        if self.now >= self.login.expires_at {
            return (LoginState::Expired, vec![Effect::GiveUp]);
        }
        (state, vec![effect])
    }

    /// What becomes of a login whose node died. Where a password or a code may have reached the portal and its
    /// answer is lost, nothing is sent a second time.
    fn lost(&self, state: &LoginState) -> Next {
        match state {
            LoginState::Queued | LoginState::Opening => {
                Ok(self.unless_over(LoginState::Opening, Effect::Open))
            }
            LoginState::Submitting | LoginState::Verifying { .. } => Ok(fail(Code::LoginInterrupted)),
            LoginState::Finishing { merchant } => {
                Ok(self.unless_over(state.clone(), Effect::Finish { merchant: merchant.clone() }))
            }
            _ => Err(StepError::NotNow),
        }
    }

    /// A login that may be driven by anything goes on in a browser, once, from the start: the portal has not judged the credentials.
    fn unfit(&self, failure: Failure) -> (LoginState, Vec<Effect>) {
        if self.login.engine == EngineChoice::Auto && self.login.driver == Driver::Direct {
            return self.unless_over(LoginState::Opening, Effect::Open);
        }
        (LoginState::Failed { failure }, vec![Effect::GiveUp])
    }

    fn tick(&self) -> Next {
        let due = match &self.login.state {
            LoginState::Awaiting { challenge } => challenge.expires_at().min(self.login.expires_at),
            _ => self.login.expires_at,
        };
        if self.now < due {
            return Err(StepError::NotNow);
        }
        Ok((LoginState::Expired, vec![Effect::GiveUp]))
    }

    /// The portal replied to the credentials or to an answer.
    fn replied(&self, event: Event) -> Next {
        if let Some(failure) = self.asks_nobody(&event) {
            return Ok((LoginState::Failed { failure }, vec![Effect::GiveUp]));
        }
        match (event, self.login.state.challenge()) {
            (Event::Accepted, _) => Ok(finish(self.wanted())),
            (Event::CodeSent { channel, destination_masked }, _) => Ok(ask(Challenge::Code(CodeChallenge {
                channel,
                destination_masked,
                sent_at: self.now,
                expires_at: self.input_expires(),
                attempts_left: self.limits.attempts,
                resend_after: later(self.now, self.limits.resend),
                last_error: None,
            }))),
            (Event::MerchantAsked(merchants), _) => Ok(self.merchant_asked(merchants)),
            (Event::PersonAsked { captcha, instruction }, _) => {
                let person =
                    PersonChallenge { instruction, sent_at: self.now, expires_at: self.input_expires() };
                let challenge =
                    if captcha { Challenge::Captcha(person) } else { Challenge::Takeover(person) };
                Ok((LoginState::Awaiting { challenge }, vec![Effect::Watch]))
            }
            (Event::AnswerRejected(error), Some(challenge)) if !self.login.state.is_awaiting() => {
                Ok(self.answer_rejected(challenge.clone(), error))
            }
            _ => Err(StepError::NotNow),
        }
    }

    /// An automatic login asks no person anything: where the portal wants what only a person can give, it ends. A code is waited for only where a
    /// source reads that channel.
    fn asks_nobody(&self, event: &Event) -> Option<Failure> {
        if self.login.origin == Origin::Caller {
            return None;
        }
        match event {
            Event::CodeSent { channel, .. } if self.login.code_source != Some(*channel) => {
                Some(Code::CodeRequired.into())
            }
            Event::PersonAsked { instruction, .. } => Some(Failure {
                detail: format!("The portal wants a person to look: {instruction}"),
                ..Code::PortalBlocked.into()
            }),
            // Whose shop it is, is known: the walk to the cabinet chooses it.
            Event::MerchantAsked(_) if self.login.wanted.is_none() => Some(Code::AccountMismatch.into()),
            _ => None,
        }
    }

    fn awaiting(&self, challenge: &Challenge, event: Event) -> Next {
        match (challenge, event) {
            (_, Event::Answered(_)) if self.now >= challenge.expires_at() => Err(StepError::Late),
            (Challenge::Code(_), Event::Answered(answer @ Answer::Code(_))) => {
                Ok((verifying(challenge.clone(), None), vec![Effect::Answer(answer)]))
            }
            (Challenge::Merchant(asked), Event::Answered(Answer::Merchant(uid))) => {
                if !asked.merchants.iter().any(|choice| choice.uid == uid) {
                    return Err(StepError::MerchantNotListed);
                }
                Ok(match asked.stage {
                    MerchantStage::DuringLogin => choose(challenge.clone(), uid),
                    MerchantStage::AfterLogin => finish(Some(uid)),
                })
            }
            (Challenge::Code(code), event) => self.resend(code, event),
            // The person did in the portal's own page what was asked, and the portal goes on from there.
            (Challenge::Captcha(_) | Challenge::Takeover(_), event) => self.replied(event),
            _ => Err(StepError::NotNow),
        }
    }

    /// Another code: the wait starts when it is asked for, so that two askers cannot both get one.
    fn resend(&self, code: &CodeChallenge, event: Event) -> Next {
        let wait = later(self.now, self.limits.resend);
        let (changed, effects) = match event {
            Event::ResendAsked if self.now >= code.expires_at => return Err(StepError::Late),
            Event::ResendAsked if self.now < code.resend_after => {
                return Err(StepError::ResendTooEarly { until: code.resend_after });
            }
            Event::ResendAsked => {
                (CodeChallenge { resend_after: wait, ..code.clone() }, vec![Effect::Resend])
            }
            Event::Resent => {
                let expires_at = self.input_expires();
                (
                    CodeChallenge {
                        sent_at: self.now,
                        expires_at,
                        resend_after: wait,
                        last_error: None,
                        ..code.clone()
                    },
                    vec![],
                )
            }
            Event::ResendRefused { error, until } => {
                let resend_after = until.unwrap_or(wait);
                (CodeChallenge { resend_after, last_error: Some(error), ..code.clone() }, vec![])
            }
            _ => return Err(StepError::NotNow),
        };
        Ok((LoginState::Awaiting { challenge: Challenge::Code(changed) }, effects))
    }

    fn answer_rejected(&self, challenge: Challenge, error: LastError) -> (LoginState, Vec<Effect>) {
        match challenge {
            // An expired code says nothing about the person's typing: it costs no attempt, and another may be had at once.
            Challenge::Code(code) if error.code == Code::CodeExpired => ask(Challenge::Code(CodeChallenge {
                resend_after: self.now,
                last_error: Some(error),
                ..code
            })),
            Challenge::Code(code) if code.attempts_left <= 1 => {
                let mut failure = Failure::from(Code::CodeAttemptsExhausted);
                failure.portal_message = error.portal_message;
                (LoginState::Failed { failure }, vec![Effect::GiveUp])
            }
            Challenge::Code(code) => {
                let attempts_left = code.attempts_left - 1;
                ask(Challenge::Code(CodeChallenge { attempts_left, last_error: Some(error), ..code }))
            }
            Challenge::Merchant(asked) => {
                ask(Challenge::Merchant(MerchantChallenge { last_error: Some(error), ..asked }))
            }
            // A person's page gives no answers that could be refused.
            person => ask(person),
        }
    }

    /// The login host asks which merchant; a caller who has already said is not asked again. A wanted one that is not
    /// listed is no failure yet: the cabinet's own list decides, at the end.
    fn merchant_asked(&self, merchants: Vec<MerchantChoice>) -> (LoginState, Vec<Effect>) {
        if merchants.is_empty() {
            return fail(Code::NoMerchants);
        }
        // Asked again in answer to a choice: that choice was refused, and the person decides.
        let refused = matches!(self.login.state.challenge(), Some(Challenge::Merchant(_)));
        let known = self.known_choice(&merchants).filter(|_| !refused);
        let challenge = self.merchant_challenge(MerchantStage::DuringLogin, merchants);
        match known {
            Some(uid) => choose(challenge, uid),
            None => ask(challenge),
        }
    }

    /// The cabinet lists several merchants. Where one was named already, it cannot be had: asking or trying again would go
    /// round in circles.
    fn several(
        &self,
        named: Option<&MerchantUid>,
        merchants: Vec<MerchantChoice>,
    ) -> (LoginState, Vec<Effect>) {
        if merchants.is_empty() {
            return fail(Code::NoMerchants);
        }
        if named.is_some() {
            return fail(Code::AccountMismatch);
        }
        match self.known_choice(&merchants) {
            Some(uid) => finish(Some(uid)),
            None if self.login.wanted.is_some() => fail(Code::AccountMismatch),
            None => ask(self.merchant_challenge(MerchantStage::AfterLogin, merchants)),
        }
    }

    /// The merchant whose session is to be stored, as far as anybody has said.
    fn wanted(&self) -> Option<MerchantUid> {
        let chosen = match &self.login.state {
            LoginState::Verifying { merchant, .. } => merchant.clone(),
            _ => None,
        };
        self.login.wanted.clone().or(chosen)
    }

    fn known_choice(&self, merchants: &[MerchantChoice]) -> Option<MerchantUid> {
        let mut uids = merchants.iter().map(|choice| &choice.uid);
        match (&self.login.wanted, self.login.when_several) {
            (Some(wanted), _) => uids.find(|uid| *uid == wanted).cloned(),
            (None, WhenSeveral::First) => uids.next().cloned(),
            (None, WhenSeveral::Ask) => None,
        }
    }

    fn merchant_challenge(&self, stage: MerchantStage, merchants: Vec<MerchantChoice>) -> Challenge {
        let expires_at = self.input_expires();
        Challenge::Merchant(MerchantChallenge {
            stage,
            merchants,
            sent_at: self.now,
            expires_at,
            last_error: None,
        })
    }
}

fn finish(merchant: Option<MerchantUid>) -> (LoginState, Vec<Effect>) {
    (LoginState::Finishing { merchant: merchant.clone() }, vec![Effect::Finish { merchant }])
}

fn ask(challenge: Challenge) -> (LoginState, Vec<Effect>) {
    (LoginState::Awaiting { challenge }, vec![])
}

fn choose(challenge: Challenge, uid: MerchantUid) -> (LoginState, Vec<Effect>) {
    (verifying(challenge, Some(uid.clone())), vec![Effect::Answer(Answer::Merchant(uid))])
}

fn verifying(challenge: Challenge, merchant: Option<MerchantUid>) -> LoginState {
    LoginState::Verifying { challenge, merchant }
}

fn fail(code: Code) -> (LoginState, Vec<Effect>) {
    (LoginState::Failed { failure: Failure::from(code) }, vec![Effect::GiveUp])
}

/// `now + span`, which stops at the end of time instead of panicking there.
fn later(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.saturating_add(span).unwrap_or(now)
}
