//! What the page's observer reports, read without trusting it: a page can say anything.

use serde::Deserialize;

/// What a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shows {
    /// The form for an account, or for its password.
    Form,
    /// The form for a code.
    Code,
    /// The choice of a merchant.
    Choice,
    /// An error.
    Error,
    /// Something that only a person passes.
    Captcha,
    /// A wall.
    Wall,
    /// A server's error.
    Down,
    /// The cabinet.
    Cabinet,
    /// Nothing known, for a while now.
    Strange,
    /// Nothing known at this moment.
    None,
}

/// One report.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Report {
    /// What is shown.
    #[serde(rename = "k")]
    pub(super) shows: Shows,
    /// The step that it belongs to; 0 in a document in which no step was taken.
    #[serde(rename = "a", default)]
    pub(super) step: u32,
    /// The status of the document; 0 where the browser does not tell.
    #[serde(rename = "s", default)]
    pub(super) status: u16,
    /// The path of the document.
    #[serde(rename = "p", default)]
    pub(super) path: String,
    /// A text: of an error, of where a code went, the title.
    #[serde(rename = "x", default)]
    pub(super) text: String,
    /// The fields of a form.
    #[serde(rename = "f", default)]
    pub(super) fields: Vec<[String; 4]>,
    /// The options of a choice: id and name.
    #[serde(rename = "o", default)]
    pub(super) options: Vec<[String; 2]>,
    /// What the browser calls itself.
    #[serde(rename = "u", default)]
    pub(super) user_agent: Option<String>,
}

impl Report {
    /// Reads a report; `None` for what the observer does not say.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// What came of a series of acts in the page.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Acted {
    pub(super) ok: bool,
    /// Why it stopped.
    #[serde(default)]
    pub(super) fail: String,
    /// At which element.
    #[serde(default)]
    pub(super) element: Option<String>,
    /// What the page showed then.
    #[serde(default)]
    pub(super) now: Option<Report>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_and_a_strangers_word_is_not() {
        let report = Report::read(r#"{"k":"error","a":2,"s":200,"p":"/login","x":"нет"}"#).unwrap();
        assert_eq!((report.shows, report.step, report.text.as_str()), (Shows::Error, 2, "нет"));
        for foreign in ["", "7", "{}", r#"{"k":"party"}"#, r#"{"k":"form","a":-1}"#] {
            assert!(Report::read(foreign).is_none(), "{foreign}");
        }
    }
}
