//! Cookie files (cookies.txt): seven fields with tabs between them, one cookie a line. One file is one session.

use std::io;

use kaspi_auth_core::session::Cookie;
use serde::Deserialize as _;
use serde_json::json;

use super::cookies::{Jar, scoped};
use super::lines::{self, Line};
use super::rows::Reader;
use super::{Row, Whole};

/// Longer than any cookie with its domain and path.
const LONGEST_LINE: usize = 64 * 1024;
/// What curl puts before a cookie that scripts do not see.
const HIDDEN: &str = "#HttpOnly_";

/// What a line is.
pub enum Said {
    /// A cookie.
    Cookie(Box<Cookie>),
    /// A comment or nothing.
    Nothing,
}

/// Reads a file.
pub fn read(mut source: Whole, mut jar: Jar, reader: &Reader) -> io::Result<Row> {
    let mut number = 0u64;
    while let Some(next) = lines::next(&mut source, LONGEST_LINE)? {
        number += 1;
        let put = match next {
            Line::TooLong => Err("the line is longer than any cookie"),
            Line::Whole(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => line(text).and_then(|said| match said {
                    Said::Cookie(cookie) => jar.put(*cookie),
                    Said::Nothing => Ok(()),
                }),
                Err(_) => Err("the line is not UTF-8"),
            },
        };
        if let Err(why) = put {
            return Ok(reader.unreadable(format!("line {number}"), why));
        }
    }
    Ok(reader.session("line 1".to_owned(), jar))
}

/// Reads a line.
pub fn line(text: &str) -> Result<Said, &'static str> {
    let text = text.trim_start_matches('\u{feff}');
    let (text, hidden) = match text.strip_prefix(HIDDEN) {
        Some(rest) => (rest, true),
        None if text.trim().is_empty() || text.starts_with('#') => return Ok(Said::Nothing),
        None => (text, false),
    };
    let fields: Vec<&str> = text.splitn(7, '\t').collect();
    // Editors take an empty value away with the tab before it.
    let (domain, wide, path, secure, expires, name, value) = match fields[..] {
        [domain, wide, path, secure, expires, name, value] => {
            (domain, wide, path, secure, expires, name, value)
        }
        [domain, wide, path, secure, expires, name] => (domain, wide, path, secure, expires, name, ""),
        _ => return Err("the line has not the seven fields of a cookie file"),
    };
    let (Some(wide), Some(secure), Ok(expires)) = (truth(wide), truth(secure), expires.trim().parse::<f64>())
    else {
        return Err("the line has not TRUE or FALSE and a time where a cookie file has them");
    };
    let expires = (expires.is_finite() && expires > 0.0).then_some(expires);
    let cookie = json!({
        "name": name, "value": value, "domain": scoped(domain, Some(!wide)), "path": path, "secure": secure,
        "httpOnly": hidden, "expires": expires,
    });
    Cookie::deserialize(cookie)
        .map(|cookie| Said::Cookie(Box::new(cookie)))
        .map_err(|_| "the line is no cookie")
}

fn truth(text: &str) -> Option<bool> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
