//! Cookies between the browser's shape and ours. Must not print a value.

use kaspi_auth_core::session::{Cookie, SameSite};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

/// A cookie as the browser gives it.
pub fn from_browser(cookie: &Value) -> Cookie {
    let text = |name: &str| cookie[name].as_str().unwrap_or_default().to_owned();
    let session = cookie["session"] == true;
    Cookie {
        name: text("name"),
        value: SecretString::from(text("value")),
        domain: text("domain"),
        path: text("path"),
        expires: if session { -1.0 } else { cookie["expires"].as_f64().unwrap_or(-1.0) },
        http_only: cookie["httpOnly"] == true,
        secure: cookie["secure"] == true,
        same_site: match cookie["sameSite"].as_str() {
            Some("Strict") => Some(SameSite::Strict),
            Some("Lax") => Some(SameSite::Lax),
            Some("None") => Some(SameSite::None),
            _ => None,
        },
    }
}

/// A cookie as the browser takes it. One of a single host is named by an address: a domain would cover its sub-domains.
pub fn to_browser(cookie: &Cookie, home: &Url) -> Value {
    let mut taken = json!({
        "name": cookie.name,
        "value": cookie.value.expose_secret(),
        "path": cookie.path,
        "httpOnly": cookie.http_only,
        "secure": cookie.secure,
    });
    if cookie.domain.starts_with('.') {
        taken["domain"] = json!(cookie.domain);
    } else {
        let scheme = if cookie.secure { "https" } else { "http" };
        let host = Some(cookie.domain.as_str()).filter(|domain| !domain.is_empty());
        let host = host.or(home.host_str()).unwrap_or_default();
        taken["url"] = json!(format!("{scheme}://{host}/"));
    }
    if cookie.expires >= 0.0 {
        taken["expires"] = json!(cookie.expires);
    }
    if let Some(same_site) = cookie.same_site {
        taken["sameSite"] = json!(same_site);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_one_host_stays_one() {
        let home = Url::parse("https://login.test/login").unwrap();
        let cookie = json!({
            "name": "sso", "value": "v", "domain": "login.test", "path": "/", "expires": -1, "session": true,
            "httpOnly": true, "secure": true, "sameSite": "Lax",
        });
        let cookie = from_browser(&cookie);
        let taken = to_browser(&cookie, &home);
        assert_eq!(taken["url"], "https://login.test/");
        assert_eq!((taken.get("domain"), taken.get("expires")), (None, None));
        assert_eq!((&taken["sameSite"], &taken["httpOnly"]), (&json!("Lax"), &json!(true)));
    }

    #[test]
    fn a_cookie_of_a_domain_keeps_its_dot_and_its_end() {
        let home = Url::parse("https://login.test/").unwrap();
        let cookie = json!({
            "name": "d", "value": "v", "domain": ".test", "path": "/a", "expires": 1_900_000_000.5, "session": false,
        });
        let taken = to_browser(&from_browser(&cookie), &home);
        assert_eq!((&taken["domain"], &taken["expires"]), (&json!(".test"), &json!(1_900_000_000.5)));
        assert_eq!(taken.get("sameSite"), None);
    }
}
