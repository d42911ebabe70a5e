//! What can go wrong: with the keys of a deployment ([`KeyError`]) and with a token ([`OpenError`]).
//!
//! No variant may hold a key, a token or anything opened from one: these values reach logs and API answers.

use std::path::PathBuf;

/// The end of every [`KeyError`] message: two ways to make a key, ours and the one of Python's `cryptography`.
pub const HOW_TO_MAKE_A_KEY: &str = "make a key with `kaspi-auth keys generate` or with `python3 -c \"from \
     cryptography.fernet import Fernet; print(Fernet.generate_key().decode())\"`";

/// Why a key ring could not be built. The service refuses to start on any of these.
///
/// Entries of the list are counted from 1, newest first, as they stand in `ENCRYPTION_KEY`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Neither `ENCRYPTION_KEY` nor `ENCRYPTION_KEY_FILE` says anything.
    #[error(
        "there is no encryption key: set ENCRYPTION_KEY to one (or several, comma separated, newest first), or \
         ENCRYPTION_KEY_FILE to the path of a file that holds it; {HOW_TO_MAKE_A_KEY}"
    )]
    Missing,
    /// Both settings are given, so which of them counts would be a guess.
    #[error(
        "both ENCRYPTION_KEY and ENCRYPTION_KEY_FILE are set: keep the one that holds the right keys and unset the \
         other; if neither does, {HOW_TO_MAKE_A_KEY}"
    )]
    BothSet,
    /// The key file cannot be read.
    #[error(
        "the file {path} named by ENCRYPTION_KEY_FILE cannot be read ({source}): correct the path or its \
         permissions; if the file was never written, {HOW_TO_MAKE_A_KEY}",
        path = path.display()
    )]
    FileUnreadable {
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The key file holds only white space.
    #[error("the file {path} named by ENCRYPTION_KEY_FILE is empty: {HOW_TO_MAKE_A_KEY}", path = path.display())]
    FileEmpty {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The key file is too large, or not text: the path names some other file.
    #[error(
        "the file {path} named by ENCRYPTION_KEY_FILE is not a list of keys: it should hold one key of 44 \
         characters, or several, comma separated; {HOW_TO_MAKE_A_KEY}",
        path = path.display()
    )]
    FileNotKeys {
        /// The path as it was given.
        path: PathBuf,
    },
    /// Nothing between two commas, or after the last one.
    #[error(
        "encryption key {entry} of the list is empty: remove the comma beside it, or put a key there; \
         {HOW_TO_MAKE_A_KEY}"
    )]
    EmptyEntry {
        /// Place in the list, from 1.
        entry: usize,
    },
    /// A key is the URL-safe base64 of 32 bytes, and that is always 44 characters.
    #[error(
        "encryption key {entry} of the list is {length} characters long, and a key has 44 (the last is `=`): check \
         that it was copied whole and stands without quotes; {HOW_TO_MAKE_A_KEY}"
    )]
    WrongLength {
        /// Place in the list, from 1.
        entry: usize,
        /// Length in characters, without surrounding white space.
        length: usize,
    },
    /// The length is right and the content is not base64 of 32 bytes.
    #[error(
        "encryption key {entry} of the list has 44 characters but is not the URL-safe base64 of 32 bytes (letters, \
         digits, `-`, `_`, one final `=`): check that it was copied whole; {HOW_TO_MAKE_A_KEY}"
    )]
    NotBase64 {
        /// Place in the list, from 1.
        entry: usize,
    },
    /// The same key twice: most likely the new key was not pasted over.
    #[error(
        "encryption keys {first} and {entry} of the list are the same: remove one of them, or put the new key \
         first; {HOW_TO_MAKE_A_KEY}"
    )]
    Duplicate {
        /// Place of the later one, from 1.
        entry: usize,
        /// Place of the earlier one, from 1.
        first: usize,
    },
}

/// Why a token did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not a Fernet token: other characters than URL-safe base64, padding where none belongs, or a first byte other
    /// than the version 0x80.
    #[error("this is not a Fernet token: expected URL-safe base64 that begins with version 0x80")]
    Malformed,
    /// It begins like a token and is shorter than a token can be, or ends inside a block. A cut that falls on a
    /// block boundary looks whole and fails as [`OpenError::NotAuthentic`].
    #[error("the token is cut short: copy it whole, with its final `=` signs")]
    Truncated,
    /// The HMAC is right under no key of the ring. Fernet cannot tell an altered token from one sealed under an
    /// unknown key, nor does this name pretend to. (A token with a right HMAC and wrong padding, which only a broken
    /// writer that holds the key can make, is counted here too.)
    #[error(
        "no key of the ring opens this token: it was altered, or sealed under a key that ENCRYPTION_KEY lacks; if \
         the key was changed, add the former one after the new one, comma separated"
    )]
    NotAuthentic,
    /// Authentic, and older than the caller allows.
    #[error("the token is authentic but older than its time to live")]
    TooOld,
    /// Authentic, and stamped more than 60 seconds ahead of the caller's clock.
    #[error(
        "the token is authentic but stamped in the future: check the clocks of the machines that share the key"
    )]
    TooNew,
    /// Authentic, and sealed for somebody else.
    #[error("the token was sealed for another owner: it does not belong in this row")]
    WrongSubject,
    /// Authentic, and names no owner, where the caller requires one.
    #[error("the sealed record names no owner: only rows of the predecessor may be so")]
    NoSubject,
    /// Authentic, and holds something else than the caller expects (not a JSON object, or not of that shape).
    #[error("the token is authentic but does not hold the expected JSON object")]
    NotJson,
}
