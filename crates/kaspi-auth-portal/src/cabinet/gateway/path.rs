//! The addresses that may be asked for through the gateway, as exactly one text: the same one is checked against a key's paths and
//! sent. Must not guess: what two servers could read in two ways is refused.

use kaspi_auth_core::{Code, Error};
use url::{Position, Url};

/// The longest address, before and after it is brought into one form.
const LONGEST: usize = 8 * 1024;
/// Paths that make and end sessions: those are this service's own business.
const SIGN_IN: [&str; 3] = ["oauth2", "login", "logout"];
/// The parts of the cabinet that are known (CONTRACT, section 4), by which exchanges are counted.
const PARTS: [&str; 10] = [
    "/bff",
    "/content",
    "/mc",
    "/offers",
    "/price",
    "/pricefeed",
    "/refund",
    "/s",
    "/user-assignments",
    "/yml",
];

/// A path of the cabinet, perhaps with a query, in the one form that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CabinetPath {
    text: String,
    path: usize,
}

impl CabinetPath {
    /// Path and query, as they are sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path alone: what a list of allowed paths is held against.
    pub fn path(&self) -> &str {
        &self.text[..self.path]
    }

    /// The query, where there is one.
    pub fn query(&self) -> Option<&str> {
        self.text[self.path..].strip_prefix('?')
    }

    /// The part of the cabinet that it belongs to: one of a few, fit for a label.
    pub(crate) fn part(&self) -> &'static str {
        let path = self.path();
        let is = |part: &&&str| {
            path.strip_prefix(**part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        PARTS.iter().find(is).copied().unwrap_or("/other")
    }

    /// The address at an origin.
    pub(crate) fn at(&self, origin: &Url) -> Result<Url, Error> {
        let mut url = origin.clone();
        url.set_path(self.path());
        url.set_query(self.query());
        // What is sent is what was checked.
        if url[Position::BeforePath..] == *self.text { Ok(url) } else { refuse("it can be read in two ways") }
    }
}

/// Brings a path of the cabinet into the one form that is sent: escapes in capitals, and none for what needs none.
///
/// # Errors
/// `invalid_value`: no path (a scheme, a host), empty or dot segments, encoded slashes, backslashes, percent signs or parameters in the
/// path, control characters, what is not ASCII, or more than 8 KiB. `cabinet_path_forbidden`: a path of the sign-in itself.
pub fn cabinet_path(text: &str) -> Result<CabinetPath, Error> {
    if text.len() > LONGEST {
        return refuse("it is longer than 8 KiB");
    }
    if !text.starts_with('/') {
        return refuse("it does not start with a slash");
    }
    if let Some(bad) = text.bytes().find(|byte| !matches!(byte, b'!'..=b'~')) {
        return refuse(if bad.is_ascii() {
            "it holds a space or a control character"
        } else {
            "it is not ASCII; escape what is not"
        });
    }
    if text.contains('#') {
        return refuse("a fragment is not sent");
    }
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    let mut one = String::with_capacity(text.len());
    push_path(&mut one, path)?;
    check_segments(&one)?;
    let end = one.len();
    if let Some(query) = query {
        one.push('?');
        for byte in query.bytes() {
            match byte {
                b'"' | b'\'' | b'<' | b'>' => escape(&mut one, byte),
                _ => one.push(char::from(byte)),
            }
        }
    }
    if one.len() > LONGEST {
        return refuse("it is longer than 8 KiB");
    }
    Ok(CabinetPath { text: one, path: end })
}

fn push_path(one: &mut String, path: &str) -> Result<(), Error> {
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => match (rest.next().and_then(digit), rest.next().and_then(digit)) {
                (Some(high), Some(low)) => push_escaped(one, high * 16 + low)?,
                _ => return refuse("a percent sign stands without two hexadecimal digits"),
            },
            b'\\' => return refuse("it holds a backslash"),
            // `/..;/` is `/../` to some servers.
            b';' => return refuse("it holds a semicolon"),
            b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' => escape(one, byte),
            _ => one.push(char::from(byte)),
        }
    }
    Ok(())
}

fn push_escaped(one: &mut String, byte: u8) -> Result<(), Error> {
    match byte {
        b'/' | b'\\' => refuse("it holds an encoded slash or backslash"),
        b'%' => refuse("it is escaped twice"),
        b';' => refuse("it holds a semicolon"),
        0..0x20 | 0x7f => refuse("it holds an encoded control character"),
        // No UTF-8 has these; they spell dots and slashes in a long way.
        0xc0 | 0xc1 | 0xf5..=0xff => refuse("its escapes are not UTF-8"),
        b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
            one.push(char::from(byte));
            Ok(())
        }
        _ => {
            escape(one, byte);
            Ok(())
        }
    }
}

fn check_segments(path: &str) -> Result<(), Error> {
    let mut segments = path[1..].split('/').peekable();
    let first = segments.peek().copied().unwrap_or_default();
    if SIGN_IN.iter().any(|own| first.eq_ignore_ascii_case(own)) {
        let detail = "Signing in and out is not done through the gateway: this service does it by itself.";
        return Err(Error::new(Code::CabinetPathForbidden, detail));
    }
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => return refuse("it has a dot segment"),
            "" if segments.peek().is_some() => return refuse("it has an empty segment"),
            _ => {}
        }
    }
    Ok(())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn escape(one: &mut String, byte: u8) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    one.push('%');
    one.push(DIGITS[usize::from(byte >> 4)]);
    one.push(DIGITS[usize::from(byte & 15)]);
}

fn refuse<T>(why: &str) -> Result<T, Error> {
    Err(Error::new(Code::InvalidValue, format!("The path of the cabinet cannot be called: {why}.")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_brought_into_the_one_form_that_is_sent() {
        for (text, expected) in [
            ("/s/m", "/s/m"),
            ("/", "/"),
            ("/bff/offer-view/list?m=1&p=0&t=", "/bff/offer-view/list?m=1&p=0&t="),
            ("/%62ff/%7euser/%d0%b0", "/bff/~user/%D0%B0"),
            ("/mc/api/order/1/?", "/mc/api/order/1/?"),
            ("/a/{b}|\"c\"", "/a/%7Bb%7D%7C%22c%22"),
            ("/a/...", "/a/..."),
            ("/a%20b/c:d@e", "/a%20b/c:d@e"),
            (
                "/mc?u=https%3A%2F%2Fkaspi.kz%2Fmc%2F&x=../..//%0A;\\'",
                "/mc?u=https%3A%2F%2Fkaspi.kz%2Fmc%2F&x=../..//%0A;\\%27",
            ),
            ("/a?b?c=d", "/a?b?c=d"),
            ("/oauth2x", "/oauth2x"),
        ] {
            let path = cabinet_path(text).unwrap();
            assert_eq!(path.as_str(), expected);
            path.at(&Url::parse("https://mc.shop.kaspi.kz").unwrap()).unwrap();
        }
        let path = cabinet_path("/mc/facade/graphql?opName=x").unwrap();
        assert_eq!((path.path(), path.query(), path.part()), ("/mc/facade/graphql", Some("opName=x"), "/mc"));
        assert_eq!(cabinet_path("/mcx/12345678").unwrap().part(), "/other");
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let long = format!("/{}", "a".repeat(LONGEST));
        let grows = format!("/{}", "|".repeat(LONGEST / 2));
        for text in [
            "",
            "s/m",
            "https://mc.shop.kaspi.kz/s/m",
            "//evil.test/s/m",
            "/s//m",
            "/s/m//",
            "/.",
            "/..",
            "/a/../s/m",
            "/a/./b",
            "/a/%2e%2e/s",
            "/a/.%2E/s",
            "/a/%2E",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/\\evil.test",
            "/a%252e%252e/b",
            "/a/..;/b",
            "/a;x=1/b",
            "/a%3Bx/b",
            "/a%00",
            "/a%0d%0aX: y",
            "/a%7f",
            "/a\u{7f}",
            "/a b",
            "/a\r\nX-Y: z",
            "/a?b\n",
            "/a?b c",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%c0%ae",
            "/a%c0%af",
            "/\u{430}",
            "/a?\u{430}",
            "/a#b",
            "/a?b#c",
            &long,
            &grows,
        ] {
            let refused = cabinet_path(text).map_err(|error| error.code());
            assert_eq!(refused, Err(Code::InvalidValue), "{text:.40}");
        }
    }

    #[test]
    fn the_sign_in_is_not_called_through_the_gateway() {
        for text in
            ["/oauth2/authorization/1", "/login/oauth2/code/1?code=x", "/LOGIN", "/logout", "/%6cogin"]
        {
            let refused = cabinet_path(text).map_err(|error| error.code());
            assert_eq!(refused, Err(Code::CabinetPathForbidden), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_sent_as_it_was_checked(text in "/[ -~]{0,40}|(/([a-z.%0-9]|%[0-9a-fA-F]{2}){0,8}){1,4}(\\?[!-~]{0,20})?") {
            let origin = Url::parse("https://mc.shop.kaspi.kz").unwrap();
            if let Ok(path) = cabinet_path(&text) {
                let url = path.at(&origin).unwrap();
                prop_assert_eq!(&url[Position::BeforePath..], path.as_str());
                prop_assert_eq!(url.host_str(), origin.host_str());
                prop_assert_eq!(cabinet_path(path.as_str()).unwrap(), path);
            }
        }
    }
}
