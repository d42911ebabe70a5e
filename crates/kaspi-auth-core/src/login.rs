//! A login: one attempt to sign in, as a record and as a flow.
//!
//! [`step`] is pure: record, event and time in; the new record and the effects to carry out come back. Whoever calls it
//! (the use cases in [`logins`](crate::logins)) stores the record first and carries the effects out after that.

mod challenge;
mod event;
mod state;
mod step;

pub use challenge::{
    Challenge, Channel, CodeChallenge, LastError, MerchantChallenge, MerchantStage, PersonChallenge,
};
pub use event::{Answer, Effect, Event, InvalidAnswer};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
pub use state::{Failure, LoginState};
pub use step::{Step, StepError, step};

use crate::account::{Account, Credentials};
use crate::egress::EgressId;
use crate::id::{LoginId, MerchantUid, NodeId, UserId};
use crate::keeping::Origin;

/// How the login is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineChoice {
    /// Whatever works, direct first.
    Auto,
    /// HTTP.
    Direct,
    /// A real browser.
    Browser,
}

impl EngineChoice {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Direct => "direct",
            Self::Browser => "browser",
        }
    }
}

/// The engine that drives a login now. [`EngineChoice`] is what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// HTTP.
    Direct,
    /// A real browser.
    Browser,
}

impl Driver {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Browser => "browser",
        }
    }
}

/// What to do when the account holds several merchants and none was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenSeveral {
    /// Ask the caller.
    Ask,
    /// Take the first, as the predecessor does (CONTRACT, section 6).
    First,
}

/// One attempt to sign in. Its secrets are apart, in [`LoginSecrets`].
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// Names it.
    pub id: LoginId,
    /// Counts its stored changes: a write with an old one is a conflict.
    pub version: i64,
    /// For whom the store will be held.
    pub user_id: Option<UserId>,
    /// Who signs in.
    pub account: Account,
    /// Who set it going: an automatic login asks no person anything.
    pub origin: Origin,
    /// Over which channel a code source reads what the portal sends: an automatic login waits for such a code.
    pub code_source: Option<Channel>,
    /// What it was asked to be driven by.
    pub engine: EngineChoice,
    /// What drives it now.
    pub driver: Driver,
    /// The way out that it keeps to.
    pub egress: EgressId,
    /// The node whose browser holds its page: only that one can go on with it.
    pub holder: Option<NodeId>,
    /// Whether the password is kept for signing in again.
    pub store_password: bool,
    /// The merchant that is wanted, where the caller named one.
    pub wanted: Option<MerchantUid>,
    /// What to do when there are several.
    pub when_several: WhenSeveral,
    /// Whether the portal accepted a code on the way: the predecessor's `sms_verified`.
    pub code_verified: bool,
    /// Where it stands.
    pub state: LoginState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// The secrets of a login that is under way; erased when it ends.
#[derive(Debug, Clone)]
pub struct LoginSecrets {
    /// What proves the account.
    pub credentials: Credentials,
    /// How the engine goes on.
    pub continuation: Option<Continuation>,
    /// What the holder is to carry out, where another node took the caller's word.
    pub forwarded: Vec<Effect>,
}

/// How an engine goes on with a login: its own data, opaque to all others, holding cookies and so a secret.
#[derive(Debug, Clone)]
pub struct Continuation(pub SecretString);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the start to the end of a login.
    pub login: jiff::SignedDuration,
    /// From a question to its answer.
    pub input: jiff::SignedDuration,
    /// Between two codes.
    pub resend: jiff::SignedDuration,
    /// Wrong codes that are sent on to the portal.
    pub attempts: u32,
}

impl Default for Limits {
    /// 20 min, 10 min, 60 s, 5 (ARCHITECTURE, section 5).
    fn default() -> Self {
        Self {
            login: jiff::SignedDuration::from_mins(20),
            input: jiff::SignedDuration::from_mins(10),
            resend: jiff::SignedDuration::from_secs(60),
            attempts: 5,
        }
    }
}
