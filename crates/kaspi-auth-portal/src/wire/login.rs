//! What the login endpoint says to a post (CONTRACT, 3.3), whatever status it says it with.

use jiff::Timestamp;
use kaspi_auth_core::{Code, Error};
use serde_json::{Map, Value};

use super::refusal::{self, ErrorCode, Refused, Step};
use super::shape::{Shape, trouble};
use super::su::{self, Asked};
use super::value::{first, first_text, label};
use super::words::Words;
use crate::http::Answer;

/// An answer of the login endpoint, understood.
pub(crate) enum Said {
    /// In. The value differs between sources, and means little (CONTRACT, 3.3, "redirectUrl").
    Redirect(String),
    /// A code was mailed to this address, which may be starred.
    MailedCode(String),
    /// An SMS was sent to this phone.
    SentSms(String),
    /// Which merchant?
    Choose(Vec<Asked>),
    /// `FAILED` without more.
    Unspecific(Error),
    /// The answer was wrong; the login lives on.
    Rejected(kaspi_auth_core::login::LastError),
}

impl Said {
    /// In a word, for the canary.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Redirect(_) => "accepted",
            Self::MailedCode(_) | Self::SentSms(_) => "code_sent",
            Self::Choose(_) => "merchant_asked",
            Self::Unspecific(_) => "failed",
            Self::Rejected(_) => "rejected",
        }
    }
}

/// Reads an answer to `step`.
///
/// # Errors
/// The typed outcome of CONTRACT 3.3, or what `shape` makes of an answer that is none.
pub(crate) fn read(answer: &Answer, step: Step, words: &Words<'_>, now: Timestamp) -> Result<Said, Error> {
    let shape = Shape::of(answer);
    let (true, Shape::Object(body)) = (speaks(answer.status), &shape) else {
        return Err(trouble(answer, &shape, words, now));
    };
    if let Some(refused) = refused(answer, body, step, words, now) {
        return refused;
    }
    let is_success = (200..300).contains(&answer.status);
    is_success.then(|| success(body)).flatten().ok_or_else(|| trouble(answer, &shape, words, now))
}

/// Reads an answer to the wish for another code. Its success has no known body, so any will do that is no refusal
/// and no page.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_resent(answer: &Answer, words: &Words<'_>, now: Timestamp) -> Result<(), Error> {
    let shape = Shape::of(answer);
    let is_success = (200..300).contains(&answer.status);
    match &shape {
        Shape::Object(body) if speaks(answer.status) => {
            match refused(answer, body, Step::Resend, words, now) {
                Some(Err(error) | Ok(Said::Unspecific(error))) => Err(error),
                None if is_success => Ok(()),
                _ => Err(trouble(answer, &shape, words, now)),
            }
        }
        Shape::Empty | Shape::OtherJson | Shape::Unknown if is_success => Ok(()),
        _ => Err(trouble(answer, &shape, words, now)),
    }
}

/// With 2xx and 4xx the API may speak; the rest is the server's or a proxy's.
fn speaks(status: u16) -> bool {
    (200..300).contains(&status) || (400..500).contains(&status)
}

fn refused(
    answer: &Answer,
    body: &Map<String, Value>,
    step: Step,
    words: &Words<'_>,
    now: Timestamp,
) -> Option<Result<Said, Error>> {
    let code = ErrorCode::of(body)?;
    // A plain `error` beside one of these is a server's phrase ("Not Found"), not the portal's verdict.
    if !code.firm && matches!(answer.status, 403..=429) {
        return None;
    }
    Some(match refusal::read(&code, step, body, words, now) {
        Refused::Answer(error) => Ok(Said::Rejected(error)),
        Refused::Call(error) if code.is_unspecific() && matches!(step, Step::Phone) => {
            Ok(Said::Unspecific(error))
        }
        Refused::Call(error) if error.code() == Code::KaspiAuthError && !code.firm => {
            Err(error_of_status(answer, error))
        }
        Refused::Call(error) => Err(error),
    })
}

/// Frameworks write `{"error": "Unauthorized"}` with no code of their own; only a 401 or 400 makes that a verdict.
fn error_of_status(answer: &Answer, error: Error) -> Error {
    if matches!(answer.status, 400 | 401) {
        return error;
    }
    let said = error.portal_message().map(str::to_owned);
    Error::of(Code::PortalChanged).with_portal_message(said)
}

fn success(body: &Map<String, Value>) -> Option<Said> {
    if let Some(Value::String(to)) = first(body, &["redirectUrl"]) {
        return Some(Said::Redirect(to.clone()));
    }
    if let Some(choices) = first(body, &["su"]).and_then(su::read) {
        return Some(Said::Choose(choices));
    }
    if let Some(address) = first_text(body, &["email"]) {
        return Some(Said::MailedCode(label(&address)));
    }
    first_text(body, &["phone"]).map(|phone| Said::SentSms(label(&phone)))
}

#[cfg(test)]
mod tests;
