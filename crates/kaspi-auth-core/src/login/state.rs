//! Where a login stands. Each variant holds exactly what exists then.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::challenge::Challenge;
use crate::error::{Code, Error};
use crate::id::MerchantUid;
use crate::store::StoreSummary;

/// Where a login stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LoginState {
    /// Asked for, not begun.
    Queued,
    /// The way in is being opened; nothing secret has been sent.
    Opening,
    /// The password or the phone is on its way to the portal.
    Submitting,
    /// The portal asks something: `awaiting_code`, `awaiting_merchant`, `awaiting_captcha`, `awaiting_takeover`.
    Awaiting {
        /// What is asked.
        challenge: Challenge,
    },
    /// The answer is with the portal.
    Verifying {
        /// What it answers.
        challenge: Challenge,
        /// The merchant that it names, where it names one.
        #[serde(default)]
        merchant: Option<MerchantUid>,
    },
    /// The login host has accepted: the OAuth2 walk, the merchant's data and the save are under way.
    Finishing {
        /// The chosen merchant, where one was chosen.
        merchant: Option<MerchantUid>,
    },
    /// Done: the session is stored.
    Succeeded {
        /// Whose it is.
        store: StoreSummary,
    },
    /// Ended without a session.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// Nobody answered in time.
    Expired,
    /// Given up by the caller.
    Cancelled,
}

/// Why a login ended without a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What happened and what to do.
    pub detail: String,
    /// The portal's own words, where it said any.
    pub portal_message: Option<String>,
    /// From when a further try makes sense, where that is known.
    pub retry_at: Option<Timestamp>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            detail: error.detail().to_owned(),
            portal_message: error.portal_message().map(str::to_owned),
            retry_at: error.retry_at(),
        }
    }
}

impl From<&Failure> for Error {
    fn from(failure: &Failure) -> Self {
        let error = Self::new(failure.code, failure.detail.clone())
            .with_portal_message(failure.portal_message.clone());
        match failure.retry_at {
            Some(at) => error.with_retry_at(at),
            None => error,
        }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self { code, detail: code.advice().to_owned(), portal_message: None, retry_at: None }
    }
}

impl LoginState {
    /// Every name that a state has.
    pub const NAMES: &[&str] = &[
        "queued",
        "opening",
        "submitting",
        "awaiting_code",
        "awaiting_merchant",
        "awaiting_captcha",
        "awaiting_takeover",
        "verifying",
        "finishing",
        "succeeded",
        "failed",
        "expired",
        "cancelled",
    ];

    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Opening => "opening",
            Self::Submitting => "submitting",
            Self::Awaiting { challenge } => match challenge {
                Challenge::Code(_) => "awaiting_code",
                Challenge::Merchant(_) => "awaiting_merchant",
                Challenge::Captcha(_) => "awaiting_captcha",
                Challenge::Takeover(_) => "awaiting_takeover",
            },
            Self::Verifying { .. } => "verifying",
            Self::Finishing { .. } => "finishing",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Ended: nothing changes any more.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Succeeded { .. } | Self::Failed { .. } | Self::Expired | Self::Cancelled)
    }

    /// Waits for the caller.
    pub fn is_awaiting(&self) -> bool {
        matches!(self, Self::Awaiting { .. })
    }

    /// A node works on it now.
    pub fn is_running(&self) -> bool {
        !self.is_terminal() && !self.is_awaiting()
    }

    /// What is asked, when something is.
    pub fn challenge(&self) -> Option<&Challenge> {
        match self {
            Self::Awaiting { challenge } | Self::Verifying { challenge, .. } => Some(challenge),
            _ => None,
        }
    }
}
