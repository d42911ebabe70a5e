//! The cookies of one login (RFC 6265), and their way to and from the shape that browsers export.
//!
//! It must not log a cookie: `cookie_store` itself writes values to its log when it is handed whole answers, so it is
//! handed one cookie at a time.

mod line;

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use cookie_store::{Cookie as StoredCookie, CookieDomain, CookieExpiration, CookieStore, RawCookie};
use kaspi_auth_core::session::{Cookie, SameSite};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

pub(crate) use self::line::line;

/// More than any portal sets: a jar is stored, so it must not grow without end.
const MOST_COOKIES: usize = 200;
/// The longest `Set-Cookie` that is kept; browsers stop at 4,096 bytes.
const LONGEST_COOKIE: usize = 8 * 1024;
/// The end of the year 9999, the last that a date can name.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// A jar. No `Debug`: it holds secrets in clear.
#[derive(Clone, Default)]
pub(crate) struct Jar {
    store: CookieStore,
}

impl Jar {
    /// A jar with these cookies. One that names no host goes to each of `hosts`; an expired one is left out.
    pub(crate) fn from_cookies(cookies: &[Cookie], hosts: &[&str]) -> Self {
        let mut jar = Self::default();
        for cookie in cookies {
            if cookie.domain.is_empty() {
                for host in hosts {
                    jar.put(&Cookie { domain: (*host).to_owned(), ..cookie.clone() });
                }
            } else {
                jar.put(cookie);
            }
        }
        jar
    }

    /// The header `Cookie` for an address: longer paths first (RFC 6265, 5.4), then nearer domains, then by name.
    ///
    /// `Secure` is fulfilled by every address asked for: only the operator's own origins are, and a cookie comes back
    /// over the channel that it came by.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let mut url = url.clone();
        if url.scheme() == "http" {
            url.set_scheme("https").ok()?;
        }
        let mut cookies = self.store.matches(&url);
        let domain = |cookie: &StoredCookie<'_>| cookie.domain.as_cow().map_or(0, |domain| domain.len());
        cookies.sort_by_key(|cookie| (Reverse(cookie.path.len()), Reverse(domain(cookie)), cookie.name()));
        let mut header = Vec::new();
        for cookie in cookies {
            if !header.is_empty() {
                header.extend_from_slice(b"; ");
            }
            let (name, value) = cookie.name_value();
            header.extend_from_slice(name.as_bytes());
            header.push(b'=');
            header.extend_from_slice(value.as_bytes());
        }
        let mut header = HeaderValue::from_bytes(&header).ok().filter(|header| !header.is_empty())?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Keeps what an answer sets, in its order: the wanted cookie is the last (CONTRACT, 3.1).
    pub(crate) fn take(&mut self, url: &Url, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let Ok(text) = std::str::from_utf8(line.as_bytes()) else { continue };
            if text.len() > LONGEST_COOKIE {
                continue;
            }
            if let Ok(cookie) = StoredCookie::parse(text.to_owned(), url) {
                self.insert(cookie, url);
            }
        }
    }

    /// Every living cookie, in a fixed order.
    pub(crate) fn cookies(&self) -> Vec<Cookie> {
        let mut cookies: Vec<_> = self.store.iter_unexpired().map(exported).collect();
        cookies.sort_by(|a, b| (&a.domain, &a.path, &a.name).cmp(&(&b.domain, &b.path, &b.name)));
        cookies
    }

    /// Whether any cookie would go to this address.
    pub(crate) fn has_any_for(&self, url: &Url) -> bool {
        self.header(url).is_some()
    }

    /// Whether the other jar holds the same.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.cookies(), other.cookies());
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| same(a, b))
    }

    fn put(&mut self, cookie: &Cookie) {
        let host = cookie.domain.trim_start_matches('.');
        let Ok(url) = Url::parse(&format!("https://{host}/")) else { return };
        if let Some(stored) = imported(cookie, &url) {
            self.insert(stored, &url);
        }
    }

    fn insert(&mut self, cookie: StoredCookie<'_>, url: &Url) {
        // A domain without a dot is a whole top level; no portal shares its cookies with that.
        let too_wide = matches!(&cookie.domain, CookieDomain::Suffix(domain) if !domain.contains('.'));
        let (name, value) = cookie.name_value();
        let sendable =
            HeaderValue::from_str(name).is_ok() && HeaderValue::from_bytes(value.as_bytes()).is_ok();
        let known = || {
            let domain = cookie.domain.as_cow().unwrap_or_default();
            self.store.contains_any(&domain, &cookie.path, cookie.name())
        };
        if sendable && !too_wide && (known() || self.store.iter_any().count() < MOST_COOKIES) {
            // Refused by the rules of RFC 6265, 5.3: then the portal did not mean us.
            let _ = self.store.insert(cookie.into_owned(), url);
        }
    }
}

fn imported(cookie: &Cookie, url: &Url) -> Option<StoredCookie<'static>> {
    let same_site = match cookie.same_site {
        Some(SameSite::Strict) => "n=v; SameSite=Strict",
        Some(SameSite::Lax) => "n=v; SameSite=Lax",
        Some(SameSite::None) => "n=v; SameSite=None",
        None => "n=v",
    };
    let mut raw = RawCookie::parse(same_site).ok()?;
    raw.set_name(cookie.name.clone());
    raw.set_value(cookie.value.expose_secret().to_owned());
    raw.set_path(cookie.path.clone());
    raw.set_secure(cookie.secure);
    raw.set_http_only(cookie.http_only);
    if let Some(domain) = cookie.domain.strip_prefix('.') {
        raw.set_domain(domain.to_owned());
    }
    let mut stored = StoredCookie::try_from_raw_cookie(&raw, url).ok()?;
    if cookie.expires >= 0.0 {
        let since = Duration::try_from_secs_f64(cookie.expires.min(LAST_SECOND)).ok()?;
        stored.expires = CookieExpiration::AtUtc((SystemTime::UNIX_EPOCH + since).into());
    }
    Some(stored)
}

fn exported(cookie: &StoredCookie<'static>) -> Cookie {
    let domain = match &cookie.domain {
        CookieDomain::Suffix(domain) => format!(".{domain}"),
        CookieDomain::HostOnly(host) => host.clone(),
        CookieDomain::NotPresent | CookieDomain::Empty => String::new(),
    };
    let same_site = cookie.same_site().map(|same_site| match same_site {
        strict if strict.is_strict() => SameSite::Strict,
        lax if lax.is_lax() => SameSite::Lax,
        _ => SameSite::None,
    });
    Cookie {
        name: cookie.name().to_owned(),
        value: SecretString::from(cookie.value()),
        domain,
        path: String::from(&cookie.path),
        expires: seconds(&cookie.expires),
        http_only: cookie.http_only().unwrap_or(false),
        secure: cookie.secure().unwrap_or(false),
        same_site,
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of four-digit years are exact in an f64")]
fn seconds(expires: &CookieExpiration) -> f64 {
    match expires {
        CookieExpiration::AtUtc(at) => at.unix_timestamp() as f64,
        CookieExpiration::SessionEnd => -1.0,
    }
}

fn same(a: &Cookie, b: &Cookie) -> bool {
    (&a.name, &a.domain, &a.path) == (&b.name, &b.domain, &b.path)
        && a.value.expose_secret() == b.value.expose_secret()
        && (a.expires, a.http_only, a.secure, a.same_site) == (b.expires, b.http_only, b.secure, b.same_site)
}

#[cfg(test)]
mod tests;
