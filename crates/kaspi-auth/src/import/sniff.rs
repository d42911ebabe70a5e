//! What a file is, by its beginning. Must not tell what it holds.

use serde_json::Value;

use super::elements::{Element, Elements};
use super::lines::{self, Line};
use super::{Format, LONGEST_ROW, cookies, delimited, netscape};

/// How cookie files begin, where they say what they are.
const TITLES: [&str; 2] = ["# Netscape HTTP Cookie File", "# HTTP Cookie File"];

/// What is to be done with files of other kinds.
const OTHERS: [(&[u8], &str); 8] = [
    (
        b"SQLite format 3\0",
        "it is an SQLite database: point the service at it instead (`kaspi-auth migrate`)",
    ),
    (b"PGDMP", "it is a dump of PostgreSQL's: restore it, and import from the database"),
    (
        b"--\n-- PostgreSQL database dump",
        "it is a dump of PostgreSQL's: restore it, and import from the database",
    ),
    (b"\x1F\x8B", "it is compressed: unpack it first"),
    (b"\x28\xB5\x2F\xFD", "it is compressed: unpack it first"),
    (b"PK\x03\x04", "it is an archive or a spreadsheet: unpack it, or save the sheet as \"CSV UTF-8\""),
    (b"\xFF\xFE", "it is UTF-16: save it as UTF-8"),
    (b"\xFE\xFF", "it is UTF-16: save it as UTF-8"),
];

/// Says what a file is that begins so.
pub fn format(beginning: &[u8]) -> Result<Format, &'static str> {
    if let Some((_, what)) = OTHERS.iter().find(|(sign, _)| beginning.starts_with(sign)) {
        return Err(what);
    }
    let text = beginning.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(beginning);
    match text.trim_ascii_start().first() {
        None => return Err("it is empty"),
        Some(b'{') => return Ok(Format::Json),
        Some(b'[') => return Ok(if is_of_cookies(text) { Format::Cookies } else { Format::Json }),
        Some(_) => {}
    }
    let mut source = text;
    let mut is_first = true;
    // Reading a slice does not fail.
    while let Ok(Some(Line::Whole(line))) = lines::next(&mut source, LONGEST_ROW) {
        if is_first && delimited::header(&line).is_some() {
            return Ok(Format::Csv);
        }
        is_first = false;
        let Ok(line) = std::str::from_utf8(&line) else { break };
        if TITLES.iter().any(|title| line.starts_with(title)) {
            return Ok(Format::Netscape);
        }
        match netscape::line(line) {
            Ok(netscape::Said::Nothing) => {}
            Ok(netscape::Said::Cookie(_)) => return Ok(Format::Netscape),
            Err(_) => break,
        }
    }
    Err(
        "it is none of the files that are understood; a table's first line must name its columns, and --format says what a file is",
    )
}

fn is_of_cookies(list: &[u8]) -> bool {
    let first = Elements::new(list, LONGEST_ROW).next();
    match first {
        Ok(Some((_, Element::Text(text)))) => {
            serde_json::from_slice::<Value>(&text).is_ok_and(|value| cookies::is_cookie(&value))
        }
        _ => false,
    }
}
