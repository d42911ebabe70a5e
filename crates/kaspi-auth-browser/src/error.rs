//! The ways in which the farm can fail. No sentence here may carry an argument of a call, a cookie or a credential.

use std::time::Duration;

/// What went wrong with a lease, a page or a browser.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FarmError {
    /// The queue is full.
    #[error("the browser farm is full; try again in {} s", retry_after.as_secs())]
    Full {
        /// When a place may be free.
        retry_after: Duration,
    },
    /// The deadline passed in the queue.
    #[error("no browser was free in time")]
    Late,
    /// No shard is up.
    #[error("no browser is up: {last}")]
    NoShard {
        /// The last trouble with one.
        last: String,
    },
    /// The browser, or the way to it, ended.
    #[error("the browser was lost: {reason}")]
    BrowserLost {
        /// How.
        reason: String,
    },
    /// The page's process ended, or its target went away.
    #[error("the page crashed")]
    PageCrashed,
    /// An answer did not come in time.
    #[error("the browser did not answer {what} in time")]
    Hung {
        /// The method that was not answered.
        what: &'static str,
    },
    /// The page could not be loaded, or did not get ready in time.
    #[error("the page failed: {what}")]
    Page {
        /// How.
        what: String,
    },
    /// The context was held for a person and had to make room.
    #[error("the held page was closed to make room for newer ones")]
    Evicted,
    /// The context was held until its time was over.
    #[error("the held page's time is over")]
    Expired,
    /// No shard can take this route.
    #[error("no browser can use this egress: {0}")]
    UnfitRoute(String),
    /// The farm has been stopped.
    #[error("the browser farm has stopped")]
    Stopped,
    /// The browser refused a command, or said what cannot be read.
    #[error("the browser refused {method}: {message}")]
    Protocol {
        /// The method.
        method: &'static str,
        /// The browser's words, which never repeat an argument.
        message: String,
    },
}

impl FarmError {
    /// Whether the browser, the page or the way to them died: another shard may do better.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::BrowserLost { .. } | Self::PageCrashed | Self::Hung { .. })
    }
}
