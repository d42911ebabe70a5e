//! What happens to a login, and what is then to be done.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::challenge::{Channel, LastError};
use super::state::Failure;
use crate::id::MerchantUid;
use crate::merchant::MerchantChoice;
use crate::store::StoreSummary;

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A node took the login up.
    Start,
    /// The way in is open.
    Opened,
    /// The portal sent a code.
    CodeSent {
        /// Where it went.
        channel: Channel,
        /// To whom, starred.
        destination_masked: String,
    },
    /// The login host asks which merchant (`{su}`).
    MerchantAsked(Vec<MerchantChoice>),
    /// Only a person can go on from here: a picture or an unknown page.
    PersonAsked {
        /// A picture to read; otherwise a page to take over.
        captcha: bool,
        /// What to do, in words.
        instruction: String,
    },
    /// The portal answered the direct engine with something that only a browser may get past: a wall, a captcha, another shape.
    /// Never a refusal of the credentials, never an outage.
    Unfit(Failure),
    /// The browser that holds the login's page is gone, or its node is.
    HolderLost,
    /// The login host has let the account in.
    Accepted,
    /// The cabinet lists several merchants.
    SeveralMerchants(Vec<MerchantChoice>),
    /// The caller answered.
    Answered(Answer),
    /// The portal refused the answer; the login lives on.
    AnswerRejected(LastError),
    /// The caller asked for another code.
    ResendAsked,
    /// The portal sent another code.
    Resent,
    /// The portal refused to send another code yet.
    ResendRefused {
        /// Why.
        error: LastError,
        /// From when it may be asked again.
        until: Option<Timestamp>,
    },
    /// The session is stored.
    Saved(StoreSummary),
    /// It cannot go on.
    Failed(Failure),
    /// The caller gave up.
    Cancelled,
    /// Time passed.
    Tick,
    /// Found without a living node after a crash.
    Lost,
}

/// What is to be done once the new record is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open the way in.
    Open,
    /// Send the credentials.
    Submit,
    /// Send the answer.
    Answer(Answer),
    /// Ask for another code.
    Resend,
    /// Walk to the cabinet, fetch the merchant's data and store the session.
    Finish {
        /// The chosen merchant.
        merchant: Option<MerchantUid>,
    },
    /// Wait for a person to move the held page on.
    Watch,
    /// Let go of what the engine holds.
    GiveUp,
}

/// A caller's answer to a challenge.
#[derive(Clone)]
pub enum Answer {
    /// The code.
    Code(SecretString),
    /// The merchant.
    Merchant(MerchantUid),
}

/// An answer that no portal could have asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAnswer(pub &'static str);

impl Answer {
    /// Reads a code: 4 to 8 letters or digits; white space and hyphens, as people copy them, are taken out.
    ///
    /// # Errors
    /// Anything else. Such a code never reaches the portal and costs no attempt.
    pub fn code(text: &str) -> Result<Self, InvalidAnswer> {
        if text.len() > 64 {
            return Err(InvalidAnswer("a code has 4 to 8 letters or digits"));
        }
        let code: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if !(4..=8).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(InvalidAnswer("a code has 4 to 8 letters or digits"));
        }
        Ok(Self::Code(code.into()))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(_) => f.write_str("Code(…)"),
            Self::Merchant(uid) => write!(f, "Merchant({uid})"),
        }
    }
}

impl PartialEq for Answer {
    /// Plain comparison: answers are compared in tests and against a repeated request, never to admit anybody.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Code(a), Self::Code(b)) => a.expose_secret() == b.expose_secret(),
            (Self::Merchant(a), Self::Merchant(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Answer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_taken_as_people_copy_them() {
        assert_eq!(Answer::code(" 123-456 ").unwrap(), Answer::code("123456").unwrap());
        for bad in ["", "123", "123456789", "12 4%", "ё12345", &"1".repeat(1000)] {
            assert!(Answer::code(bad).is_err(), "{bad:?}");
        }
        assert!(!format!("{:?}", Answer::code("987654").unwrap()).contains("987654"));
    }
}
