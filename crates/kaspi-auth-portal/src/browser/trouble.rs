//! What befalls browsers and pages, as the errors of a login. Must not name a context or an address with its query.

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_browser::FarmError;
use kaspi_auth_core::{Code, Error};

/// When to come back where the farm does not say.
const COME_BACK: SignedDuration = SignedDuration::from_secs(15);

/// Trouble before the login holds a page.
pub(super) fn not_opened(error: FarmError, now: Timestamp) -> Error {
    let soon = |wait| now.saturating_add(wait).unwrap_or(now);
    match error {
        FarmError::Full { retry_after } => {
            let wait = SignedDuration::try_from(retry_after).unwrap_or(COME_BACK);
            Error::of(Code::BrowserUnavailable).with_retry_at(soon(wait)).with_source(error)
        }
        FarmError::UnfitRoute(ref what) => {
            let detail = format!("No browser here can use this egress: {what}");
            Error::new(Code::EgressUnusable, detail).with_source(error)
        }
        FarmError::Page { ref what } => {
            let detail = format!("The login page could not be loaded in the browser: {what}");
            Error::new(Code::PortalUnavailable, detail).with_source(error)
        }
        _ => Error::of(Code::BrowserUnavailable).with_retry_at(soon(COME_BACK)).with_source(error),
    }
}

/// Trouble with the page that the login holds.
pub(super) fn lost(error: FarmError) -> Error {
    let detail = match &error {
        FarmError::Evicted => {
            "Too many logins waited for a person, and this was the oldest: its page was closed. Start it again."
        }
        FarmError::Expired => {
            "The login's page was kept for a person as long as it may be, and then closed. Start it again."
        }
        FarmError::Hung { .. } => "The login's page does not answer any more. Start the login again.",
        FarmError::Stopped => {
            "The service stops, and the browser that held this login with it. Start it again."
        }
        _ => Code::BrowserLost.advice(),
    };
    Error::new(Code::BrowserLost, detail).with_source(error)
}

/// The login's page is not here.
pub(super) fn nothing_held() -> Error {
    Error::of(Code::BrowserLost)
}

/// The page has not what the recipe names.
pub(super) fn not_found(element: &str, fail: &str) -> Error {
    let detail = format!(
        "The login page has changed: {element:?} of the recipe {}. An operator must mend the recipe.",
        match fail {
            "refused" => "does not take what is typed",
            "disabled" => "cannot be pressed",
            _ => "is not there",
        }
    );
    Error::new(Code::PortalChanged, detail)
}
