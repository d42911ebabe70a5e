//! The one error of the rules: transport-free, with a stable code and a way out. Must not know HTTP statuses.

mod code;

use std::fmt;

pub use code::{Code, Kind};
use jiff::Timestamp;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong, for the caller (`code`, `detail`) and for the log (`source`).
///
/// `Display` is the detail alone: the source is for the log, which prints the whole chain.
#[derive(Debug)]
pub struct Error {
    code: Code,
    detail: String,
    retry_at: Option<Timestamp>,
    portal_message: Option<String>,
    source: Option<Source>,
}

impl Error {
    /// An error with its explanation: what happened, and what to do.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_at: None, portal_message: None, source: None }
    }

    /// An error with the explanation that its code carries.
    pub fn of(code: Code) -> Self {
        Self::new(code, code.advice())
    }

    /// Adds the cause, which only the log shows.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds when a further try makes sense.
    #[must_use]
    pub fn with_retry_at(mut self, at: Timestamp) -> Self {
        self.retry_at = Some(at);
        self
    }

    /// Adds the portal's own words.
    #[must_use]
    pub fn with_portal_message(mut self, words: Option<String>) -> Self {
        self.portal_message = words;
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What happened and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// When a further try makes sense, where that is known.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.retry_at
    }

    /// The portal's own words, where it said any.
    pub fn portal_message(&self) -> Option<&str> {
        self.portal_message.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::of(code)
    }
}

/// What use cases answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;
