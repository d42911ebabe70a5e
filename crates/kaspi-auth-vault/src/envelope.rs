//! A sealed JSON object that names its owner inside, and opens for that owner only.
//!
//! Fernet has no associated data, so a token copied into another row opens there just as well. The owner's name inside
//! the sealed text closes that: it cannot be changed without the key. The rest of the object must stay as the caller
//! gave it, because Python readers of the same rows look for their own keys in it.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::opened::OpenedJson;
use crate::ring::KeyRing;

/// Whether a record that names no owner may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legacy {
    /// Yes: the Python predecessor's `{"email": …}` and `{"password": …}` tokens name no merchant.
    Accept,
    /// No: everything sealed here names its owner.
    Refuse,
}

/// How records of one sort name their owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    subject_key: &'static str,
}

impl Envelope {
    /// Records of a merchant: the owner stands under `merchant_uid`, as in the predecessor's `guid` column.
    pub const MERCHANT: Envelope = Envelope::new("merchant_uid");

    /// Records whose owner stands under `subject_key`.
    pub const fn new(subject_key: &'static str) -> Envelope {
        Envelope { subject_key }
    }

    /// The key under which the owner stands.
    pub const fn subject_key(&self) -> &'static str {
        self.subject_key
    }

    /// Seals the object for `subject` under the newest key of the ring. Whatever the object has under the subject key
    /// is replaced by `subject`. The time is in seconds since the Unix epoch.
    pub fn seal_for(
        &self,
        ring: &KeyRing,
        subject: &str,
        json: &Map<String, Value>,
        unix_seconds: u64,
    ) -> String {
        let named = Named { subject_key: self.subject_key, subject, json };
        ring.seal(&to_json(&named), unix_seconds)
    }

    /// Opens a record of `subject`. An owner that Python wrote as a number is compared by its digits; `null` counts
    /// as no owner.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::open`]; [`OpenError::NotJson`] when it holds no JSON object; [`OpenError::WrongSubject`]
    /// when it was sealed for somebody else; [`OpenError::NoSubject`] when it names nobody and `legacy` is
    /// [`Legacy::Refuse`].
    pub fn open_for(
        &self,
        ring: &KeyRing,
        subject: &str,
        token: &str,
        legacy: Legacy,
    ) -> Result<OpenedJson, OpenError> {
        let opened = open(ring, token)?;
        let is_theirs = match opened.get(self.subject_key) {
            None | Some(Value::Null) if legacy == Legacy::Accept => true,
            None | Some(Value::Null) => return Err(OpenError::NoSubject),
            Some(Value::String(owner)) => owner == subject,
            Some(Value::Number(owner)) => owner.to_string() == subject,
            Some(_) => false,
        };
        if is_theirs { Ok(opened) } else { Err(OpenError::WrongSubject) }
    }

    /// Opens a record of whomever it names, where nothing beside it tells the owner. Proves that it is whole, not whose it is.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::open`]; [`OpenError::NotJson`]; [`OpenError::NoSubject`] when it names nobody.
    pub fn open_named(&self, ring: &KeyRing, token: &str) -> Result<OpenedJson, OpenError> {
        let opened = open(ring, token)?;
        match opened.get(self.subject_key) {
            Some(Value::String(_) | Value::Number(_)) => Ok(opened),
            _ => Err(OpenError::NoSubject),
        }
    }
}

fn open(ring: &KeyRing, token: &str) -> Result<OpenedJson, OpenError> {
    let plaintext = ring.open(token)?;
    serde_json::from_slice(&plaintext).map(OpenedJson::new).map_err(|_| OpenError::NotJson)
}

/// The object with its owner in it, without a copy of the object.
struct Named<'a> {
    subject_key: &'a str,
    subject: &'a str,
    json: &'a Map<String, Value>,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let owner = Value::from(self.subject);
        let rest = self.json.iter().filter(|(key, _)| *key != self.subject_key);
        serializer
            .collect_map(rest.map(|(key, value)| (key.as_str(), value)).chain([(self.subject_key, &owner)]))
    }
}

/// Measures first and writes then: a buffer that grew would leave copies of the secrets behind.
fn to_json(named: &Named<'_>) -> Zeroizing<Vec<u8>> {
    let mut length = Length(0);
    write_json(&mut length, named);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    write_json(&mut *bytes, named);
    bytes
}

fn write_json(to: &mut impl io::Write, named: &Named<'_>) {
    // Cannot fail: neither writer does, and an object of JSON values under text keys is always JSON.
    serde_json::to_writer(to, named).expect("a JSON object serialises into memory");
}

struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
