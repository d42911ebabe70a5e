//! The way out of every command: lines and JSON to stdout, notes to stderr, colour where a person looks.
//!
//! Nothing else of the program writes to stdout. A reader that goes away (`… | head`) ends the program quietly.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

/// A line of the answer.
pub fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    finish(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// The answer as one JSON object on one line.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(text),
        Err(error) => note(format_args!("an answer could not be written as JSON: {error}")),
    }
}

/// The answer as JSON for people.
pub fn pretty(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(text),
        Err(error) => note(format_args!("an answer could not be written as JSON: {error}")),
    }
}

/// Something to know that is no part of the answer.
pub fn note(text: impl Display) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A question, without an end of line.
pub fn ask(text: impl Display) {
    let mut out = io::stderr().lock();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

fn finish(written: io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            note(format_args!("error: the answer cannot be written: {error}"));
            std::process::exit(1);
        }
    }
}

/// Whether a person sits at the other end: they can be asked, and look at what is asked.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// As stdout can show it, and as `NO_COLOR` (no-color.org) and `TERM` wish.
    pub fn stdout() -> Self {
        Self { on: io::stdout().is_terminal() && wanted() }
    }

    /// As stderr can show it.
    pub fn stderr() -> Self {
        Self { on: io::stderr().is_terminal() && wanted() }
    }

    /// Whether there is colour at all.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// Heavy.
    pub fn bold(self, text: impl Display) -> String {
        self.code("1", text)
    }

    /// Faint.
    pub fn dim(self, text: impl Display) -> String {
        self.code("2", text)
    }

    /// Good.
    pub fn green(self, text: impl Display) -> String {
        self.code("32", text)
    }

    /// Mind this.
    pub fn yellow(self, text: impl Display) -> String {
        self.code("33", text)
    }

    /// Bad.
    pub fn red(self, text: impl Display) -> String {
        self.code("31", text)
    }

    /// Something to click or to copy.
    pub fn cyan(self, text: impl Display) -> String {
        self.code("36", text)
    }

    fn code(self, code: &str, text: impl Display) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

fn wanted() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_a_text_stays_as_it_is() {
        assert_eq!(Paint { on: false }.red("text"), "text");
        assert_eq!(Paint { on: true }.red("text"), "\u{1b}[31mtext\u{1b}[0m");
    }
}
