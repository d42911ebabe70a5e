//! The bodies of the login endpoint (CONTRACT 3.2): JSON, whatever the type; unknown keys are ignored.
//! It must not judge what it reads.

use serde_json::{Map, Value};

/// A login body: a JSON object.
pub(super) struct LoginBody {
    keys: Map<String, Value>,
}

/// Which step a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Password,
    MailCode,
    Phone,
    SmsCode,
    Choice,
}

impl LoginBody {
    /// Reads a body; `None` when it is not a JSON object.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        match serde_json::from_slice(body).ok()? {
            Value::Object(keys) => Some(Self { keys }),
            _ => None,
        }
    }

    /// Which step it is for: a code or a choice wins over the keys that may stand beside it. Nothing known is a password's step.
    pub(super) fn step(&self) -> Step {
        let steps = [
            ("_s_m", Step::Choice),
            ("_s_u", Step::Choice),
            ("_m_c", Step::MailCode),
            ("_c", Step::SmsCode),
            ("_ph", Step::Phone),
        ];
        steps.into_iter().find(|(key, _)| self.has(key)).map_or(Step::Password, |(_, step)| step)
    }

    /// Whether a key is there and not `null`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(|value| !value.is_null())
    }

    /// A text, or a number as text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        as_text(self.keys.get(key)?)
    }

    /// A truth, as JSON or as text.
    pub(super) fn truth(&self, key: &str) -> Option<bool> {
        match self.keys.get(key)? {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The id in `_s_m` or `_s_u`: a text, a number, or an object with `uid`, `merchantUid` or `id`.
    pub(super) fn chosen(&self) -> Option<String> {
        let value = ["_s_m", "_s_u"]
            .into_iter()
            .find_map(|key| self.keys.get(key).filter(|value| !value.is_null()))?;
        match value {
            Value::Object(keys) => {
                ["uid", "merchantUid", "id"].into_iter().find_map(|key| as_text(keys.get(key)?))
            }
            value => as_text(value),
        }
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(body: &str) -> Option<Step> {
        LoginBody::parse(body.as_bytes()).map(|body| body.step())
    }

    #[test]
    fn each_body_is_for_its_step() {
        assert_eq!(step(r#"{"_u":"a","_p":"b","_r_d":false}"#), Some(Step::Password));
        assert_eq!(step(r#"{"_u":"a","_p":"b","_m_c":null,"login":"x"}"#), Some(Step::Password));
        assert_eq!(step(r#"{"_u":"a","_m_c":"b","_r_d":true}"#), Some(Step::MailCode));
        assert_eq!(step(r#"{"_u":"a","_p":"b","_c":"c"}"#), Some(Step::SmsCode));
        assert_eq!(step(r#"{"_ph":"+7"}"#), Some(Step::Phone));
        assert_eq!(step(r#"{"_u":"a","_s_m":30}"#), Some(Step::Choice));
        assert_eq!(step("{}"), Some(Step::Password));
    }

    #[test]
    fn what_is_no_object_is_no_body() {
        for body in ["", "[]", "null", "_u=a&_p=b", "{\"_u\":", "\"x\""] {
            assert_eq!(step(body), None, "{body}");
        }
        assert!(LoginBody::parse(b"{\"_u\":\"\xff\"}").is_none());
    }

    #[test]
    fn a_choice_is_read_in_each_shape() {
        for body in [
            r#"{"_s_m":"7"}"#,
            r#"{"_s_u":7}"#,
            r#"{"_s_m":null,"_s_u":{"id":"7"}}"#,
            r#"{"_s_m":{"uid":7}}"#,
        ] {
            let body = LoginBody::parse(body.as_bytes()).expect("an object");
            assert_eq!(body.chosen().as_deref(), Some("7"));
        }
    }
}
