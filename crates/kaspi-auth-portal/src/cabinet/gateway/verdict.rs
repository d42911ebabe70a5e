//! How an answer of the cabinet bears on the session that it was asked with. Must not read more than the beginning of a page.

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{self, HeaderMap};
use url::Url;

use crate::direct::Portal;
use crate::http::wanted_wait;
use crate::wire::shape::Page;

/// How an answer bears on the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CabinetVerdict {
    /// The cabinet served it.
    Ok,
    /// The cabinet does not know the session: 401, the login page or the way to it.
    Unauthorized,
    /// A wall keeps us out.
    Blocked,
    /// Too many calls.
    RateLimited,
    /// Nothing: an outage, a call that was wrong, a missing right, a redirect elsewhere.
    Other,
}

impl CabinetVerdict {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unauthorized => "unauthorized",
            Self::Blocked => "blocked",
            Self::RateLimited => "rate_limited",
            Self::Other => "other",
        }
    }
}

/// Whether the beginning of the body may tell more than the head: a page where the session's end or a wall would show.
pub(super) fn is_telling_page(status: StatusCode, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    // A file is a file, whatever stands in it.
    let is_file = text(header::CONTENT_DISPOSITION)
        .trim_start()
        .get(..10)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("attachment"));
    let is_page = media.is_empty()
        || media.eq_ignore_ascii_case("text/html")
        || media.eq_ignore_ascii_case("application/xhtml+xml");
    matches!(status.as_u16(), 200 | 403 | 429) && is_page && !is_file
}

/// What the page is that the body begins with, if it is one.
pub(super) fn page_of(beginning: &[u8], headers: &HeaderMap) -> Option<Page> {
    let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning).trim_ascii_start();
    (text.first() == Some(&b'<') || headers.contains_key(header::CONTENT_TYPE) && !text.is_empty())
        .then(|| Page::read(text))
}

impl Portal {
    /// The verdict on an answer, and when the portal wants to be asked again.
    pub(super) fn bearing(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        page: Option<&Page>,
        asked: &Url,
    ) -> (CabinetVerdict, Option<Timestamp>) {
        let to_sign_in = || {
            let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
            to.and_then(|to| asked.join(to).ok()).is_some_and(|to| self.asks_to_sign_in(&to))
        };
        let verdict = match (status.as_u16(), page) {
            (401, _) | (200 | 403, Some(Page { login: true, .. })) => CabinetVerdict::Unauthorized,
            (301..=303 | 305..=308, _) if to_sign_in() => CabinetVerdict::Unauthorized,
            (200, Some(Page { wall: true, .. })) | (403 | 429, Some(_)) => CabinetVerdict::Blocked,
            (429, None) => CabinetVerdict::RateLimited,
            (200..=299 | 304, _) => CabinetVerdict::Ok,
            // Without a page a 403 may be a merchant or a right that is not this session's: no reason to sign in again.
            _ => CabinetVerdict::Other,
        };
        let retry_at = match verdict {
            CabinetVerdict::Ok | CabinetVerdict::Unauthorized => None,
            _ => wanted_wait(headers, self.http.now()),
        };
        (verdict, retry_at)
    }
}
