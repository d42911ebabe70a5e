//! What the portal asks next, and what a caller is told of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Code;
use crate::merchant::MerchantChoice;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Challenge {
    /// A code that the portal sent.
    Code(CodeChallenge),
    /// Which merchant.
    Merchant(MerchantChallenge),
    /// A picture that a person must read.
    Captcha(PersonChallenge),
    /// A page that a person must take over.
    Takeover(PersonChallenge),
}

/// Where a code went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A mailbox.
    Email,
    /// A phone.
    Sms,
}

/// The last error that left the question open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// Its stable code.
    pub code: Code,
    /// The portal's own words.
    pub portal_message: Option<String>,
}

/// A code that the portal sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeChallenge {
    /// Where it went.
    pub channel: Channel,
    /// To whom, starred.
    pub destination_masked: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Until when an answer is taken.
    pub expires_at: Timestamp,
    /// How many more codes are sent on to the portal.
    pub attempts_left: u32,
    /// From when another code may be asked for.
    pub resend_after: Timestamp,
    /// Why the last answer or resend did not do.
    pub last_error: Option<LastError>,
}

/// When the choice of merchant comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MerchantStage {
    /// The login host asks before it accepts (`{su}`, CONTRACT 3.3).
    DuringLogin,
    /// The cabinet lists several (`/s/m`, CONTRACT section 6).
    AfterLogin,
}

/// Which merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantChallenge {
    /// When it comes.
    pub stage: MerchantStage,
    /// What there is to choose from.
    pub merchants: Vec<MerchantChoice>,
    /// Since when it is asked.
    pub sent_at: Timestamp,
    /// Until when an answer is taken.
    pub expires_at: Timestamp,
    /// Why the last answer did not do.
    pub last_error: Option<LastError>,
}

/// Something that only a person can answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonChallenge {
    /// What to do, in words.
    pub instruction: String,
    /// Since when it is asked.
    pub sent_at: Timestamp,
    /// Until when an answer is taken.
    pub expires_at: Timestamp,
}

impl Challenge {
    /// Until when an answer is taken.
    pub fn expires_at(&self) -> Timestamp {
        match self {
            Self::Code(code) => code.expires_at,
            Self::Merchant(merchant) => merchant.expires_at,
            Self::Captcha(person) | Self::Takeover(person) => person.expires_at,
        }
    }

    /// The name of what is asked.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::Merchant(_) => "merchant",
            Self::Captcha(_) => "captcha",
            Self::Takeover(_) => "takeover",
        }
    }
}
