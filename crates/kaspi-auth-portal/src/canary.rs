//! Shapes of what the portal shows: names of fields, keys of JSON, paths of the walk, in one canonical spelling and never a value.
//! Whoever keeps them notices a change of the portal before logins fail. Must not judge: a change may be harmless.

use std::collections::BTreeSet;
use std::sync::Arc;

use kaspi_auth_core::Error;
use kaspi_auth_core::port::ShapeSink;
use serde_json::{Map, Value};

use crate::http::Answer;
use crate::wire::login::Said;
use crate::wire::refusal::Step;
use crate::wire::shape::Shape;

/// More names than any page or answer has.
const MOST: usize = 200;
/// Deeper JSON is told by its upper levels.
const DEEPEST: usize = 6;

/// Where shapes go; nowhere, if nobody asked.
#[derive(Clone, Default)]
pub(crate) struct Canary(pub(crate) Option<Arc<dyn ShapeSink>>);

impl Canary {
    /// The keys of an answer of the login endpoint, by the step and by what came of it: each outcome has keys of its own.
    pub(crate) fn answered(&self, step: Step, answer: &Answer, said: &Result<Said, Error>) {
        let Some(sink) = &self.0 else { return };
        let Shape::Object(body) = Shape::of(answer) else { return };
        let outcome = match said {
            Ok(said) => said.name(),
            Err(error) => error.code().as_str(),
        };
        sink.seen(&format!("login.{}.{outcome}", step.name()), &keys(&body));
    }

    /// A shape that is ready.
    pub(crate) fn seen(&self, step: &str, shape: impl FnOnce() -> String) {
        if let Some(sink) = &self.0 {
            sink.seen(step, &shape());
        }
    }
}

/// The keys of an object with the kinds of their values, one a line, in order.
pub(crate) fn keys(body: &Map<String, Value>) -> String {
    let mut lines = BTreeSet::new();
    add_keys(body, "", 0, &mut lines);
    lines.into_iter().take(MOST).collect::<Vec<_>>().join("\n")
}

fn add_keys(body: &Map<String, Value>, path: &str, depth: usize, lines: &mut BTreeSet<String>) {
    for (key, value) in body {
        // Where ids are keys, each answer would have a shape of its own.
        let key = if key.chars().any(|c| c.is_ascii_digit()) { "#" } else { key.as_str() };
        let path = format!("{path}.{}", key.chars().take(60).collect::<String>());
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        lines.insert(format!("{path} {kind}"));
        if depth < DEEPEST {
            let inner = match value {
                Value::Object(inner) => {
                    std::slice::from_ref(value).iter().take(usize::from(!inner.is_empty()))
                }
                Value::Array(items) => items.iter().take(3),
                _ => [].iter().take(0),
            };
            for object in inner.filter_map(Value::as_object) {
                add_keys(object, &path, depth + 1, lines);
            }
        }
    }
}

/// The fields of a page as `(element, type, name, id)`, one a line, in their order.
pub(crate) fn fields(fields: &[[String; 4]]) -> String {
    let line = |[element, kind, name, id]: &[String; 4]| {
        let short = |text: &str| text.chars().take(60).collect::<String>();
        format!("{} type={} name={} id={}", short(element), short(kind), short(name), short(id))
    };
    fields.iter().take(MOST).map(line).collect::<Vec<_>>().join("\n")
}

/// The fields that stand in the text of a page, read without running it.
pub(crate) fn fields_of_html(html: &str) -> Vec<[String; 4]> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let name =
            rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_ascii_lowercase();
        if !matches!(name.as_str(), "input" | "select" | "textarea" | "button") {
            continue;
        }
        let tag = &rest[..rest.find('>').unwrap_or(rest.len())];
        found.push([name, attribute(tag, "type"), attribute(tag, "name"), attribute(tag, "id")]);
        if found.len() == MOST {
            break;
        }
    }
    found
}

fn attribute(tag: &str, name: &str) -> String {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let (before, after) = (rest[..at].chars().next_back(), &rest[at + name.len()..]);
        if before.is_some_and(char::is_whitespace) && after.starts_with('=') {
            let value = &after[1..];
            let end = |stop: &[char]| value[1..].find(stop).map_or(value.len(), |end| end + 1);
            return match value.chars().next() {
                Some(quote @ ('"' | '\'')) => value[1..end(&[quote])].to_owned(),
                Some(_) => value.split([' ', '>', '\n', '\t']).next().unwrap_or_default().to_owned(),
                None => String::new(),
            };
        }
        rest = after;
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_hold_no_value() {
        let body = json!({"su": [{"uid": "1", "name": "Лавка"}, {"uid": 2}], "a": {"b": null}, "30000001": {"x": true}});
        assert_eq!(
            keys(body.as_object().unwrap()),
            ".# object\n.#.x boolean\n.a object\n.a.b null\n.su list\n.su.name text\n.su.uid number\n.su.uid text"
        );
    }

    #[test]
    fn fields_of_a_page_are_found_without_running_it() {
        let html = "<p>x</p><input id=\"a\" data-id='no' class=x type=email name='user'><BUTTON type=submit>ok</button><input";
        let found = fields(&fields_of_html(html));
        assert_eq!(
            found,
            "input type=email name=user id=a\nbutton type=submit name= id=\ninput type= name= id="
        );
    }
}
