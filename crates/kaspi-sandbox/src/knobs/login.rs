//! Settings of the login endpoint and its page.
//! It must not act on them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The login endpoint and its page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an open question of its own")]
pub struct LoginKnobs {
    /// `redirectUrl` of a login without a saved authorization request (CONTRACT 3.3, 8.7).
    pub redirect_url: RedirectUrl,
    /// `redirectUrl` of a login with a saved authorization request (CONTRACT 8.7).
    pub saved_redirect_url: SavedRedirectUrl,
    /// `errorCode` of an e-mail that has no account (CONTRACT 8.4).
    pub unknown_email: String,
    /// The answer to a phone that has no account (CONTRACT 8.4).
    pub unknown_phone: UnknownPhone,
    /// What a login without any merchant meets (CONTRACT 3.3 `NO_MERCHANTS`).
    pub no_merchants: NoMerchants,
    /// What a login without any rights meets (CONTRACT 8.8).
    pub no_permissions: NoPermissions,
    /// HTTP status of `INSUFFICIENT_PERMISSIONS` and `NO_MERCHANTS` (CONTRACT 3.3: unknown).
    pub refusal_status: u16,
    /// Wrong passwords in a row that lock an account which has no number of its own; 0 is never (CONTRACT 8.3).
    pub lock_after: u32,
    /// How long a lock holds, in seconds.
    pub lock_seconds: u64,
    /// `errorCode` of a locked account (CONTRACT 8.3).
    pub lock_error: String,
    /// Whether the answer of a locked account tells the remaining seconds as `breakTimeSeconds`.
    pub lock_tells_break_time: bool,
    /// `message` in every body with an `errorCode`; none without (CONTRACT 8.6).
    pub error_message: Option<String>,
    /// Logins begun in a minute (a password or a phone) from one client address before the HTML wall; 0 is no limit
    /// (CONTRACT 8.9).
    pub per_minute: u32,
    /// HTTP status of the wall behind `per_minute`: 429 or 403.
    pub per_minute_status: u16,
    /// The captcha that guards the login (CONTRACT 8.9), on the page and at the endpoint.
    pub captcha: Captcha,
    /// What the login endpoint answers to clients that did not run the page's script.
    pub without_script: WithoutScript,
    /// The shape of `su` (CONTRACT 8.5).
    pub su: ChoiceShape,
    /// Whether the login endpoint wants `Origin` or `Referer` of the login host or the site (CONTRACT 7.7: it does not).
    pub strict_headers: bool,
    /// How long a login on the login host stays good for silent sign-ins, in seconds (CONTRACT 8.2).
    pub sso_seconds: u64,
    /// Whether the login page is the one with changed markup.
    pub changed_page: bool,
    /// How long the slow story takes to answer, in milliseconds.
    pub slow_millis: u64,
    /// Whether a changed password ends the account's sessions (CONTRACT 8.2).
    pub password_change_ends_sessions: bool,
}

impl Default for LoginKnobs {
    fn default() -> Self {
        Self {
            redirect_url: RedirectUrl::Continue,
            saved_redirect_url: SavedRedirectUrl::Relative,
            unknown_email: "CREDENTIALS_INVALID".to_owned(),
            unknown_phone: UnknownPhone::CredentialsInvalid,
            no_merchants: NoMerchants::Refused,
            no_permissions: NoPermissions::Refused,
            refusal_status: 401,
            lock_after: 0,
            lock_seconds: 900,
            lock_error: "ACCOUNT_LOCKED".to_owned(),
            lock_tells_break_time: true,
            error_message: None,
            per_minute: 0,
            per_minute_status: 429,
            captcha: Captcha::Off,
            without_script: WithoutScript::Served,
            su: ChoiceShape::Merchants,
            strict_headers: false,
            sso_seconds: 7 * 24 * 3_600,
            changed_page: false,
            slow_millis: 3_000,
            password_change_ends_sessions: false,
        }
    }
}

/// The captcha that guards the login (CONTRACT 8.9). Until it is passed the login endpoint answers the HTML wall with 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Captcha {
    /// `false`: none.
    Off,
    /// `true`: a frame on the page, and nothing to solve.
    Unpassable,
    /// `"passable"`: a frame on the page with a box to tick.
    Passable,
    /// `"picture"`: a picture on the page with a word to type.
    Picture,
}

impl From<Captcha> for Value {
    fn from(captcha: Captcha) -> Self {
        match captcha {
            Captcha::Off => Self::Bool(false),
            Captcha::Unpassable => Self::Bool(true),
            Captcha::Passable => Self::from("passable"),
            Captcha::Picture => Self::from("picture"),
        }
    }
}

impl TryFrom<Value> for Captcha {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        [Self::Off, Self::Unpassable, Self::Passable, Self::Picture]
            .into_iter()
            .find(|captcha| Value::from(*captcha) == value)
            .ok_or_else(|| format!("a captcha is false, true, \"passable\" or \"picture\", not {value}"))
    }
}

/// What the login endpoint answers to clients that lack the cookie which the page's script sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutScript {
    /// What it answers to everybody.
    Served,
    /// The HTML wall with 403.
    Wall,
    /// An HTML page with a captcha, with 403.
    CaptchaPage,
    /// 401 `CAPTCHA_REQUIRED`.
    CaptchaCode,
}

/// `redirectUrl` of a login without a saved authorization request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectUrl {
    /// `/?continue` (F1, F5).
    Continue,
    /// `/` (F2).
    Root,
}

/// `redirectUrl` of a login with a saved authorization request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedRedirectUrl {
    /// `/oauth2/authorize?…&continue`.
    Relative,
    /// The same with the origin of the login host.
    Absolute,
    /// As if no request were saved.
    Ignored,
}

/// The answer to a phone that has no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPhone {
    /// 401 `CREDENTIALS_INVALID`, as for an unknown e-mail.
    CredentialsInvalid,
    /// 401 `FAILED`.
    Failed,
    /// 400 `PHONE_NOT_FOUND`, as one client's own stand-in invents.
    PhoneNotFound,
    /// 200 as if an SMS were sent; no code will ever fit.
    Pretend,
}

/// What a login without any merchant meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoMerchants {
    /// The login answers `NO_MERCHANTS`.
    Refused,
    /// The login succeeds and `/s/m` lists nothing.
    EmptyList,
}

/// What a login without any rights meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoPermissions {
    /// The login answers `INSUFFICIENT_PERMISSIONS`.
    Refused,
    /// The login succeeds and every call of the cabinet is 403.
    Forbidden,
    /// The login succeeds and `/s/m` lists nothing.
    EmptyList,
}

/// The shape of `su` in the answer that asks for a choice. The choice may come as `_s_m` or `_s_u` in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceShape {
    /// `[{"uid", "name"}]`.
    Merchants,
    /// `[{"id", "name", "merchants": [{"uid", "name"}]}]`, one user for each merchant.
    Users,
    /// `{"merchants": [{"uid", "name"}], "users": [{"id", "name"}]}`.
    Object,
}
