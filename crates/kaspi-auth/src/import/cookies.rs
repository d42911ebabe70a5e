//! Cookies as browsers' extensions, Playwright, Selenium and cookie files have them, gathered into a session: those of the
//! portal whose time is not over. Must not tell a value.

use jiff::Timestamp;
use kaspi_auth_core::session::Cookie;
use secrecy::ExposeSecret as _;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::Settings;

/// A session has a dozen; a browser keeps 180 of a site at most.
const MOST: usize = 500;
/// Browsers keep 4096 bytes of a cookie.
const LONGEST: usize = 16 * 1024;

/// Gathers the cookies of one session.
#[derive(Clone)]
pub struct Jar {
    hosts: Vec<String>,
    cabinet: String,
    now: Timestamp,
    kept: Vec<Cookie>,
}

impl Jar {
    /// An empty one.
    pub fn new(settings: &Settings) -> Self {
        Self {
            hosts: settings.hosts.clone(),
            cabinet: settings.cabinet_host.clone(),
            now: settings.now,
            kept: Vec::new(),
        }
    }

    /// Puts a cookie in, if it is of use.
    pub fn put(&mut self, cookie: Cookie) -> Result<(), &'static str> {
        if !self.hosts.iter().any(|host| cookie.goes_to(host)) || cookie.is_over(self.now) {
            return Ok(());
        }
        let value = cookie.value.expose_secret();
        let parts = [&*cookie.name, value, &*cookie.domain, &*cookie.path];
        // RFC 6265 allows neither control characters nor a semicolon: they would forge other cookies or headers.
        if cookie.name.is_empty()
            || parts.iter().any(|part| part.contains(|c: char| c.is_control() || c == ';'))
        {
            return Err("a cookie of the portal's has no name, or signs in it that no cookie may have");
        }
        if parts.iter().map(|part| part.len()).sum::<usize>() > LONGEST {
            return Err("a cookie of the portal's is longer than a cookie can be");
        }
        // Exports of several moments: the last one counts.
        self.kept.retain(|kept| {
            (&kept.name, &kept.domain, &kept.path) != (&cookie.name, &cookie.domain, &cookie.path)
        });
        if self.kept.len() >= MOST {
            return Err("there are more cookies of the portal's than a session can have");
        }
        self.kept.push(cookie);
        Ok(())
    }

    /// Puts an exported cookie in, if it is of use.
    pub fn put_exported(&mut self, value: &Value) -> Result<(), &'static str> {
        self.put(exported(value).ok_or("an entry of the list of cookies is no cookie")?)
    }

    /// The session's cookies.
    pub fn session(self) -> Result<Vec<Cookie>, &'static str> {
        if !self.kept.iter().any(|cookie| cookie.goes_to(&self.cabinet)) {
            return Err("there is no cookie of the cabinet in it whose time is not over");
        }
        Ok(self.kept)
    }
}

/// Whether a JSON value is an exported cookie, and no row of a table.
pub fn is_cookie(value: &Value) -> bool {
    let text = |key: &str| value.get(key).is_some_and(Value::is_string);
    text("name")
        && text("value")
        && ["merchant_id", "merchant_uid", "guid", "fields"].iter().all(|key| value.get(key).is_none())
}

/// A cookie as EditThisCookie, Cookie-Editor and Puppeteer (`expirationDate`, `hostOnly`), Playwright (`expires`) or Selenium
/// (`expiry`) writes it.
fn exported(value: &Value) -> Option<Cookie> {
    let name = value.get("name")?.as_str()?;
    let content = value.get("value")?.as_str()?;
    let domain =
        value.get("domain").or_else(|| value.get("host")).and_then(Value::as_str).unwrap_or_default();
    let flag = |key: &str| value.get(key).and_then(Value::as_bool);
    let expires = ["expires", "expirationDate", "expiry"].iter().find_map(|key| seconds(value.get(*key)?));
    let expires = expires.filter(|_| flag("session") != Some(true));
    let cookie = json!({
        "name": name, "value": content, "domain": scoped(domain, flag("hostOnly")),
        "path": value.get("path").and_then(Value::as_str).unwrap_or("/"),
        "expires": expires, "httpOnly": flag("httpOnly"). unwrap_or(false), "secure": flag("secure").unwrap_or(false),
        "sameSite": value.get("sameSite").and_then(Value::as_str),
    });
    Cookie::deserialize(cookie).ok()
}

/// The domain as browsers have it: with a dot where it covers sub-domains. `host_only`: what an exporter says of that apart.
pub fn scoped(domain: &str, host_only: Option<bool>) -> String {
    let domain = domain.trim().to_ascii_lowercase();
    let bare = domain.trim_start_matches('.');
    match host_only {
        _ if bare.is_empty() => String::new(),
        Some(true) => bare.to_owned(),
        Some(false) => format!(".{bare}"),
        None if domain.starts_with('.') => format!(".{bare}"),
        None => domain,
    }
}

/// Whole or broken seconds since 1970; what is none is the session's end.
fn seconds(value: &Value) -> Option<f64> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}
