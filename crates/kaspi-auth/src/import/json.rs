//! JSON files: lists of rows, a row a line, one document, lists of cookies.

use std::io::{self, BufRead as _, Read as _};

use serde_json::Value;

use super::cookies::Jar;
use super::elements::{Element, Elements};
use super::lines::{self, Line};
use super::rows::Reader;
use super::{LONGEST_DOCUMENT, LONGEST_ROW, Row, Whole};

const NO_JSON: &str = "it is no JSON";
const TOO_LONG: &str = "it is longer than 1 MiB";

type Iter = Box<dyn Iterator<Item = io::Result<Row>> + Send>;

/// The rows of a file.
pub fn rows(mut source: Whole, mut reader: Reader) -> io::Result<Iter> {
    let begins = loop {
        match source.fill_buf()?.first() {
            Some(b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF) => source.consume(1),
            other => break other.copied(),
        }
    };
    if begins == Some(b'[') {
        let mut elements = Elements::new(source, LONGEST_ROW);
        return Ok(Box::new(std::iter::from_fn(move || {
            let next = elements.next().transpose()?;
            Some(next.map(|(line, element)| {
                let place = format!("line {line}");
                match element {
                    Element::Text(text) => parsed(&mut reader, place, &text),
                    Element::TooLong => reader.unreadable(place, TOO_LONG),
                    Element::Broken(why) => reader.unreadable(place, why),
                }
            }))
        })));
    }
    match lines::next(&mut source, LONGEST_DOCUMENT)? {
        None => Ok(Box::new(std::iter::empty())),
        Some(Line::TooLong) => {
            let row = reader.unreadable("line 1".to_owned(), TOO_LONG);
            Ok(Box::new(std::iter::once(Ok(row))))
        }
        Some(Line::Whole(first)) if is_whole(&first) => {
            Ok(Box::new(Lined { source, reader, number: 1, first: Some(first) }))
        }
        Some(Line::Whole(first)) => {
            Ok(Box::new(std::iter::once_with(move || document(source, first, &mut reader))))
        }
    }
}

/// The cookies of a file as one session.
pub fn cookies(source: Whole, mut jar: Jar, reader: &Reader) -> io::Result<Row> {
    let mut elements = Elements::new(source, LONGEST_ROW);
    while let Some((line, element)) = elements.next()? {
        let put = match element {
            Element::Text(text) => match serde_json::from_slice::<Value>(&text) {
                Ok(value) => jar.put_exported(&value),
                Err(_) => Err(NO_JSON),
            },
            Element::TooLong => Err(TOO_LONG),
            Element::Broken(why) => Err(why),
        };
        if let Err(why) = put {
            return Ok(reader.unreadable(format!("line {line}"), why));
        }
    }
    Ok(reader.session("line 1".to_owned(), jar))
}

/// Whether a first line stands for itself: then the others do, too.
fn is_whole(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() || line.trim_ascii_end().ends_with(b"}")
}

/// What a parser says may quote what it read, so it is not told.
fn parsed(reader: &mut Reader, place: String, text: &[u8]) -> Row {
    match serde_json::from_slice(text) {
        Ok(value) => reader.row(place, value),
        Err(_) => reader.unreadable(place, NO_JSON),
    }
}

fn document(source: Whole, mut text: Vec<u8>, reader: &mut Reader) -> io::Result<Row> {
    text.push(b'\n');
    let left = (LONGEST_DOCUMENT - text.len().min(LONGEST_DOCUMENT)) as u64;
    source.take(left + 1).read_to_end(&mut text)?;
    let place = "line 1".to_owned();
    if text.len() > LONGEST_DOCUMENT {
        return Ok(reader.unreadable(place, "it is longer than 8 MiB"));
    }
    Ok(parsed(reader, place, &text))
}

/// A row a line.
struct Lined {
    source: Whole,
    reader: Reader,
    number: u64,
    first: Option<Vec<u8>>,
}

impl Iterator for Lined {
    type Item = io::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(parsed(&mut self.reader, "line 1".to_owned(), &first)));
        }
        loop {
            let next = match lines::next(&mut self.source, LONGEST_ROW).transpose()? {
                Ok(next) => next,
                Err(error) => return Some(Err(error)),
            };
            self.number += 1;
            let place = format!("line {}", self.number);
            match next {
                Line::Whole(text) if text.trim_ascii().is_empty() => {}
                Line::Whole(text) => return Some(Ok(parsed(&mut self.reader, place, &text))),
                Line::TooLong => return Some(Ok(self.reader.unreadable(place, TOO_LONG))),
            }
        }
    }
}
