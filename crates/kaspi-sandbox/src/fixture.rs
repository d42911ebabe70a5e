//! A login page that was seen when a login failed, to be served in place of the sandbox's own: the file's format and
//! its checks.
//! It must not serve anything, and never lets a page load from beyond the sandbox.

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest file, in bytes.
const LARGEST: usize = 2 * 1_024 * 1_024;
/// What the file says it is.
const KIND: &str = "kaspi-auth.page";
/// The one version of the format.
const VERSION: u32 = 1;
/// Headers that a file may hold.
const HEADERS: usize = 100;
/// Headers that are about the connection, the body on the wire or the client's state: they are not replayed.
const NOT_REPLAYED: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_SECURITY_POLICY,
    header::LOCATION,
    header::REFRESH,
    header::SET_COOKIE,
    header::STRICT_TRANSPORT_SECURITY,
    header::TRANSFER_ENCODING,
];
/// The page may use what it holds and what the sandbox has, and nothing else: a replay never reaches the real portal.
const POLICY: &str = "default-src 'self' data: 'unsafe-inline'; form-action 'self'; base-uri 'none'";

/// A page to be replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    version: u32,
    kind: String,
    url: String,
    status: u16,
    html: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Why a file is no fixture.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// It is too large.
    #[error("a fixture is at most {LARGEST} bytes long, this one has {0}")]
    TooLarge(usize),
    /// It is not JSON, a key is missing or unknown, or a value has a wrong type.
    #[error("not a fixture: {0}")]
    Shape(serde_json::Error),
    /// It is of another kind.
    #[error("`kind` is {0:?}, not {KIND:?}")]
    Kind(String),
    /// It is of another version.
    #[error("`version` is {0}; only {VERSION} is known")]
    Version(u32),
    /// The address is none.
    #[error("`url` is no http or https address: {0:?}")]
    Url(String),
    /// The status is none that has a page.
    #[error("`status` is {0}, which no page has: it is from 200 to 599, and neither 204 nor 304")]
    Status(u16),
    /// There is no page.
    #[error("`html` is empty")]
    Empty,
    /// A header cannot be sent.
    #[error("`headers`: {0:?} cannot be sent")]
    Header(String),
    /// There are too many headers.
    #[error("`headers` has {0} of them; at most {HEADERS} are allowed")]
    Headers(usize),
}

impl Fixture {
    /// A page of an address, with status 200 and no headers.
    ///
    /// # Errors
    /// See [`FixtureError`].
    pub fn page(url: impl Into<String>, html: impl Into<String>) -> Result<Self, FixtureError> {
        let (version, kind) = (VERSION, KIND.to_owned());
        Self { version, kind, url: url.into(), status: 200, html: html.into(), headers: BTreeMap::new() }
            .checked()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// See [`FixtureError`].
    pub fn read(file: &[u8]) -> Result<Self, FixtureError> {
        if file.len() > LARGEST {
            return Err(FixtureError::TooLarge(file.len()));
        }
        serde_json::from_slice::<Self>(file).map_err(FixtureError::Shape)?.checked()
    }

    /// Where the page was seen.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The page.
    pub fn html(&self) -> &str {
        &self.html
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or_default()
    }

    /// The headers that are replayed, and those that keep the page inside the sandbox.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let seen = self.headers.iter().filter_map(|(name, value)| header_of(name, value));
        let own = [
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (HeaderName::from_static("x-sandbox"), HeaderValue::from_static("fixture")),
        ];
        seen.filter(|(name, _)| !NOT_REPLAYED.contains(name)).chain(own).collect()
    }

    fn checked(self) -> Result<Self, FixtureError> {
        if self.kind != KIND {
            return Err(FixtureError::Kind(self.kind));
        }
        if self.version != VERSION {
            return Err(FixtureError::Version(self.version));
        }
        let is_web = |url: url::Url| matches!(url.scheme(), "http" | "https");
        if !url::Url::parse(&self.url).is_ok_and(is_web) {
            return Err(FixtureError::Url(self.url));
        }
        if !(200..600).contains(&self.status) || matches!(self.status, 204 | 304) {
            return Err(FixtureError::Status(self.status));
        }
        if self.html.trim().is_empty() {
            return Err(FixtureError::Empty);
        }
        if self.headers.len() > HEADERS {
            return Err(FixtureError::Headers(self.headers.len()));
        }
        match self.headers.iter().find(|(name, value)| header_of(name, value).is_none()) {
            Some((name, _)) => Err(FixtureError::Header(name.clone())),
            None => Ok(self),
        }
    }
}

fn header_of(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(change: &Value) -> Result<Fixture, String> {
        let mut file = json!({
            "version": 1, "kind": "kaspi-auth.page", "url": "https://idmc.shop.kaspi.kz/login", "status": 200,
            "html": "<form></form>", "headers": {"Content-Type": "text/html", "Set-Cookie": "a=b"},
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            file[key] = value.clone();
        }
        Fixture::read(file.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_is_read_with_the_headers_that_can_be_replayed() {
        let fixture = read(&json!({"status": 403})).expect("a fixture");
        assert_eq!((fixture.status().as_u16(), fixture.html()), (403, "<form></form>"));
        let names: Vec<_> = fixture.headers().into_iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["content-type", "content-security-policy", "cache-control", "x-sandbox"]);
    }

    #[test]
    fn what_is_no_fixture_says_what_is_wrong_with_it() {
        let wrong = [
            (json!({"version": 2}), "`version` is 2; only 1 is known"),
            (json!({"kind": "page"}), "`kind` is \"page\", not \"kaspi-auth.page\""),
            (json!({"url": "/login"}), "`url` is no http or https address: \"/login\""),
            (json!({"url": "file:///etc/passwd"}), "`url` is no http or https address"),
            (json!({"status": 99}), "`status` is 99"),
            (json!({"status": 304}), "`status` is 304"),
            (json!({"html": " "}), "`html` is empty"),
            (json!({"headers": {"a b": "c"}}), "`headers`: \"a b\" cannot be sent"),
            (json!({"headers": {"a": "b\r\nc: d"}}), "`headers`: \"a\" cannot be sent"),
            (json!({"status": "200"}), "not a fixture: invalid type"),
            (json!({"more": 1}), "not a fixture: unknown field `more`"),
        ];
        for (change, says) in wrong {
            let error = read(&change).expect_err("no fixture");
            assert!(error.starts_with(says), "{error}");
        }
        let missing = Fixture::read(b"{}").expect_err("no fixture").to_string();
        assert!(missing.contains("missing field `version`"), "{missing}");
        let large = Fixture::read(&vec![b' '; LARGEST + 1]).expect_err("no fixture").to_string();
        assert_eq!(large, "a fixture is at most 2097152 bytes long, this one has 2097153");
    }
}
