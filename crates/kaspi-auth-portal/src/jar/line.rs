//! The header `Cookie` straight from a session's cookies, for calls that are made by the thousand: what [`Jar::header`] writes,
//! without a jar. Must say the same as the jar; a property holds the two together.
//!
//! [`Jar::header`]: super::Jar::header

use std::cmp::Reverse;

use jiff::Timestamp;
use kaspi_auth_core::session::Cookie;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret as _;

/// The header for a path of a host; `None`: no cookie goes there.
pub(crate) fn line(cookies: &[Cookie], host: &str, path: &str, now: Timestamp) -> Option<HeaderValue> {
    let domain = |cookie: &Cookie| domain_of(cookie, host).len();
    let mut chosen: Vec<&Cookie> = Vec::with_capacity(cookies.len());
    for (at, cookie) in cookies.iter().enumerate() {
        // A later one of the same name, domain and path replaces an earlier one, wherever it goes itself.
        let same = |later: &Cookie| {
            later.name == cookie.name
                && reach(later) == reach(cookie)
                && domain_of(later, host) == domain_of(cookie, host)
        };
        if cookie.goes_to(host)
            && is_under(path, reach(cookie))
            && is_kept(cookie)
            && !cookie.is_over(now)
            && !cookies[at + 1..].iter().any(|later| same(later) && is_kept(later))
        {
            chosen.push(cookie);
        }
    }
    chosen
        .sort_by_key(|cookie| (Reverse(reach(cookie).len()), Reverse(domain(cookie)), cookie.name.as_str()));
    let mut header = Vec::with_capacity(chosen.len() * 64);
    for cookie in chosen {
        if !header.is_empty() {
            header.extend_from_slice(b"; ");
        }
        header.extend_from_slice(cookie.name.as_bytes());
        header.push(b'=');
        header.extend_from_slice(cookie.value.expose_secret().as_bytes());
    }
    let mut header = HeaderValue::from_bytes(&header).ok().filter(|header| !header.is_empty())?;
    header.set_sensitive(true);
    Some(header)
}

/// Whether a jar would take it.
fn is_kept(cookie: &Cookie) -> bool {
    let too_wide = cookie.domain.strip_prefix('.').is_some_and(|domain| !domain.contains('.'));
    let sendable = HeaderValue::from_str(&cookie.name).is_ok()
        && HeaderValue::from_bytes(cookie.value.expose_secret().as_bytes()).is_ok();
    sendable && !too_wide
}

/// The cookie's domain; one that names none lies on each host.
fn domain_of<'a>(cookie: &'a Cookie, host: &'a str) -> &'a str {
    match cookie.domain.trim_start_matches('.') {
        "" => host,
        domain => domain,
    }
}

/// The cookie's path; what is none is the root (RFC 6265, 5.2.4).
fn reach(cookie: &Cookie) -> &str {
    if cookie.path.starts_with('/') { &cookie.path } else { "/" }
}

/// RFC 6265, 5.1.4.
fn is_under(path: &str, reach: &str) -> bool {
    path.strip_prefix(reach)
        .is_some_and(|rest| rest.is_empty() || reach.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use secrecy::SecretString;
    use url::Url;

    use super::*;
    use crate::jar::Jar;

    const HOST: &str = "mc.shop.kaspi.kz";

    prop_compose! {
        fn cookie()(
            name in select(vec!["mc-sid", "mc-session", "a", "b"]),
            value in "[a-z0-9|.]{0,6}",
            domain in select(vec!["", HOST, ".mc.shop.kaspi.kz", ".kaspi.kz", "idmc.shop.kaspi.kz", ".kz", "kaspi.kz"]),
            path in select(vec!["/", "/s", "/s/", "/s/m", "/bff", "s"]),
            expires in select(vec![-1.0, 0.0, 1_000_000_000.0, 9_000_000_000.0]),
        ) -> Cookie {
            Cookie {
                // The jar puts one without a domain on the site too, over a wide one of its name: nobody exports such a pair.
                name: if domain.is_empty() { format!("{name}-loose") } else { name.to_owned() }, value: SecretString::from(value), domain: domain.to_owned(), path: path.to_owned(),
                expires, http_only: true, secure: true, same_site: None,
            }
        }
    }

    proptest! {
        #[test]
        fn the_line_is_what_the_jar_would_send(
            cookies in proptest::collection::vec(cookie(), 0..12),
            path in select(vec!["/", "/s", "/s/m", "/s/m/x", "/sm", "/bff/offer-view/list"]),
        ) {
            let url = Url::parse(&format!("https://{HOST}{path}")).unwrap();
            let jar = Jar::from_cookies(&cookies, &[HOST, "idmc.shop.kaspi.kz", "kaspi.kz"]);
            let now = "2026-11-22T12:00:00Z".parse().unwrap();
            prop_assert_eq!(line(&cookies, HOST, path, now), jar.header(&url));
        }
    }
}
