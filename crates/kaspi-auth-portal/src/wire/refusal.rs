//! The error codes of the login host, and what each means at each step (CONTRACT, 3.3).
//!
//! Only `CREDENTIALS_INVALID`, and only as the answer to credentials, may become `invalid_credentials`.

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::login::LastError;
use kaspi_auth_core::{Code, Error};
use serde_json::{Map, Value};

use super::value::{first, first_text, text};
use super::words::Words;
use crate::http::later;

/// What was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// E-mail and password.
    Password,
    /// A phone.
    Phone,
    /// A code, mailed or by SMS.
    Code,
    /// The choice of a merchant.
    Choice,
    /// The wish for another code.
    Resend,
}

impl Step {
    /// In a word, for the canary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Phone => "phone",
            Self::Code => "code",
            Self::Choice => "choice",
            Self::Resend => "resend",
        }
    }
}

/// A code as the body names it.
pub(crate) struct ErrorCode {
    name: String,
    /// It stands where the portal puts its codes. Otherwise it may be a server's phrase for the status.
    pub(crate) firm: bool,
}

impl ErrorCode {
    /// `errorCode` at the root (F1, F3, F6); in defence `error.code`, `error.type` (F4) and a plain `error`.
    pub(crate) fn of(body: &Map<String, Value>) -> Option<Self> {
        let nested = || {
            let error = first(body, &["error"])?.as_object()?;
            first_text(error, &["errorCode", "code", "type"])
        };
        let firm = first(body, &["errorCode"]).and_then(text).or_else(nested);
        let loose = || first(body, &["error"]).and_then(text).map(|name| (name, false));
        let (name, firm) = firm.map(|name| (name, true)).or_else(loose)?;
        Some(Self { name: name.to_ascii_uppercase(), firm })
    }

    /// The portal does not say why: at the phone's step, a portal that wants its cookie first says this.
    pub(crate) fn is_unspecific(&self) -> bool {
        self.name == "FAILED"
    }
}

/// What a refusal comes to.
pub(crate) enum Refused {
    /// The answer was wrong; the login lives on.
    Answer(LastError),
    /// The call failed.
    Call(Error),
}

/// What `code` means as the answer to `step`.
pub(crate) fn read(
    code: &ErrorCode,
    step: Step,
    body: &Map<String, Value>,
    words: &Words<'_>,
    now: Timestamp,
) -> Refused {
    let said = words.of(body);
    let error = |code: Code, detail: &str| {
        let detail = if detail.is_empty() { code.advice() } else { detail };
        Refused::Call(Error::new(code, detail).with_portal_message(said.clone()))
    };
    let rejected = |code: Code| Refused::Answer(LastError { code, portal_message: said.clone() });
    let forgotten =
        || error(Code::PortalLoginTimeout, "The portal no longer knows this login. Start it again.");
    match (code.name.as_str(), step) {
        ("CREDENTIALS_INVALID", Step::Password) => error(Code::InvalidCredentials, ""),
        ("CREDENTIALS_INVALID", Step::Phone) => {
            error(Code::InvalidCredentials, "The portal does not accept this phone. Correct it first.")
        }
        // The cookie that ties the steps together is lost: this says nothing about the password.
        ("CREDENTIALS_INVALID", _) | ("FAILED", Step::Choice | Step::Resend) => forgotten(),
        // F3 saw it for a lost correlation; whether a wrong SMS code says the same is open (CONTRACT, section 8, 3).
        ("FAILED" | "SECURITY_CODE_INVALID" | "MFA_CODE_INVALID" | "CODE_INVALID", Step::Code) => {
            rejected(Code::CodeRejected)
        }
        ("INACTIVE_CODE_ERROR", Step::Code) => rejected(Code::CodeExpired),
        ("TIMEOUT_EXCEEDED", _) => error(Code::PortalLoginTimeout, ""),
        ("MFA_CODE_ATTEMPT_LIMIT", _) => error(Code::CodeAttemptsExhausted, ""),
        ("MFA_SEND_FLOOD" | "MFA_CODE_TOO_MANY_SEND", _) => {
            let wait = break_time(body).unwrap_or(DEFAULT_BREAK);
            Refused::Call(
                Error::of(Code::PortalRateLimited).with_portal_message(said).with_retry_at(later(now, wait)),
            )
        }
        ("INSUFFICIENT_PERMISSIONS", _) => error(Code::InsufficientPermissions, ""),
        ("NO_MERCHANTS", _) => error(Code::NoMerchants, ""),
        (name, _) if name.contains("CAPTCHA") => error(Code::PortalBlocked, ""),
        // Real names are not known (CONTRACT, section 8, 3).
        (name, _) if name.contains("LOCK") => {
            let locked = Error::of(Code::AccountLocked).with_portal_message(said);
            Refused::Call(match break_time(body) {
                Some(wait) => locked.with_retry_at(later(now, wait)),
                None => locked,
            })
        }
        (name, Step::Code) if name.contains("CODE") && name.contains("EXPIRED") => {
            rejected(Code::CodeExpired)
        }
        _ => error(Code::KaspiAuthError, ""),
    }
}

/// F1's own default where the portal names no time.
const DEFAULT_BREAK: SignedDuration = SignedDuration::from_secs(60);

/// `errorData.breakTimeSeconds` (F1, F3), in defence at the root or in `error` (F4). Zero, negative or absurd values are
/// no times.
fn break_time(body: &Map<String, Value>) -> Option<SignedDuration> {
    let inner = |key| first(body, &[key]).and_then(Value::as_object);
    let objects = [inner("errorData"), Some(body), inner("error")];
    let value = objects.into_iter().flatten().find_map(|object| first(object, &["breakTimeSeconds"]))?;
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite())?,
        _ => return None,
    };
    SignedDuration::try_from_secs_f64(seconds.ceil().min(86_400.0)).ok().filter(SignedDuration::is_positive)
}

#[cfg(test)]
mod tests;
