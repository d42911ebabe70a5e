//! What a step came to, in one line: all that it changed.

use std::fmt::Write as _;

use kaspi_auth_core::login::{
    Answer, Challenge, Effect, LastError, Login, LoginState, MerchantStage, Step, StepError,
};

use crate::samples::clock;

/// The line for the outcome of a step from `before`.
pub fn describe(before: &Login, outcome: &Result<Step, StepError>) -> String {
    let step = match outcome {
        Ok(step) => step,
        Err(StepError::Finished) => return "error: finished".to_owned(),
        Err(StepError::NotNow) => return "error: not now".to_owned(),
        Err(StepError::InExchange) => return "error: in exchange".to_owned(),
        Err(StepError::Late) => return "error: late".to_owned(),
        Err(StepError::MerchantNotListed) => return "error: not listed".to_owned(),
        Err(StepError::ResendTooEarly { until }) => {
            return format!("error: too early, until {}", clock(*until));
        }
    };
    let mut line = state(&step.login.state);
    if step.login.code_verified && !before.code_verified {
        line.push_str(" +code_verified");
    }
    if let Some(wanted) = step.login.wanted.as_ref().filter(|_| before.wanted.is_none()) {
        let _ = write!(line, " +wanted {wanted}");
    }
    if step.login.driver != before.driver {
        let _ = write!(line, " +driver {}", step.login.driver.as_str());
    }
    if step.login.holder != before.holder {
        line.push_str(" +no holder");
    }
    if !step.effects.is_empty() {
        let effects: Vec<_> = step.effects.iter().map(effect).collect();
        let _ = write!(line, " [{}]", effects.join(", "));
    }
    line
}

fn state(state: &LoginState) -> String {
    match state {
        LoginState::Awaiting { challenge } => format!("{}({})", state.name(), asked(challenge)),
        LoginState::Verifying { challenge: Challenge::Code(code), .. } => {
            format!("verifying(code, {} left)", code.attempts_left)
        }
        LoginState::Verifying { merchant: Some(uid), .. } => format!("verifying(merchant {uid})"),
        LoginState::Finishing { merchant: Some(uid) } => format!("finishing({uid})"),
        LoginState::Failed { failure } => format!("failed({})", failure.code.as_str()),
        _ => state.name().to_owned(),
    }
}

fn asked(challenge: &Challenge) -> String {
    let until = format!("until {}", clock(challenge.expires_at()));
    match challenge {
        Challenge::Code(code) => {
            let resend = clock(code.resend_after);
            let error = last(code.last_error.as_ref());
            format!("{} left, {until}, resend {resend}{error}", code.attempts_left)
        }
        Challenge::Merchant(asked) => {
            let stage = match asked.stage {
                MerchantStage::DuringLogin => "during",
                MerchantStage::AfterLogin => "after",
            };
            format!("{stage}, {until}{}", last(asked.last_error.as_ref()))
        }
        Challenge::Captcha(_) | Challenge::Takeover(_) => until,
    }
}

fn last(error: Option<&LastError>) -> String {
    error.map(|error| format!(", last {}", error.code.as_str())).unwrap_or_default()
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Open => "open".to_owned(),
        Effect::Submit => "submit".to_owned(),
        Effect::Answer(Answer::Code(_)) => "answer code".to_owned(),
        Effect::Answer(Answer::Merchant(uid)) => format!("answer {uid}"),
        Effect::Resend => "resend".to_owned(),
        Effect::Finish { merchant: None } => "finish".to_owned(),
        Effect::Finish { merchant: Some(uid) } => format!("finish {uid}"),
        Effect::Watch => "watch".to_owned(),
        Effect::GiveUp => "give up".to_owned(),
    }
}
