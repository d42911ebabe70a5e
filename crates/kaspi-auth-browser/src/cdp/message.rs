//! How messages look on the wire. Nothing of them is kept here.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::FarmError;

/// The session that a command was sent to is not there any more.
const NO_SUCH_SESSION: i64 = -32001;

/// A command, as it is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Command<'a, P> {
    pub id: u64,
    pub method: &'static str,
    pub params: P,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<&'a str>,
}

/// What comes in: the answer to a command, or an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incoming {
    pub id: Option<u64>,
    pub method: Option<String>,
    #[serde(default)]
    pub params: Value,
    #[serde(default)]
    pub result: Value,
    pub error: Option<Refusal>,
    pub session_id: Option<String>,
}

/// The browser's no.
#[derive(Deserialize)]
pub struct Refusal {
    code: i64,
    message: String,
}

impl Refusal {
    /// As an error of the farm.
    pub fn of(self, method: &'static str) -> FarmError {
        if self.code == NO_SUCH_SESSION {
            return FarmError::PageCrashed;
        }
        FarmError::Protocol { method, message: self.message }
    }
}

/// Something that happened in a session.
pub struct Event {
    pub method: String,
    pub params: Value,
}

impl Event {
    /// A text among the parameters; empty where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.params.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}
