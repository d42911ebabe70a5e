//! The configuration file. What is wrong with it is told by line and column: its lines hold secrets, and are not quoted.

use std::path::Path;

use super::{ConfigError, Layer, hidden};

/// Reads it.
pub(super) fn read(path: &Path) -> Result<Layer, ConfigError> {
    if !path.is_file() {
        return Err(ConfigError::FileMissing(path.to_owned()));
    }
    let unreadable =
        |problem| ConfigError::Unreadable { place: format!("the file {}", path.display()), problem };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    toml::from_str(&text).map_err(|error| unreadable(told(error, &text)))
}

/// Where it is wrong, and how.
fn told(mut error: toml::de::Error, text: &str) -> String {
    let place = error.span().and_then(|span| place(text, span.start));
    // With the text, the error would quote the line; without, it names the setting.
    error.set_input(None);
    let what = hidden::without_value(&error.to_string()).trim_end().replace('\n', ", ");
    match place {
        Some((line, column)) => format!("line {line}, column {column}: {what}"),
        None => what,
    }
}

/// Line and column, counted from 1.
fn place(text: &str, at: usize) -> Option<(usize, usize)> {
    let before = text.get(..at)?;
    let line = before.rsplit('\n').next()?;
    Some((before.matches('\n').count() + 1, line.chars().count() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let error = toml::from_str::<Layer>(text).err().unwrap_or_else(|| panic!("{text} is read"));
        told(error, text)
    }

    #[test]
    fn a_slip_on_a_line_with_a_secret_is_told_by_its_place_alone() {
        for text in [
            "[encryption]\nkey = \"canary\n",
            "[encryption]\nkey = canary\n",
            "[encryption]\nkey \"canary\"\n",
            "[encryption]\nkey = \"canary\" \"\n",
            "[auth]\njwt_secret = \"canary\\q\"\n",
            "[auth]\njwt_secret = [\"canary\"]\n",
            "[auth]\njwks_url = \"user:canary@host:x/y\\z\"\n",
            "[auth]\njwks_url = \"https://user:canary@host:x/\"\n",
            "[database]\nurl = 'postgres://u:canary@h/d' x\n",
        ] {
            let told = refusal(text);
            assert!(told.starts_with("line ") && !told.contains("canary"), "{text}: {told}");
        }
        let number = refusal("[auth]\njwt_secret = 1234567890\n");
        assert!(number.starts_with("line 2, column 14: ") && !number.contains("123"), "{number}");
        assert!(number.contains("auth.jwt_secret"), "{number}");
    }

    #[test]
    fn places_are_counted_from_one_and_in_characters() {
        assert_eq!(place("ab\nä = 1\n", 3), Some((2, 1)));
        assert_eq!(place("ab\nä = 1\n", 5), Some((2, 2)));
        assert_eq!(place("", 0), Some((1, 1)));
    }
}
