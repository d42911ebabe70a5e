//! What an account is told to be: the public specification that tests and stories are written in.
//! It must not hold anything that changes while the sandbox runs.

use super::merchant::MerchantSpec;
use serde::{Deserialize, Serialize};

/// The password of every story account, and of accounts made without one.
pub const DEFAULT_PASSWORD: &str = "sandbox-password";

/// An account: it signs in by e-mail and password, by phone and SMS, or by either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSpec {
    /// The e-mail, in any case of letters.
    pub email: Option<String>,
    /// The phone, in any spelling.
    pub phone: Option<String>,
    /// The password; the phone's way in does not ask for it.
    pub password: String,
    /// Whether a password is followed by a mailed code.
    pub code: CodeRule,
    /// The merchants that it opens.
    pub merchants: Vec<MerchantSpec>,
    /// Whether the login itself asks which merchant, when there are several (`su`, CONTRACT 3.3).
    pub choice: bool,
    /// What befalls its logins.
    pub behaviour: Behaviour,
    /// Wrong passwords in a row that lock it; by default the knob's number.
    pub lock_after: Option<u32>,
    /// Its cabinet sessions die this many seconds after they began.
    pub session_seconds: Option<u64>,
    /// Its cabinet sessions die after this many calls.
    pub session_calls: Option<u64>,
    /// Whether a second login ends its other sessions.
    pub exclusive: bool,
}

impl Default for AccountSpec {
    fn default() -> Self {
        Self {
            email: None,
            phone: None,
            password: DEFAULT_PASSWORD.to_owned(),
            code: CodeRule::Never,
            merchants: Vec::new(),
            choice: false,
            behaviour: Behaviour::Normal,
            lock_after: None,
            session_seconds: None,
            session_calls: None,
            exclusive: false,
        }
    }
}

impl AccountSpec {
    /// An account with an e-mail, the default password, no code and no merchant yet.
    pub fn email(email: impl Into<String>) -> Self {
        Self { email: Some(email.into()), ..Self::default() }
    }

    /// An account with a phone and no merchant yet.
    pub fn phone(phone: impl Into<String>) -> Self {
        Self { phone: Some(phone.into()), ..Self::default() }
    }

    /// With one more merchant, made from its uid.
    #[must_use]
    pub fn merchant(mut self, uid: impl Into<String>) -> Self {
        self.merchants.push(MerchantSpec::new(uid));
        self
    }

    /// With another password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// With a rule for mailed codes.
    #[must_use]
    pub fn code(mut self, rule: CodeRule) -> Self {
        self.code = rule;
        self
    }

    /// With something that befalls its logins.
    #[must_use]
    pub fn behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }
}

/// Whether a password is followed by a mailed code (CONTRACT 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeRule {
    /// No code.
    Never,
    /// A code, but not on a device that was remembered by `_r_d`.
    UnlessRemembered,
    /// A code every time.
    Always,
}

/// What befalls the logins of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Nothing.
    Normal,
    /// `INSUFFICIENT_PERMISSIONS` after the right password (CONTRACT 3.3).
    InsufficientPermissions,
    /// `MFA_SEND_FLOOD` in place of a code, with `breakTimeSeconds` (CONTRACT 3.3).
    Flood {
        /// What `breakTimeSeconds` says; the knob's number without.
        #[serde(default)]
        break_seconds: Option<u64>,
    },
    /// Every password is wrong.
    WrongPassword,
    /// Answers take `login.slow_millis`.
    Slow,
    /// An HTML wall with status 403 (CONTRACT 3.3, 5).
    Wall,
    /// 500.
    Broken,
    /// The same wall, but only for clients that did not run the login page's script.
    WallWithoutScript,
    /// 200 with a JSON of a shape that nobody knows.
    ChangedAnswer,
}
