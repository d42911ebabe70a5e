//! A JSON object of secrets on its way in or out: does not print, its texts are overwritten when it is dropped.

use std::ops::{Deref, DerefMut};

use serde_json::{Map, Value};
use zeroize::Zeroize as _;

/// The object.
#[derive(Default)]
pub(crate) struct SecretMap(pub(crate) Map<String, Value>);

impl SecretMap {
    /// An object of these entries.
    pub(crate) fn of<const N: usize>(entries: [(&str, Value); N]) -> Self {
        Self(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

impl Deref for SecretMap {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl DerefMut for SecretMap {
    fn deref_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }
}

impl Drop for SecretMap {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
