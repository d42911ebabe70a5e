//! Settings of the login page: the code's field, where errors are told, what changed, and what it loads.
//! It must not act on them: the page's script does.

use serde::{Deserialize, Serialize};

/// The login page (CONTRACT 8.6). The page with changed markup keeps the id and the name of its own field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageKnobs {
    /// `id` of the code's field.
    pub code_id: String,
    /// `name` of the code's field.
    pub code_name: String,
    /// Where wrong credentials are told.
    pub credentials_error: ErrorPlace,
    /// Where it is told that a code does not fit or is too late.
    pub code_error: ErrorPlace,
    /// Where it is told that a phone has no account.
    pub phone_error: ErrorPlace,
    /// Where a flood is told, and a lock that tells its seconds.
    pub flood_error: ErrorPlace,
    /// Where every other `errorCode` is told.
    pub other_error: ErrorPlace,
    /// The field whose `id` and `name` are others: `renamed_<field>_field` and `renamed_<field>`.
    pub renamed_field: Option<RenamedField>,
    /// Whether the renamed field loses every other mark too: label, placeholder, type, `autocomplete`, `inputmode`.
    pub renamed_bare: bool,
    /// Whether the page loads what portals load: a style sheet, a script, texts, images, fonts, a video and trackers.
    pub heavy: bool,
}

impl Default for PageKnobs {
    fn default() -> Self {
        Self {
            code_id: "sms_code_field".to_owned(),
            code_name: "security-code".to_owned(),
            credentials_error: ErrorPlace::Notification,
            code_error: ErrorPlace::Help,
            phone_error: ErrorPlace::Notification,
            flood_error: ErrorPlace::Notification,
            other_error: ErrorPlace::Notification,
            renamed_field: None,
            renamed_bare: false,
            heavy: false,
        }
    }
}

/// A field of the login page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenamedField {
    /// The e-mail.
    Email,
    /// The password.
    Password,
    /// Whether to remember the device.
    Remember,
    /// The phone.
    Phone,
    /// The code.
    Code,
}

/// The element that tells an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorPlace {
    /// `.notification.is-danger`, above the fields.
    Notification,
    /// `.help.is-danger`, below the step's field.
    Help,
}
