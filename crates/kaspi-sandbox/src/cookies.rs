//! Reading and writing cookies as the portal does (CONTRACT 3.1): every cookie is host-only, none has a `Domain`.
//! It must not decide which cookie an answer carries.

use crate::knobs::CookieShape;
use http::{HeaderMap, HeaderValue, header};
use std::fmt::Write as _;

/// The login host's session: correlates the steps of a login, and is its single sign-on.
pub(crate) const SSO: &str = "MS_AUTH_SSO";
/// The cabinet host's affinity.
pub(crate) const AFFINITY: &str = "mc-session";
/// The cabinet session itself.
pub(crate) const SESSION: &str = "mc-sid";

/// Every value of a cookie in a request, in the order sent.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| std::str::from_utf8(line.as_bytes()).ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .filter(move |(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim().trim_matches('"'))
        .filter(|value| !value.is_empty())
}

/// One `Set-Cookie` value.
pub(crate) fn set(name: &str, value: &str, shape: &CookieShape, secure: bool) -> Option<HeaderValue> {
    let mut text = format!("{name}={value}; Path={}", shape.path);
    if let Some(age) = shape.max_age_seconds {
        let _ = write!(text, "; Max-Age={age}");
    }
    if shape.secure.unwrap_or(secure) {
        text.push_str("; Secure");
    }
    if shape.http_only {
        text.push_str("; HttpOnly");
    }
    if !shape.same_site.is_empty() {
        let _ = write!(text, "; SameSite={}", shape.same_site);
    }
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_a_name_is_read() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; b=2;a=\"3\""));
        headers.append(header::COOKIE, HeaderValue::from_static("a=4; mc-session=1.2|x"));
        headers.append(header::COOKIE, HeaderValue::from_bytes(b"a=\xff").expect("a header"));
        assert_eq!(values(&headers, "a").collect::<Vec<_>>(), ["1", "3", "4"]);
        assert_eq!(values(&headers, "mc-session").collect::<Vec<_>>(), ["1.2|x"]);
        assert_eq!(values(&headers, "c").count(), 0);
    }
}
