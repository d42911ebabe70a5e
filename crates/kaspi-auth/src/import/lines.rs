//! Lines of a file, none longer than allowed. Must not keep more of a line than that.

use std::io::{self, BufRead};

/// A line without its end.
pub enum Line {
    /// It fits.
    Whole(Vec<u8>),
    /// It is longer; the rest of it has been passed over.
    TooLong,
}

/// Reads the next line; `None` at the end of the file.
pub fn next(source: &mut impl BufRead, longest: usize) -> io::Result<Option<Line>> {
    let (mut line, mut any, mut too_long) = (Vec::new(), false, false);
    loop {
        let buffer = match source.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        if line.len() + part.len() > longest {
            too_long = true;
            line = Vec::new();
        } else if !too_long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(buffer.len(), |end| end + 1);
        source.consume(used);
        if end.is_some() {
            break;
        }
    }
    if !any {
        return Ok(None);
    }
    if too_long {
        return Ok(Some(Line::TooLong));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(Line::Whole(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, longest: usize) -> Vec<Option<String>> {
        let mut source = io::BufReader::with_capacity(3, text.as_bytes());
        let mut lines = Vec::new();
        while let Some(line) = next(&mut source, longest).unwrap() {
            lines.push(match line {
                Line::Whole(bytes) => Some(String::from_utf8(bytes).unwrap()),
                Line::TooLong => None,
            });
        }
        lines
    }

    #[test]
    fn lines_end_as_unix_windows_and_the_file_end_them() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(all("one\r\ntwo\n\nlast", 10), [some("one"), some("two"), some(""), some("last")]);
        assert_eq!(all("", 10), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        assert_eq!(
            all("12345678\nabcd\n1234567890123\n", 8),
            [Some("12345678".into()), Some("abcd".into()), None]
        );
        assert_eq!(all("123456789\nok", 8), [None, Some("ok".into())]);
    }
}
