//! An opened record: a JSON object that does not print and is wiped when dropped.
//!
//! It must not implement `Display`, `Serialize` or a `Debug` that shows what it holds.

use std::fmt;
use std::ops::Deref;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use crate::error::OpenError;

/// What an envelope held. Reads like a [`Map`]; its texts are overwritten when it is dropped.
#[derive(Default, PartialEq)]
pub struct OpenedJson(Map<String, Value>);

impl OpenedJson {
    pub(crate) fn new(map: Map<String, Value>) -> OpenedJson {
        OpenedJson(map)
    }

    /// The text under a key, if it is there and a text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// The bare object. From here on, wiping it and keeping it out of logs is up to the caller.
    #[must_use]
    pub fn into_map(mut self) -> Map<String, Value> {
        std::mem::take(&mut self.0)
    }

    /// The record as a typed value, whose own secret fields should be secret types.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotJson`] when the object has another shape. What is wrong with it is left out, because
    /// deserialisers quote the values they do not like.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, OpenError> {
        T::deserialize(&self.0).map_err(|_| OpenError::NotJson)
    }
}

impl Deref for OpenedJson {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl fmt::Debug for OpenedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedJson").field("entries", &self.0.len()).finish_non_exhaustive()
    }
}

impl Drop for OpenedJson {
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
