//! One login's page: what it tells, and what can be done in it. Must not print what is typed or called.

use kaspi_auth_core::session::Cookie;
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::{Clip, FarmError, LeavingId, PageEvent, ShardId};

/// One isolated profile with one page, of one login. Dropped, it is closed in the background; it is never used again.
pub struct Context {
    shard: ShardId,
    warm: bool,
    first_report: String,
}

#[expect(clippy::unused_async, reason = "no shard is served yet")]
#[expect(clippy::unused_self, reason = "no shard is served yet")]
impl Context {
    /// Where it lives.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Whether its page had been loaded in advance.
    pub fn was_warm(&self) -> bool {
        self.warm
    }

    /// The report that made the page ready.
    pub fn first_report(&self) -> &str {
        &self.first_report
    }

    /// What happens next in the page, in order.
    ///
    /// # Errors
    ///
    /// What befalls the page, once and for all: [`FarmError::BrowserLost`], [`FarmError::PageCrashed`],
    /// [`FarmError::Hung`], [`FarmError::Evicted`], [`FarmError::Expired`], or [`FarmError::Page`] when it floods us.
    pub async fn next(&mut self) -> Result<PageEvent, FarmError> {
        Err(FarmError::Stopped)
    }

    /// Calls a function declaration in the isolated world of the current document, waits for its promise, and takes its
    /// value. Arguments may be secrets: they are in no log and no error.
    ///
    /// # Errors
    ///
    /// [`FarmError::Protocol`] when it throws, and what befalls the page.
    pub async fn call(&self, _function: &str, _arguments: &[Value]) -> Result<Value, FarmError> {
        Err(FarmError::Stopped)
    }

    /// Puts text into the element that has the focus, as an input method does.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn insert_text(&self, _text: &SecretString) -> Result<(), FarmError> {
        Err(FarmError::Stopped)
    }

    /// Types text key by key into the element that has the focus.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn press(&self, _text: &SecretString) -> Result<(), FarmError> {
        Err(FarmError::Stopped)
    }

    /// Goes to an address, without asking through [`PageEvent::Leaving`].
    ///
    /// # Errors
    ///
    /// [`FarmError::Page`] when it cannot be loaded, and what befalls the page.
    pub async fn navigate(&self, _url: &Url) -> Result<(), FarmError> {
        Err(FarmError::Stopped)
    }

    /// All cookies of the context, with all attributes.
    ///
    /// # Errors
    ///
    /// What befalls the browser.
    pub async fn cookies(&self) -> Result<Vec<Cookie>, FarmError> {
        Err(FarmError::Stopped)
    }

    /// Puts cookies into the context.
    ///
    /// # Errors
    ///
    /// [`FarmError::Protocol`] when the browser does not take one, and what befalls it.
    pub async fn set_cookies(&self, _cookies: &[Cookie]) -> Result<(), FarmError> {
        Err(FarmError::Stopped)
    }

    /// A picture (PNG) of what is seen, or of a part of the document.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn screenshot(&self, _clip: Option<Clip>) -> Result<Vec<u8>, FarmError> {
        Err(FarmError::Stopped)
    }

    /// Loads images and all else from now on.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn unblock(&self) -> Result<(), FarmError> {
        Err(FarmError::Stopped)
    }

    /// Lets a held navigation proceed.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn go_on(&self, _leaving: LeavingId) -> Result<(), FarmError> {
        Err(FarmError::Stopped)
    }

    /// Aborts a held navigation: the page stays where it is.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn stay(&self, _leaving: LeavingId) -> Result<(), FarmError> {
        Err(FarmError::Stopped)
    }

    /// The login waits for a person now: gives its running place back and keeps the context until then. Over the cap the
    /// oldest held context is closed, and its owner sees [`FarmError::Evicted`].
    pub fn hold(&mut self, _until: Instant) {}

    /// Takes a running place again, ahead of new logins.
    ///
    /// # Errors
    ///
    /// [`FarmError::Late`] at the deadline, and what befalls the page.
    pub async fn resume(&mut self, _deadline: Instant) -> Result<(), FarmError> {
        Err(FarmError::Stopped)
    }

    /// Closes it and waits until its traces are gone from the browser.
    pub async fn close(self) {}
}
