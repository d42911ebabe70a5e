//! Small readings of JSON that the portal may write in several ways. Must not know what any of it means.

use kaspi_auth_core::id::MerchantUid;
use serde_json::{Map, Value};

/// A text or a whole number as text; `None` for anything else and for what is blank.
pub(crate) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The first of `keys` that holds a text or a whole number. Keys are compared without case, `_` and `-`.
pub(crate) fn first_text(object: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| get(object, key).and_then(text))
}

/// The first of `keys` that is there and not null.
pub(crate) fn first<'a>(object: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| get(object, key))
}

/// A key however it is spelt: `merchantUid`, `merchant_uid`, `MERCHANT-UID`.
fn get<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let exact = object.get(key);
    let found = exact.or_else(|| object.iter().find(|(name, _)| plain(name).eq(plain(key))).map(|(_, v)| v));
    found.filter(|value| !value.is_null())
}

fn plain(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase)
}

/// A merchant's id, written as a text or as a number.
pub(crate) fn uid(value: &Value) -> Option<MerchantUid> {
    text(value).and_then(|text| MerchantUid::parse(&text).ok())
}

/// A name for people: without control characters, and not endless.
pub(crate) fn label(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect::<String>().trim().to_owned()
}
