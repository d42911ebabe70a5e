//! Cuts a whole object down to the fields that a query asks for.
//! It must not invent: a field that the object does not have is `null`.

use super::query::Field;
use serde_json::{Map, Value};

/// The asked part of a value. An object of which nothing is asked comes whole.
pub(super) fn project(value: &Value, fields: &[Field]) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| project(item, fields)).collect(),
        Value::Object(object) if fields.is_empty() => whole(object),
        Value::Object(object) => fields
            .iter()
            .map(|field| {
                let value =
                    object.get(&field.name).map_or(Value::Null, |value| project(value, &field.fields));
                (field.key().to_owned(), value)
            })
            .collect::<Map<_, _>>()
            .into(),
        scalar => scalar.clone(),
    }
}

fn whole(object: &Map<String, Value>) -> Value {
    object
        .iter()
        .filter(|(name, _)| *name != "__typename")
        .map(|(name, value)| (name.clone(), project(value, &[])))
        .collect::<Map<_, _>>()
        .into()
}
