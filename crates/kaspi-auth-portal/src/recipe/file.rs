//! The recipe's file, key by key. Must not judge what it reads: `check` does.

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: Spanned<u32>,
    pub(super) page: Page,
    pub(super) elements: Elements,
    pub(super) choice: Choice,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) texts: Vec<Text>,
}

/// How text gets into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Typing {
    /// The value is set and the events of typing are fired.
    Value,
    /// The browser inserts it, as an input method does.
    Insert,
    /// Key by key.
    Keys,
}

/// The page as a whole.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) typing: Typing,
    pub(super) settle_millis: u64,
    pub(super) blocked_types: Vec<Spanned<String>>,
    pub(super) blocked_urls: Vec<String>,
    pub(super) login_paths: Vec<String>,
    pub(super) resend_paths: Vec<String>,
    pub(super) merchants_paths: Vec<String>,
}

/// The ways to find one element, best first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Element {
    pub(super) find: Vec<Alternative>,
}

/// One way to find an element.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alternative {
    pub(super) css: Spanned<String>,
    #[serde(default)]
    pub(super) text: Option<Spanned<String>>,
}

/// Every element that is known of. Those without a default must stand in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Elements {
    #[serde(default)]
    pub(super) email_tab: Element,
    #[serde(default)]
    pub(super) phone_tab: Element,
    pub(super) email: Element,
    pub(super) password: Element,
    pub(super) phone: Element,
    pub(super) submit: Element,
    #[serde(default)]
    pub(super) busy: Element,
    #[serde(default)]
    pub(super) remember: Element,
    pub(super) code: Element,
    #[serde(default)]
    pub(super) sent_to: Element,
    #[serde(default)]
    pub(super) resend: Element,
    #[serde(default)]
    pub(super) resent: Element,
    #[serde(default)]
    pub(super) merchant: Element,
    pub(super) general_error: Element,
    #[serde(default)]
    pub(super) field_error: Element,
    #[serde(default)]
    pub(super) captcha: Element,
    #[serde(default)]
    pub(super) wall: Element,
    pub(super) cabinet: Element,
}

impl Elements {
    /// All: name, whether the first page of the login must show it, and how it is found.
    pub(super) fn all(&self) -> [(&'static str, bool, &Element); 18] {
        [
            ("email_tab", false, &self.email_tab),
            ("phone_tab", true, &self.phone_tab),
            ("email", true, &self.email),
            ("password", false, &self.password),
            ("phone", true, &self.phone),
            ("submit", true, &self.submit),
            ("busy", false, &self.busy),
            ("remember", false, &self.remember),
            ("code", false, &self.code),
            ("sent_to", false, &self.sent_to),
            ("resend", false, &self.resend),
            ("resent", false, &self.resent),
            ("merchant", false, &self.merchant),
            ("general_error", false, &self.general_error),
            ("field_error", false, &self.field_error),
            ("captcha", false, &self.captcha),
            ("wall", false, &self.wall),
            ("cabinet", false, &self.cabinet),
        ]
    }
}

/// How an option of the merchants' choice says whose it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice {
    pub(super) id_attributes: Vec<String>,
    pub(super) id_text: Spanned<String>,
    pub(super) name_css: Spanned<String>,
}

/// What a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Is {
    Cabinet,
    Wall,
    Down,
    Error,
    Captcha,
    Choice,
    Code,
    Form,
}

/// When it shows that: all that is named must fit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    pub(super) is: Is,
    #[serde(default)]
    pub(super) element: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) path: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) status: Vec<u16>,
}

/// What a text of an error means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    pub(super) pattern: Spanned<String>,
    pub(super) code: Spanned<String>,
}
