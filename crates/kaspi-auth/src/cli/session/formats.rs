//! A session as text for other programs: a header, a cookie file, a command line. These are the places that show cookies:
//! whoever calls them was asked for that.

use kaspi_auth_core::port::Cabinet;
use kaspi_auth_core::session::{Cookie, cookie_header};
use secrecy::ExposeSecret as _;
use url::Url;

use super::super::failure::{Failure, Outcome};
use super::super::shell::quoted;

/// `Cookie: …`.
pub fn header(cookies: &[Cookie]) -> String {
    format!("Cookie: {}", cookie_header(cookies).expose_secret())
}

/// The file that Netscape invented and curl defines: seven fields, tabs between them, one cookie a line.
pub fn netscape(cookies: &[Cookie], cabinet: &dyn Cabinet) -> String {
    let mut lines = vec!["# Netscape HTTP Cookie File".to_owned()];
    lines.extend(cookies.iter().filter_map(|cookie| netscape_line(cookie, cabinet.host())));
    lines.join("\n")
}

fn netscape_line(cookie: &Cookie, cabinet: &str) -> Option<String> {
    let value = cookie.value.expose_secret();
    // A tab or an end of line would forge other fields; RFC 6265 allows neither in a cookie.
    if [&*cookie.name, value, &*cookie.domain, &*cookie.path]
        .iter()
        .any(|text| text.contains(char::is_control))
    {
        return None;
    }
    // A cookie of the oldest rows names no host: it is of use for the cabinet.
    let domain = if cookie.domain.is_empty() { cabinet } else { &cookie.domain };
    let hidden = if cookie.http_only { "#HttpOnly_" } else { "" };
    let truth = |yes: bool| if yes { "TRUE" } else { "FALSE" };
    Some(format!(
        "{hidden}{domain}\t{}\t{}\t{}\t{}\t{}\t{value}",
        truth(domain.starts_with('.')),
        cookie.path,
        truth(cookie.secure),
        seconds(cookie.expires),
        cookie.name,
    ))
}

/// Whole seconds; 0 for a cookie that ends with its session.
fn seconds(expires: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates, and what is negative has been dealt with"
    )]
    if expires > 0.0 { expires as u64 } else { 0 }
}

/// `curl …/s/m` with everything that the cabinet wants.
///
/// # Errors
/// A cabinet address without a path of its own, which a configuration cannot hold.
pub fn curl(cookies: &[Cookie], cabinet: &dyn Cabinet, cabinet_url: &Url) -> Outcome<String> {
    let address = cabinet_url
        .join("/s/m")
        .map_err(|error| Failure::new("portal.cabinet_url is no origin").because(error))?;
    let mut words =
        vec!["curl".to_owned(), "--silent".to_owned(), "--show-error".to_owned(), "--fail".to_owned()];
    if let (Some(host), Some(port)) = (address.host_str(), address.port_or_known_default())
        && host.ends_with(".localhost")
    {
        // Not every resolver knows that these names are this machine (RFC 6761, 6.3).
        words.extend(["--resolve".to_owned(), format!("{host}:{port}:127.0.0.1")]);
    }
    for (name, value) in cabinet.headers() {
        words.extend(["--header".to_owned(), quoted(&format!("{name}: {value}"))]);
    }
    words.extend(["--header".to_owned(), quoted(&header(cookies)), quoted(address.as_str())]);
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: serde_json::Value) -> Option<String> {
        netscape_line(&serde_json::from_value(json).unwrap(), "mc.shop.kaspi.kz")
    }

    #[test]
    fn a_cookie_has_the_seven_fields_that_curl_reads() {
        let host_only = serde_json::json!({"name": "mc-sid", "value": "v", "domain": "mc.shop.kaspi.kz", "httpOnly": true,
            "secure": true, "expires": 1_900_000_000.7});
        assert_eq!(
            line(host_only).unwrap(),
            "#HttpOnly_mc.shop.kaspi.kz\tFALSE\t/\tTRUE\t1900000000\tmc-sid\tv"
        );
        let wide = serde_json::json!({"name": "a", "value": "", "domain": ".kaspi.kz", "path": "/mc"});
        assert_eq!(line(wide).unwrap(), ".kaspi.kz\tTRUE\t/mc\tFALSE\t0\ta\t");
        let nowhere = serde_json::json!({"name": "a", "value": "v"});
        assert_eq!(line(nowhere).unwrap(), "mc.shop.kaspi.kz\tFALSE\t/\tFALSE\t0\ta\tv");
        assert_eq!(line(serde_json::json!({"name": "a", "value": "v\tx", "domain": "d"})), None);
    }
}
