//! One login's page: what it tells, and what can be done in it. Must not print what is typed or called.

mod cookies;
mod keys;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kaspi_auth_core::session::Cookie;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use crate::{
    Clip, FarmError, LeavingId, PageEvent, ShardId,
    farm::Place,
    shard::{Moving, Page, PageCore, Stage},
};

/// How long a page may be silent before it is asked whether it still lives, and how long it may take to say so.
const SILENCE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(5);

/// How long after a page wants to leave an answer to what went before may still come.
const LAST_ANSWER: Duration = Duration::from_millis(300);

/// One isolated profile with one page, of one login. Dropped, it is closed in the background; it is never used again.
pub struct Context {
    // The page goes before its place is free.
    page: Page,
    place: Place,
    warm: bool,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("shard", &self.shard())
            .field("warm", &self.warm)
            .finish_non_exhaustive()
    }
}

impl Context {
    pub(crate) fn new(place: Place, page: Page, warm: bool) -> Self {
        Self { page, place, warm }
    }

    /// Where it lives.
    pub fn shard(&self) -> ShardId {
        self.place.shard.id
    }

    /// Whether its page had been loaded in advance.
    pub fn was_warm(&self) -> bool {
        self.warm
    }

    /// The report that made the page ready.
    pub fn first_report(&self) -> &str {
        &self.page.first_report
    }

    /// What became of it, once it is over: no call succeeds any more.
    pub fn fate(&self) -> Option<FarmError> {
        self.core().fate()
    }

    /// What happens next in the page, in order.
    ///
    /// # Errors
    ///
    /// What befalls the page, once and for all: [`FarmError::BrowserLost`], [`FarmError::PageCrashed`],
    /// [`FarmError::Hung`], [`FarmError::Evicted`], [`FarmError::Expired`], or [`FarmError::Page`] when it floods us.
    pub async fn next(&mut self) -> Result<PageEvent, FarmError> {
        let core = self.page.core.clone();
        loop {
            tokio::select! {
                biased;
                event = self.page.events.recv() => {
                    return event.ok_or_else(|| core.fate().unwrap_or(FarmError::PageCrashed));
                }
                fate = core.lost() => return Err(fate),
                () = tokio::time::sleep(SILENCE) => {}
            }
            // A page that hangs says nothing of it.
            let event = tokio::select! {
                biased;
                event = self.page.events.recv() => event,
                answer = core.answers(PATIENCE) => {
                    answer?;
                    continue;
                }
            };
            return event.ok_or_else(|| core.fate().unwrap_or(FarmError::PageCrashed));
        }
    }

    /// Calls a function declaration in the isolated world of the current document, waits for its promise, and takes its
    /// value. Arguments may be secrets: they are in no log and no error.
    ///
    /// # Errors
    ///
    /// [`FarmError::Protocol`] when it throws or the document goes away meanwhile; [`FarmError::Page`] while a navigation
    /// is held, since the browser asks a page nothing then; and what befalls the page. A function that takes longer than
    /// a command may is taken for a page that hangs.
    pub async fn call(&self, function: &str, arguments: &[Value]) -> Result<Value, FarmError> {
        let world = self.core().world().await?;
        let answer = match self.call_in(world, function, arguments).await {
            // The document had just gone: nothing was called.
            Err(FarmError::Protocol { message, .. }) if message.contains("Cannot find context") => {
                self.core().forget_world();
                let world = self.core().world().await?;
                self.call_in(world, function, arguments).await?
            }
            answer => answer?,
        };
        match answer.get("exceptionDetails") {
            None => Ok(answer.pointer("/result/value").cloned().unwrap_or_default()),
            // The exception's text may repeat an argument.
            Some(thrown) => {
                let kind =
                    thrown.pointer("/exception/className").and_then(Value::as_str).unwrap_or("something");
                let line = thrown["lineNumber"].as_i64().unwrap_or_default() + 1;
                let message = format!("the function threw {kind} in line {line}");
                Err(FarmError::Protocol { method: "Runtime.callFunctionOn", message })
            }
        }
    }

    async fn call_in(&self, world: i64, function: &str, arguments: &[Value]) -> Result<Value, FarmError> {
        let arguments: Vec<Value> = arguments.iter().map(|value| json!({"value": value})).collect();
        let params = json!({
            "functionDeclaration": function, "arguments": arguments, "executionContextId": world,
            "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        tokio::select! {
            biased;
            answer = self.core().call("Runtime.callFunctionOn", params) => answer,
            () = self.is_left() => Err(FarmError::Page { what: "it wants to leave and waits for a word".to_owned() }),
        }
    }

    /// Waits until the page is held for long enough that an answer would have come before.
    async fn is_left(&self) {
        self.core().held().await;
        tokio::time::sleep(LAST_ANSWER).await;
    }

    /// Puts text into the element that has the focus, as an input method does.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn insert_text(&self, text: &SecretString) -> Result<(), FarmError> {
        self.core().call("Input.insertText", json!({"text": text.expose_secret()})).await.map(drop)
    }

    /// Types text key by key into the element that has the focus. A line feed is the Enter key.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn press(&self, text: &SecretString) -> Result<(), FarmError> {
        let events = text.expose_secret().chars().flat_map(keys::events);
        let pending: Vec<_> =
            events.map(|event| self.core().begin("Input.dispatchKeyEvent", event)).collect();
        for pending in pending {
            self.core().finish(pending).await?;
        }
        Ok(())
    }

    /// Goes to an address, without asking through [`PageEvent::Leaving`].
    ///
    /// # Errors
    ///
    /// [`FarmError::Page`] when it cannot be loaded, and what befalls the page.
    pub async fn navigate(&self, url: &Url) -> Result<(), FarmError> {
        self.core().navigate(url.as_str()).await
    }

    /// All cookies of the context, with all attributes.
    ///
    /// # Errors
    ///
    /// What befalls the browser.
    pub async fn cookies(&self) -> Result<Vec<Cookie>, FarmError> {
        let answer = self.core().of_context("Storage.getCookies", json!({})).await?;
        Ok(answer["cookies"].as_array().into_iter().flatten().map(cookies::from_browser).collect())
    }

    /// Puts cookies into the context. One without a domain is taken for the host of the page that is kept warm.
    ///
    /// # Errors
    ///
    /// [`FarmError::Protocol`] when the browser does not take one, and what befalls it.
    pub async fn set_cookies(&self, cookies: &[Cookie]) -> Result<(), FarmError> {
        let home = self.core().home();
        let cookies: Vec<Value> = cookies.iter().map(|cookie| cookies::to_browser(cookie, home)).collect();
        self.core().of_context("Storage.setCookies", json!({"cookies": cookies})).await.map(drop)
    }

    /// A picture (PNG) of what is seen, or of a part of the document.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn screenshot(&self, clip: Option<Clip>) -> Result<Vec<u8>, FarmError> {
        let mut params = json!({"format": "png", "captureBeyondViewport": clip.is_some()});
        if let Some(Clip { x, y, width, height }) = clip {
            params["clip"] = json!({"x": x, "y": y, "width": width, "height": height, "scale": 1});
        }
        let answer = self.core().call("Page.captureScreenshot", params).await?;
        let no_picture = |_| FarmError::Protocol {
            method: "Page.captureScreenshot",
            message: "its picture cannot be read".to_owned(),
        };
        STANDARD.decode(answer["data"].as_str().unwrap_or_default()).map_err(no_picture)
    }

    /// Loads images and all else from now on.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn unblock(&self) -> Result<(), FarmError> {
        self.core().enter(Stage::Open).await
    }

    /// Lets a held navigation proceed.
    ///
    /// # Errors
    ///
    /// [`FarmError::Page`] when it is over already, and what befalls the page.
    pub async fn go_on(&self, leaving: LeavingId) -> Result<(), FarmError> {
        let params = json!({"requestId": leaving.0, "interceptResponse": true});
        self.core().moves(Moving::On(Instant::now()));
        match self.core().call("Fetch.continueRequest", params).await {
            Err(FarmError::Protocol { .. }) => {
                self.core().moves(Moving::No);
                Err(FarmError::Page { what: "the navigation is over already".to_owned() })
            }
            answer => answer.map(drop),
        }
    }

    /// Aborts a held navigation: the page stays where it is.
    ///
    /// # Errors
    ///
    /// What befalls the page.
    pub async fn stay(&self, leaving: LeavingId) -> Result<(), FarmError> {
        let params = json!({"requestId": leaving.0, "errorReason": "Aborted"});
        let answer = self.core().call("Fetch.failRequest", params).await;
        self.core().moves(Moving::No);
        match answer {
            Err(FarmError::Protocol { .. }) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// The login waits for a person now: gives its running place back and keeps the context until then. Over the cap the
    /// oldest held context is closed, and its owner sees [`FarmError::Evicted`].
    pub fn hold(&mut self, until: Instant) {
        self.place.hold(until, &self.page.core);
    }

    /// Takes a running place again, ahead of new logins.
    ///
    /// # Errors
    ///
    /// [`FarmError::Late`] at the deadline, and what befalls the page.
    pub async fn resume(&mut self, deadline: Instant) -> Result<(), FarmError> {
        self.place.resume(deadline, &self.page.core).await
    }

    /// Closes it and waits until its traces are gone from the browser.
    pub async fn close(self) {
        self.core().close().await;
    }

    fn core(&self) -> &PageCore {
        &self.page.core
    }
}
