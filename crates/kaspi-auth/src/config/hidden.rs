//! What stands in for a secret wherever a configuration or what is wrong with one is shown. When in doubt, it hides.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use url::Url;

/// Something is set, and that is all that is told.
const HIDDEN: &str = "(set, not shown)";
/// A part of an address that is not told.
const STARS: &str = "***";

/// What may stand in a database's address and is no secret. All else is starred: `password` and `sslpassword` are not the
/// only secrets there, `sslkey` may hold a whole key.
const HARMLESS: [&str; 19] = [
    "application_name",
    "cache",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "immutable",
    "mode",
    "options",
    "port",
    "ssl",
    "sslcert",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "target_session_attrs",
    "user",
    "vfs",
];

/// A secret.
#[expect(clippy::ref_option, reason = "the signature that serde calls")]
pub(super) fn secret<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| HIDDEN).serialize(serializer)
}

/// A database's address.
pub(super) fn database<S: Serializer>(url: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&without_password(url.expose_secret()))
}

/// An address whose credentials, path and query may all be secrets: what is left is the scheme and the host.
pub(super) fn endpoint<S: Serializer>(url: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = Url::parse(url.expose_secret()).ok().and_then(|url| {
        let host = url.host_str()?;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let hides = !url.username().is_empty() || url.path().len() > 1 || url.query().is_some();
        Some(format!("{}://{}{host}{port}", url.scheme(), if hides { "***@" } else { "" }))
    });
    serializer.serialize_str(shown.as_deref().unwrap_or(HIDDEN))
}

/// An address of the web, whose query may hold a key.
#[expect(clippy::ref_option, reason = "the signature that serde calls")]
pub(super) fn address<S: Serializer>(url: &Option<Url>, serializer: S) -> Result<S::Ok, S::Error> {
    url.as_ref().map(|url| starred(url.clone(), &[]).to_string()).serialize(serializer)
}

fn without_password(url: &str) -> String {
    let Ok(parsed) = Url::parse(url) else {
        // A path with a space in it, say.
        let is_path = url.starts_with("sqlite:") && !url.contains(['@', '?', '#']);
        return if is_path { url.to_owned() } else { HIDDEN.to_owned() };
    };
    // A password with a slash, a hash or a question mark in it that is not written as %2F, %23 or %3F has been read as
    // something else; the @ after it is left over.
    let left_over = [Some(parsed.path()), parsed.query(), parsed.fragment()];
    let is_odd = left_over.into_iter().flatten().any(|part| part.contains('@'));
    let is_ours = parsed.scheme() == "sqlite" || (parsed.scheme() == "postgres" && parsed.has_host());
    if is_odd || !is_ours {
        return HIDDEN.to_owned();
    }
    starred(parsed, &HARMLESS).to_string()
}

/// The address with stars for its password, its fragment and the values of its query, but for the `harmless` ones.
fn starred(mut url: Url, harmless: &[&str]) -> Url {
    if url.password().is_some() {
        // A URL that has a password can take another.
        let _ = url.set_password(Some(STARS));
    }
    if url.fragment().is_some() {
        url.set_fragment(Some(STARS));
    }
    let query: Option<Vec<_>> = url.query().map(|query| {
        let star = |pair: &str| match pair.split_once('=') {
            Some((key, _)) if harmless.contains(&key) => pair.to_owned(),
            Some((key, _)) => format!("{key}={STARS}"),
            None => STARS.to_owned(),
        };
        query.split('&').map(star).collect()
    });
    if let Some(query) = query {
        url.set_query(Some(&query.join("&")));
    }
    url
}

/// What is said of a value that does not fit, without the value: `invalid type: integer, expected a string`. Names stand in
/// backticks and stay; values stand in quotes, and numbers in backticks behind their kind.
pub(super) fn without_value(message: &str) -> String {
    let message = match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}(not shown){}", &message[..first], &message[last + 1..])
        }
        _ => message.to_owned(),
    };
    for sign in ["invalid type: ", "invalid value: ", "unknown variant "] {
        if let Some((before, said)) = message.split_once(sign)
            && let Some((value, expected)) = said.split_once(", expected ")
        {
            let kind = value.split('`').next().unwrap_or_default();
            return format!("{before}{}, expected {expected}", format!("{sign}{kind}").trim_end());
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_database_url_shows_its_password() {
        for url in [
            "postgres://user:canary@host/name",
            "postgres://user:can@canary@host/name",
            "postgres://user:ca/canary@host/name",
            "postgres://user:12/canary@host/name",
            "postgres://user:12?canary@host/name",
            "postgres://user:12#canary@host/name",
            "postgres://user:canary@host:port/name",
            "postgres://host/name?password=canary",
            "postgres://host/name?sslmode=require&sslpassword=canary&user=u",
            "postgres://host/name?p%61ssword=canary",
            "postgres://host/name?canary",
            "postgres://host/name#canary",
            "user:canary@host/name",
            "postgres:user:canary@host",
            "mysql://host/canary",
            "canary",
            "sqlite://a b?key=canary",
        ] {
            let shown = without_password(url);
            assert!(!shown.contains("canary"), "{url} is shown as {shown}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for (url, shown) in [
            ("postgres://u:p@h:5433/d?sslmode=require", "postgres://u:***@h:5433/d?sslmode=require"),
            (
                "postgres://h/d?sslmode=require&password=p&user=u",
                "postgres://h/d?sslmode=require&password=***&user=u",
            ),
            ("sqlite://data/x.sqlite", "sqlite://data/x.sqlite"),
            ("sqlite:///var/lib/x.sqlite?mode=rwc", "sqlite:///var/lib/x.sqlite?mode=rwc"),
            ("sqlite://my data/x.sqlite", "sqlite://my data/x.sqlite"),
        ] {
            assert_eq!(without_password(url), shown);
        }
        let keys = Url::parse("https://u:p@idp.example/keys?code=p").unwrap();
        assert_eq!(starred(keys, &[]).as_str(), "https://u:***@idp.example/keys?code=***");
    }

    #[test]
    fn a_complaint_about_a_value_is_told_without_it() {
        for (said, told) in [
            ("invalid type: integer `12345`, expected a string", "invalid type: integer, expected a string"),
            (
                "x: invalid value: string \"u:p, expected y\", expected relative URL without a base",
                "x: invalid value: string (not shown), expected relative URL without a base",
            ),
            (
                "invalid port number: \"https://u:p@h:x\", in `auth.jwks_url`",
                "invalid port number: (not shown), in `auth.jwks_url`",
            ),
            (
                "unknown variant `p`, expected `pretty` or `json`",
                "unknown variant, expected `pretty` or `json`",
            ),
            ("unknown field `lisen`, expected `listen`", "unknown field `lisen`, expected `listen`"),
        ] {
            assert_eq!(without_value(said), told);
        }
    }
}
