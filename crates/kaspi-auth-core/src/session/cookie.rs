//! Cookies in the shape that browsers export and the predecessor stores. Must not print a value.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The `SameSite` attribute (RFC 6265bis, 4.1.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SameSite {
    /// `Strict`
    Strict,
    /// `Lax`
    Lax,
    /// `None`
    None,
}

/// A cookie as Playwright and CDP export it, which is how the predecessor's rows hold it.
///
/// A `domain` that starts with a dot covers the sub-domains; without a dot the cookie is host-only. `expires` is in Unix
/// seconds, -1 for the session. Unknown keys of other exporters are ignored.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cookie {
    /// The name.
    pub name: String,
    /// The value: a secret.
    #[serde(serialize_with = "expose", deserialize_with = "protect")]
    pub value: SecretString,
    /// The host or, with a leading dot, the domain. Empty where an exporter left it out: then it goes to every host.
    #[serde(default)]
    pub domain: String,
    /// The path.
    #[serde(default = "root")]
    pub path: String,
    /// Unix seconds; -1 for the session.
    #[serde(default = "session_only", deserialize_with = "seconds")]
    pub expires: f64,
    /// Hidden from scripts.
    #[serde(default)]
    pub http_only: bool,
    /// Sent over TLS only.
    #[serde(default)]
    pub secure: bool,
    /// The attribute, where the portal set one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient_same_site")]
    pub same_site: Option<SameSite>,
}

impl Cookie {
    /// Whether its own time is over. A cookie of the session has none.
    pub fn is_over(&self, now: Timestamp) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^52")]
        let now = now.as_second() as f64;
        self.expires >= 0.0 && self.expires <= now
    }

    /// Whether the cookie goes to `host` (RFC 6265, 5.1.3).
    pub fn goes_to(&self, host: &str) -> bool {
        match self.domain.strip_prefix('.') {
            _ if self.domain.is_empty() => true,
            Some(domain) => {
                host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
            }
            None => host == self.domain,
        }
    }
}

/// The `Cookie` header of these cookies, in their order.
pub fn cookie_header(cookies: &[Cookie]) -> SecretString {
    let mut header = String::new();
    for cookie in cookies {
        if !header.is_empty() {
            header.push_str("; ");
        }
        header.push_str(&cookie.name);
        header.push('=');
        header.push_str(cookie.value.expose_secret());
    }
    header.into()
}

/// Whether two lists hold the same cookies in the same order.
pub fn same_cookies(one: &[Cookie], other: &[Cookie]) -> bool {
    // An expiry may lose its last bits on the way through a text; one that is no number is written as none.
    let expiry = |cookie: &Cookie| if cookie.expires.is_finite() { cookie.expires } else { -1.0 };
    let same = |(one, other): (&Cookie, &Cookie)| {
        one.name == other.name
            && one.value.expose_secret() == other.value.expose_secret()
            && one.domain == other.domain
            && one.path == other.path
            && (expiry(one) - expiry(other)).abs() < 0.001
            && one.http_only == other.http_only
            && one.secure == other.secure
            && one.same_site == other.same_site
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cookie({} of {}{})", self.name, self.domain, self.path)
    }
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn protect<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(Into::into)
}

fn root() -> String {
    "/".to_owned()
}

fn session_only() -> f64 {
    -1.0
}

/// Exporters write null or leave the expiry out for session cookies.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(-1.0))
}

/// Exporters write `no_restriction`, `unspecified`, `lax` …: what is not one of the three is "not said".
fn lenient_same_site<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SameSite>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(match text.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("strict") => Some(SameSite::Strict),
        Some("lax") => Some(SameSite::Lax),
        Some("none" | "no_restriction") => Some(SameSite::None),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(name: &str, domain: &str) -> Cookie {
        serde_json::from_value(serde_json::json!({"name": name, "value": "v", "domain": domain})).unwrap()
    }

    #[test]
    fn a_cookie_goes_where_its_domain_says() {
        assert!(cookie("a", "mc.shop.kaspi.kz").goes_to("mc.shop.kaspi.kz"));
        assert!(cookie("b", ".kaspi.kz").goes_to("mc.shop.kaspi.kz"));
        assert!(cookie("d", "").goes_to("mc.shop.kaspi.kz"));
        assert!(!cookie("c", "idmc.shop.kaspi.kz").goes_to("mc.shop.kaspi.kz"));
        assert!(!cookie("e", ".kaspi.kz").goes_to("notkaspi.kz"));
        assert_eq!(cookie_header(&[cookie("a", "x"), cookie("b", "y")]).expose_secret(), "a=v; b=v");
    }

    #[test]
    fn a_cookie_ends_with_its_own_time() {
        let mut timed = cookie("a", "x");
        timed.expires = 100.5;
        assert!(!timed.is_over(Timestamp::from_second(100).unwrap()));
        assert!(timed.is_over(Timestamp::from_second(101).unwrap()));
        assert!(!cookie("session", "x").is_over(Timestamp::MAX));
    }

    #[test]
    fn other_exporters_shapes_are_read() {
        let text = r#"{"name":"n","value":"v","domain":"x","expires":null,"sameSite":"no_restriction","storeId":"0"}"#;
        let cookie: Cookie = serde_json::from_str(text).unwrap();
        assert!(
            (cookie.expires + 1.0).abs() < f64::EPSILON
                && cookie.same_site == Some(SameSite::None)
                && cookie.path == "/"
        );
    }

    #[test]
    fn a_value_does_not_print() {
        let secret: Cookie = serde_json::from_str(r#"{"name":"n","value":"canary","domain":"x"}"#).unwrap();
        assert!(!format!("{secret:?}").contains("canary"));
    }
}
