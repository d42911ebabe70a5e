//! The entries of a JSON list, one by one: where each begins and ends, without reading the whole list or more of an entry than
//! is allowed. What is inside an entry is for a JSON parser to judge.

use std::io::{self, BufRead};

/// An entry.
pub enum Element {
    /// Its text.
    Text(Vec<u8>),
    /// It is longer than allowed, and has been passed over.
    TooLong,
    /// The list itself is broken here: nothing after this is read.
    Broken(&'static str),
}

/// The entries of a list.
pub struct Elements<R> {
    source: R,
    longest: usize,
    line: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    First,
    After,
    Next,
    Ended,
}

impl<R: BufRead> Elements<R> {
    /// Of a file that begins with `[`.
    pub fn new(source: R, longest: usize) -> Self {
        Self { source, longest, line: 1, state: State::Before }
    }

    /// The next entry and the line on which it begins; `None` at the list's end.
    pub fn next(&mut self) -> io::Result<Option<(u64, Element)>> {
        loop {
            let Some(byte) = self.sign()? else {
                let ended = self.state == State::Ended;
                self.state = State::Ended;
                return Ok((!ended).then_some((self.line, Element::Broken("the file ends within the list"))));
            };
            match (self.state, byte) {
                // What ended in trouble is not read on.
                (State::Before, b'[') => self.go(State::First),
                (State::First | State::After, b']') => {
                    self.go(State::Ended);
                    return self.end();
                }
                (State::After, b',') => self.go(State::Next),
                (State::First | State::Next, b',' | b']' | b'}' | b':')
                | (State::Before | State::After, _) => {
                    self.state = State::Ended;
                    return Ok(Some((self.line, Element::Broken("the list is no JSON from here on"))));
                }
                (State::First | State::Next, _) => {
                    let line = self.line;
                    self.state = State::After;
                    let element = self.value()?;
                    if matches!(element, Element::Broken(_)) {
                        self.state = State::Ended;
                    }
                    return Ok(Some((line, element)));
                }
                (State::Ended, _) => return Ok(None),
            }
        }
    }

    fn go(&mut self, state: State) {
        self.source.consume(1);
        self.state = state;
    }

    /// Nothing but white space may follow.
    fn end(&mut self) -> io::Result<Option<(u64, Element)>> {
        let rest = self.sign()?;
        Ok(rest.map(|_| (self.line, Element::Broken("something stands behind the list's end"))))
    }

    /// The next byte that is no white space, not consumed.
    fn sign(&mut self) -> io::Result<Option<u8>> {
        loop {
            let Some(byte) = peek(&mut self.source)? else { return Ok(None) };
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                // A byte order mark at the very beginning.
                0xEF | 0xBB | 0xBF if self.state == State::Before => {}
                _ => return Ok(Some(byte)),
            }
            self.source.consume(1);
        }
    }

    fn value(&mut self) -> io::Result<Element> {
        let (mut text, mut too_long) = (Vec::new(), false);
        let mut place = Place::default();
        loop {
            let buffer = match self.source.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok(Element::Broken("the file ends within an entry"));
            }
            let (mut used, mut done) = (0, false);
            for byte in buffer {
                let fed = place.feed(*byte);
                if *byte == b'\n' && !matches!(fed, Fed::Behind) {
                    self.line += 1;
                }
                match fed {
                    Fed::Inside => used += 1,
                    Fed::Last => {
                        used += 1;
                        done = true;
                        break;
                    }
                    Fed::Behind => {
                        done = true;
                        break;
                    }
                }
            }
            if text.len() + used > self.longest {
                too_long = true;
                text = Vec::new();
            } else if !too_long {
                text.extend_from_slice(&buffer[..used]);
            }
            self.source.consume(used);
            if done {
                return Ok(if too_long { Element::TooLong } else { Element::Text(text) });
            }
        }
    }
}

/// Where in a value we are.
#[derive(Default)]
struct Place {
    depth: u64,
    quoted: bool,
    escaped: bool,
}

enum Fed {
    Inside,
    Last,
    Behind,
}

impl Place {
    fn feed(&mut self, byte: u8) -> Fed {
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.quoted = false;
                    return if self.depth == 0 { Fed::Last } else { Fed::Inside };
                }
                _ => {}
            }
            return Fed::Inside;
        }
        match byte {
            b'"' => self.quoted = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                if self.depth == 0 {
                    return Fed::Last;
                }
            }
            b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return Fed::Behind,
            _ => {}
        }
        Fed::Inside
    }
}

fn peek(source: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        match source.fill_buf() {
            Ok(buffer) => return Ok(buffer.first().copied()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn all(text: &[u8], longest: usize) -> Vec<(u64, Result<String, &'static str>)> {
        let mut elements = Elements::new(io::BufReader::with_capacity(5, text), longest);
        let mut found = Vec::new();
        while let Some((line, element)) = elements.next().unwrap() {
            found.push((
                line,
                match element {
                    Element::Text(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
                    Element::TooLong => Err("too long"),
                    Element::Broken(why) => Err(why),
                },
            ));
        }
        found
    }

    #[test]
    fn entries_are_told_apart_whatever_stands_in_their_texts() {
        let text = "\u{feff}[\n {\"a\": \"],}\\\"{\"},\n\n [1, [2]], \"x,]\" ,true,\n-1.5e3]\n";
        let entries =
            [(2, "{\"a\": \"],}\\\"{\"}"), (4, "[1, [2]]"), (4, "\"x,]\""), (4, "true"), (5, "-1.5e3")];
        assert_eq!(all(text.as_bytes(), 100), entries.map(|(line, text)| (line, Ok(text.to_owned()))));
        assert_eq!(all(b"[]", 100), []);
        assert_eq!(all(b" [ ] ", 100), []);
    }

    #[test]
    fn an_entry_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let text = format!("[\"{}\", 1]", "x".repeat(1000));
        assert_eq!(all(text.as_bytes(), 100), [(1, Err("too long")), (1, Ok("1".to_owned()))]);
    }

    #[test]
    fn what_is_no_list_ends_with_a_word_of_it() {
        for broken in
            ["[", "[1", "[1,", "[1 2]", "[,1]", "[1,]", "[{\"a\":1}", "[1] x", "x", "", "[\"a", "[}]"]
        {
            let found = all(broken.as_bytes(), 100);
            assert!(found.last().is_some_and(|(_, last)| last.is_err()), "{broken:?}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let found = all(&bytes, 50);
            prop_assert!(found.len() <= bytes.len() + 1);
        }

        #[test]
        fn signs_of_json_in_any_order_come_to_an_end(text in "[\\[\\]{}:,\"\\\\ a1\n]{0,200}") {
            let found = all(text.as_bytes(), 50);
            prop_assert!(found.len() <= text.len() + 1);
        }

        #[test]
        fn a_list_of_texts_comes_back_as_it_was(texts in proptest::collection::vec(any::<String>(), 0..8)) {
            let list = serde_json::to_string_pretty(&texts).unwrap();
            let found: Vec<String> = all(list.as_bytes(), 10_000)
                .into_iter()
                .map(|(_, text)| serde_json::from_str::<Value>(&text.unwrap()).unwrap().as_str().unwrap().to_owned())
                .collect();
            prop_assert_eq!(found, texts);
        }
    }
}
