//! The portal's own words, taken out of an answer so that they can be shown apart from ours: short, without control
//! characters, and without anything that we sent in secret.

use serde_json::{Map, Value};

use super::value::{first, first_text};

/// The longest message that is passed on.
const LONGEST: usize = 500;
/// Shorter secrets are not searched for: they would blot out ordinary words.
const SHORTEST_SECRET: usize = 4;

/// Collects messages; knows the secrets that none may repeat.
pub(crate) struct Words<'a> {
    secrets: Vec<&'a str>,
}

impl<'a> Words<'a> {
    /// For an answer to a request that held these secrets.
    pub(crate) fn without(secrets: &[&'a str]) -> Self {
        Self { secrets: secrets.iter().copied().filter(|secret| secret.len() >= SHORTEST_SECRET).collect() }
    }

    /// `errorCode` and whatever texts stand beside it.
    pub(crate) fn of(&self, body: &Map<String, Value>) -> Option<String> {
        const TEXTS: [&str; 6] =
            ["message", "errorMessage", "description", "errorDescription", "detail", "title"];
        let mut said: Vec<String> = Vec::new();
        let mut add = |text: Option<String>| {
            if let Some(text) = text.filter(|text| !said.contains(text)) {
                said.push(text);
            }
        };
        add(first_text(body, &["errorCode"]));
        add(first_text(body, &["error"]));
        for object in [Some(body), inner(body, "error"), inner(body, "errorData")].into_iter().flatten() {
            add(first_text(object, &["code", "type"]).filter(|_| !std::ptr::eq(object, body)));
            for key in TEXTS {
                add(first_text(object, &[key]));
            }
        }
        self.clean(&said.join(": "))
    }

    /// One text, fit to be shown; `None` for what is blank.
    pub(crate) fn clean(&self, text: &str) -> Option<String> {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, "***");
        }
        Some(bounded(&text)).filter(|text| !text.is_empty())
    }
}

/// At most 500 characters, without control characters and outer white space.
pub(crate) fn bounded(text: &str) -> String {
    let text = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    text.take(LONGEST).collect::<String>().trim().to_owned()
}

fn inner<'a>(body: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
    first(body, &[key]).and_then(Value::as_object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(body: &Value, secrets: &[&str]) -> Option<String> {
        Words::without(secrets).of(body.as_object().unwrap())
    }

    #[test]
    fn the_code_and_the_texts_beside_it_are_passed_on_once() {
        let body = json!({"errorCode": "X", "message": "m\nn", "error": {"code": "X", "message": "e"}, "errorData": {"message": "d"}});
        assert_eq!(of(&body, &[]).as_deref(), Some("X: m n: e: d"));
        assert_eq!(of(&json!({"su": []}), &[]), None);
    }

    #[test]
    fn a_portal_that_repeats_a_secret_is_not_repeated() {
        let body = json!({"message": "no user with password hunter22, code 1234"});
        assert_eq!(
            of(&body, &["hunter22", "1234", "no"]).as_deref(),
            Some("no user with password ***, code ***")
        );
    }

    #[test]
    fn a_message_is_never_long() {
        let said = of(&json!({"message": "ё".repeat(10_000)}), &[]).unwrap();
        assert_eq!(said.chars().count(), 500);
    }
}
