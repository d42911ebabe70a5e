//! An answer of the portal, read to its end but not understood yet. Its body must not be logged.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{self, HeaderMap};
use url::Url;

/// The longest wait that a `Retry-After` can ask for: what is longer is a mistake or a trick.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// Status, the headers that matter, and the body. No `Debug`: a body may hold anything.
pub(crate) struct Answer {
    /// Method and path of the request, for error texts.
    pub(crate) asked: String,
    pub(crate) status: u16,
    /// Where a redirect leads, made absolute.
    pub(crate) location: Option<Url>,
    /// `None`: larger than the limit.
    pub(crate) body: Option<Vec<u8>>,
    /// The media type without its parameters, in lower case; empty where none was sent.
    pub(crate) media: String,
    /// The header `Date`.
    pub(crate) date: Option<Timestamp>,
    retry_after: Option<RetryAfter>,
}

#[derive(Clone, Copy)]
enum RetryAfter {
    In(SignedDuration),
    At(Timestamp),
}

impl Answer {
    pub(super) fn new(
        asked: String,
        url: &Url,
        status: u16,
        headers: &HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let media = text(header::CONTENT_TYPE).and_then(|media| media.split(';').next());
        let is_redirect = (300..400).contains(&status);
        Self {
            asked,
            status,
            location: text(header::LOCATION).filter(|_| is_redirect).and_then(|to| url.join(to).ok()),
            body,
            media: media.unwrap_or_default().trim().to_ascii_lowercase(),
            date: text(header::DATE).and_then(http_date),
            retry_after: text(header::RETRY_AFTER).and_then(retry_after),
        }
    }

    /// An answer that a page got, as its browser tells it.
    pub(crate) fn of_page(url: &Url, status: u16, headers: &[(String, String)], body: Vec<u8>) -> Self {
        let pairs = headers.iter().filter_map(|(name, value)| {
            Some((
                header::HeaderName::try_from(name.as_str()).ok()?,
                header::HeaderValue::try_from(value.as_str()).ok()?,
            ))
        });
        Self::new(format!("POST {}", url.path()), url, status, &pairs.collect(), Some(body))
    }

    /// An answer for tests of what reads answers.
    #[cfg(test)]
    pub(crate) fn of(status: u16, media: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let url = Url::parse("https://idmc.shop.kaspi.kz/api/p/login").expect("an address");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, header::HeaderValue::from_static(media))]);
        Self::new("POST /api/p/login".to_owned(), &url, status, &headers, Some(body.into()))
    }

    /// When the portal wants to be asked again, where it says so.
    pub(crate) fn retry_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.retry_after.map(|wanted| wanted.from(now))
    }
}

impl RetryAfter {
    fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::In(wait) => later(now, wait),
            Self::At(at) => at.clamp(now, later(now, LONGEST_WAIT)),
        }
    }
}

/// When an answer with these headers wants to be asked again.
pub(crate) fn wanted_wait(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    retry_after(text.trim()).map(|wanted| wanted.from(now))
}

/// `now` and a while, at most a day and never before now.
pub(crate) fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait.clamp(SignedDuration::ZERO, LONGEST_WAIT)).unwrap_or(now)
}

fn retry_after(text: &str) -> Option<RetryAfter> {
    match text.parse::<u64>() {
        Ok(seconds) => {
            Some(RetryAfter::In(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))))
        }
        Err(_) => http_date(text).map(RetryAfter::At),
    }
}

/// The preferred date format of HTTP is one of RFC 2822's (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(name: header::HeaderName, value: &str) -> Answer {
        let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
        Answer::new(String::new(), &Url::parse("https://a.test/x/y").unwrap(), 302, &headers, None)
    }

    #[test]
    fn a_wait_is_read_in_seconds_or_as_a_date_and_never_absurd() {
        let now: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        let until = |text| answer(header::RETRY_AFTER, text).retry_at(now).map(|at| at.to_string());
        assert_eq!(until("90").as_deref(), Some("2026-11-22T08:01:30Z"));
        assert_eq!(until("Sun, 22 Nov 2026 08:02:00 GMT").as_deref(), Some("2026-11-22T08:02:00Z"));
        assert_eq!(until("Sun, 22 Nov 2020 08:02:00 GMT").as_deref(), Some("2026-11-22T08:00:00Z"));
        assert_eq!(until("18446744073709551615").as_deref(), Some("2026-11-23T08:00:00Z"));
        assert_eq!(until("soon"), None);
    }

    #[test]
    fn a_location_is_made_absolute() {
        let to = |text| answer(header::LOCATION, text).location.map(String::from);
        assert_eq!(to("/?continue").as_deref(), Some("https://a.test/?continue"));
        assert_eq!(to("z").as_deref(), Some("https://a.test/x/z"));
        assert_eq!(to("//b.test/").as_deref(), Some("https://b.test/"));
        assert_eq!(to("https://[broken"), None);
    }
}
