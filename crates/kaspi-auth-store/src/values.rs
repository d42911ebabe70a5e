//! Rust values of columns whose type depends on the database, or on who made the table. With these, one SQL text serves both
//! databases and every adopted table: the value adapts itself, the statement does not.

mod instant;
mod user;

pub(crate) use instant::Instant;
pub(crate) use user::{UserColumn, UserParam};

use jiff::Timestamp;
use kaspi_auth_core::login::{Driver, EngineChoice};

/// A time of our own columns. Nobody writes one that is out of range but an attacker, who may have the epoch.
pub(crate) fn from_micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A text as a server takes it: PostgreSQL knows no NUL character.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

/// A text as a server takes it, of at most so many characters.
pub(crate) fn bounded(text: &str, characters: usize) -> String {
    text.chars().filter(|character| *character != '\0').take(characters).collect()
}

/// An unknown word says nothing.
pub(crate) fn driver_of(text: &str) -> Option<Driver> {
    [Driver::Direct, Driver::Browser].into_iter().find(|driver| driver.as_str() == text)
}

/// An unknown word says nothing.
pub(crate) fn engine_of(text: &str) -> Option<EngineChoice> {
    let all = [EngineChoice::Auto, EngineChoice::Direct, EngineChoice::Browser];
    all.into_iter().find(|engine| engine.as_str() == text)
}
