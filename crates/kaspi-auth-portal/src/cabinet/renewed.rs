//! What an answer did to a session's cookies (CONTRACT, section 5: the cabinet renews them on the fly). Must not judge the answer.

use kaspi_auth_core::session::Cookie;
use reqwest::header::{self, HeaderMap};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::jar::Jar;
use crate::origins::Origins;
use crate::settings::HostRole;

/// The cookie that is the cabinet's session.
const SESSION: &str = "mc-sid";

/// Its doing.
#[derive(Default)]
pub(super) struct Renewed {
    /// All cookies as they are now, where any changed.
    pub(super) cookies: Option<Vec<Cookie>>,
    /// Another session was given.
    pub(super) replaced: bool,
}

impl Renewed {
    /// By the headers of an answer. Most set nothing, and cost nothing.
    pub(super) fn by(cookies: &[Cookie], headers: &HeaderMap, url: &Url, origins: &Origins) -> Self {
        if !headers.contains_key(header::SET_COOKIE) {
            return Self::default();
        }
        let before = Jar::from_cookies(cookies, &origins.hosts());
        let mut after = before.clone();
        after.take(url, headers);
        Self::between(&before, &after, origins)
    }

    /// Between two jars. A session's cookie that was taken away is no other session.
    pub(super) fn between(before: &Jar, after: &Jar, origins: &Origins) -> Self {
        if after.same_as(before) {
            return Self::default();
        }
        let host = origins.of(HostRole::Cabinet).host_str().unwrap_or_default();
        let (old, new) = (before.cookies(), after.cookies());
        let sessions = |cookies: &[Cookie]| -> Vec<String> {
            let of_cabinet = cookies.iter().filter(|cookie| cookie.name == SESSION && cookie.goes_to(host));
            let values = of_cabinet.map(|cookie| cookie.value.expose_secret().to_owned());
            values.filter(|value| !value.is_empty()).collect()
        };
        let known = sessions(&old);
        let replaced = sessions(&new).iter().any(|value| !known.contains(value));
        Self { cookies: Some(new), replaced }
    }
}
