//! Settings of codes by mail and SMS.
//! It must not act on them.

use serde::{Deserialize, Serialize};

/// Codes by mail and SMS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an open question of its own")]
pub struct CodeKnobs {
    /// `errorCode` of a wrong SMS code: `SECURITY_CODE_INVALID` or `FAILED` (CONTRACT 8.3).
    pub wrong_sms: String,
    /// `errorCode` of a wrong mailed code: `SECURITY_CODE_INVALID` or `MFA_CODE_INVALID` (CONTRACT 3.3).
    pub wrong_mail: String,
    /// `errorCode` of a code that is too old or replaced by a newer one (CONTRACT 3.3).
    pub expired: String,
    /// HTTP status of the errors of codes, but for `FAILED` which is 401 (CONTRACT 8.3).
    pub error_status: u16,
    /// Wrong codes allowed; the last of them answers `MFA_CODE_ATTEMPT_LIMIT` and ends the login (CONTRACT 8.3).
    pub attempts: u32,
    /// Digits of an SMS code, 4 to 6; the page's field takes no more (CONTRACT 8.11).
    pub sms_length: u32,
    /// How long an SMS code is good, in seconds (CONTRACT 8.3).
    pub sms_seconds: u64,
    /// How long a mailed code is good, in seconds (CONTRACT 8.3).
    pub mail_seconds: u64,
    /// How long a login may wait for its code before `TIMEOUT_EXCEEDED`, in seconds (CONTRACT 3.3).
    pub login_seconds: u64,
    /// Codes sent to one destination within the window before the flood error (CONTRACT 3.6, 5).
    pub sends: u32,
    /// The window of `sends`, in seconds.
    pub send_window_seconds: u64,
    /// Least time between two codes to one destination, in seconds; 0 is none (CONTRACT 8.5).
    pub resend_seconds: u64,
    /// `breakTimeSeconds` of a flooded account that has no number of its own (CONTRACT 8.3).
    pub break_seconds: u64,
    /// Whether the flood error tells `breakTimeSeconds` (CONTRACT 3.3: it may be absent).
    pub flood_tells_break_time: bool,
    /// The body that `/api/p/mfa/send` wants (CONTRACT 8.5).
    pub resend_body: ResendBody,
    /// The answer of `/api/p/mfa/send` (CONTRACT 8.5).
    pub resend_answer: ResendAnswer,
    /// Whether `email` in the answer is masked (CONTRACT 8.5).
    pub mask_email: bool,
    /// Whether `_u` of the code's step may be the masked address (CONTRACT 8.5).
    pub accept_masked_email: bool,
    /// How long a remembered device needs no code, in seconds (CONTRACT 8.1).
    pub device_seconds: u64,
    /// Whether the mailed code's step needs the cookie of the password's step (CONTRACT 3.1).
    pub mail_needs_cookie: bool,
}

impl Default for CodeKnobs {
    fn default() -> Self {
        Self {
            wrong_sms: "SECURITY_CODE_INVALID".to_owned(),
            wrong_mail: "SECURITY_CODE_INVALID".to_owned(),
            expired: "INACTIVE_CODE_ERROR".to_owned(),
            error_status: 401,
            attempts: 5,
            sms_length: 6,
            sms_seconds: 300,
            mail_seconds: 600,
            login_seconds: 1_200,
            sends: 5,
            send_window_seconds: 60,
            resend_seconds: 0,
            break_seconds: 60,
            flood_tells_break_time: true,
            resend_body: ResendBody::Lenient,
            resend_answer: ResendAnswer::Destination,
            mask_email: true,
            accept_masked_email: true,
            device_seconds: 90 * 24 * 3_600,
            mail_needs_cookie: true,
        }
    }
}

impl CodeKnobs {
    /// Digits of an SMS code, within what is known of them.
    pub(crate) fn sms_digits(&self) -> u32 {
        self.sms_length.clamp(4, 6)
    }
}

/// The body that `/api/p/mfa/send` wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResendBody {
    /// Any: it is not read.
    Lenient,
    /// JSON whose `_u` names the account; 401 `FAILED` without, and 500 when it is no JSON object.
    Strict,
}

/// The answer of `/api/p/mfa/send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResendAnswer {
    /// 200 `{"email": …}` or `{"phone": …}`, as the step before.
    Destination,
    /// 200 `{}`.
    Object,
    /// 200 with no body.
    Empty,
}
