//! One store of another installation, read from its row as JSON: the fields are named as the columns. Must not quote a value
//! in an error.

use kaspi_auth_core::id::{MerchantUid, UserId};
use kaspi_auth_core::import::FoundStore;
use kaspi_auth_vault::{Envelope, KeyRing, Legacy, OpenError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::sealed::{Guid, GuidError, SecretMap, StoredGuid, open_with};
use crate::stores::points;
use crate::values::Instant;

/// Cookies of a session. Browsers keep 180 of a domain at most, and the portal has a handful of hosts.
const COOKIES: usize = 1000;
/// Bytes of an e-mail address, a password or a phone.
const CREDENTIAL: usize = 1024;
/// What every Fernet token begins with: version 0x80 and the zeros of a time before the year 2242.
const TOKEN: &str = "gAAAA";

/// Why a row is no store, or cannot be opened. Names the field, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoundError {
    /// Not a JSON object.
    #[error("it is no JSON object")]
    NotAnObject,
    /// There is no merchant to store it under.
    #[error("merchant_id is missing, or has other than 1 to 64 letters, digits, '_' or '-'")]
    NoMerchant,
    /// A field is none of the known shapes.
    #[error("{field} cannot be read: {what}")]
    Shape {
        /// The field.
        field: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// A field is sealed and no key was given.
    #[error("{field} is sealed: give the ENCRYPTION_KEY that it was sealed with")]
    NoKey {
        /// The field.
        field: &'static str,
    },
    /// A field does not open.
    #[error("{field} cannot be opened: {source}")]
    Sealed {
        /// The field.
        field: &'static str,
        /// Why.
        source: OpenError,
    },
}

/// Reads one store from its row as JSON: an object of `merchant_id` (or `merchant_uid`), `user_id`, `name`, `guid`,
/// `kaspi_email`, `kaspi_password`, `store_points`, `is_active`, `updated_at`; any but the first may be missing, empty or a
/// text that holds the value, as a CSV file has it. Where there is no `guid`, its parts may stand beside the columns:
/// `cookies`, `email`, `password`, `phone`, `authenticated_at`. `guid` may be plain or sealed, `kaspi_email` and
/// `kaspi_password` plain texts or Fernet tokens; what is sealed is opened with `keys`.
///
/// # Errors
/// See [`FoundError`].
pub fn found_from_json(value: Value, keys: Option<&KeyRing>) -> Result<FoundStore, FoundError> {
    let Value::Object(map) = value else { return Err(FoundError::NotAnObject) };
    // From here on, what is secret in it is wiped.
    let row = SecretMap(map);
    let merchant_uid = text(&row, "merchant_id")
        .or_else(|| text(&row, "merchant_uid"))
        .and_then(|text| MerchantUid::parse(text.trim()).ok())
        .ok_or(FoundError::NoMerchant)?;
    let guid = guid(&merchant_uid, &row, keys)?;
    let cookies =
        guid.as_ref().map_or(Ok(Vec::new()), Guid::cookies).map_err(|error| refused("guid", error))?;
    if cookies.len() > COOKIES {
        return Err(FoundError::Shape { field: "guid", what: "it has too many cookies" });
    }
    let column = |field, key| credential(&merchant_uid, &row, field, key, keys);
    let within = |key: &str| guid.as_ref().and_then(|guid| guid.text(key)).map(str::to_owned);
    let email = column("kaspi_email", "email")?.map(|email| email.expose_secret().to_owned());
    let password = column("kaspi_password", "password")?;
    let user_id = text(&row, "user_id")
        .map(|text| UserId::parse(&text))
        .transpose()
        .map_err(|error| FoundError::Shape { field: "user_id", what: error.0 })?;
    Ok(FoundStore {
        user_id,
        name: text(&row, "name"),
        points: row.get("store_points").map(|value| points(&value.to_string())).unwrap_or_default(),
        cookies,
        email: email.or_else(|| within("email")),
        password: password.or_else(|| guid.as_ref().and_then(Guid::password)),
        phone: within("phone"),
        code_verified: guid.as_ref().is_some_and(Guid::code_verified),
        authenticated_at: guid.as_ref().and_then(Guid::authenticated_at),
        is_active: flag(&row, "is_active").unwrap_or(true),
        updated_at: text(&row, "updated_at")
            .and_then(|text| Instant::parse(&text).ok())
            .map(|instant| instant.0),
        merchant_uid,
    })
}

/// The session's object, opened.
fn guid(uid: &MerchantUid, row: &SecretMap, keys: Option<&KeyRing>) -> Result<Option<Guid>, FoundError> {
    const FIELD: &str = "guid";
    const PARTS: [&str; 7] =
        ["cookies", "email", "password", "phone", "authenticated_at", "sms_verified", "auth_method"];
    let stored = match row.get(FIELD) {
        None | Some(Value::Null) => {
            let parts = PARTS.into_iter().filter_map(|key| Some((key.to_owned(), row.get(key)?.clone())));
            let parts: Map<String, Value> = parts.collect();
            (!parts.is_empty()).then(|| StoredGuid::Plain(SecretMap(parts)))
        }
        Some(value) => StoredGuid::of(value).map_err(|error| refused(FIELD, error))?,
    };
    let opened = match (stored, keys) {
        (None, _) => return Ok(None),
        (Some(StoredGuid::Plain(map)), _) => Guid::plain(uid, map),
        (Some(StoredGuid::Sealed(_)), None) => return Err(FoundError::NoKey { field: FIELD }),
        (Some(stored @ StoredGuid::Sealed(_)), Some(ring)) => open_with(ring, uid, stored, false),
    };
    opened.map(Some).map_err(|error| refused(FIELD, error))
}

/// A column of one secret: a token of `{"<key>": …}` or of the bare text, the object unsealed, `{"encrypted": …}`, or the text
/// itself.
fn credential(
    uid: &MerchantUid,
    row: &SecretMap,
    field: &'static str,
    key: &str,
    keys: Option<&KeyRing>,
) -> Result<Option<SecretString>, FoundError> {
    let shape = |what| FoundError::Shape { field, what };
    let text = match row.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => Zeroizing::new(text.clone()),
        Some(Value::Number(number)) => Zeroizing::new(number.to_string()),
        Some(object @ Value::Object(_)) => Zeroizing::new(object.to_string()),
        Some(_) => return Err(shape("neither a text nor an object")),
    };
    // Only an object of the known keys is taken apart: a password may begin with any sign.
    let object = serde_json::from_str::<Map<String, Value>>(&text).ok().map(SecretMap);
    let within = |key: &str| object.as_ref().and_then(|object| object.get(key)).and_then(Value::as_str);
    let token = within("encrypted").or_else(|| text.starts_with(TOKEN).then_some(text.as_str()));
    let opened = match (token, keys) {
        (Some(_), None) => return Err(FoundError::NoKey { field }),
        (Some(token), Some(ring)) => {
            unsealed(ring, uid, key, token).map_err(|source| FoundError::Sealed { field, source })?
        }
        (None, _) => within(key).unwrap_or(&text).to_owned().into(),
    };
    if opened.expose_secret().len() > CREDENTIAL {
        return Err(shape("it is too long"));
    }
    Ok(Some(opened).filter(|opened| !opened.expose_secret().is_empty()))
}

fn unsealed(ring: &KeyRing, uid: &MerchantUid, key: &str, token: &str) -> Result<SecretString, OpenError> {
    match Envelope::MERCHANT.open_for(ring, uid.as_str(), token, Legacy::Accept) {
        Ok(object) => Ok(object.text(key).unwrap_or_default().to_owned().into()),
        // Some generations sealed the bare text, or the text as JSON.
        Err(OpenError::NotJson) => {
            let bytes = ring.open(token)?;
            if let Ok(text) = serde_json::from_slice::<String>(&bytes) {
                return Ok(text.into());
            }
            std::str::from_utf8(&bytes).map(|text| text.to_owned().into()).map_err(|_| OpenError::NotJson)
        }
        Err(error) => Err(error),
    }
}

fn refused(field: &'static str, error: GuidError) -> FoundError {
    match error {
        GuidError::Sealed(source) => FoundError::Sealed { field, source },
        GuidError::Shape(what) => FoundError::Shape { field, what },
    }
}

/// A text or a number; an empty one is none.
fn text(row: &SecretMap, field: &str) -> Option<String> {
    match row.get(field)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A flag, as JSON or as PostgreSQL and spreadsheets spell it; what is none of these says nothing.
fn flag(row: &SecretMap, field: &str) -> Option<bool> {
    match row.get(field)? {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_i64() != Some(0)),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "1" | "yes" => Some(true),
            "f" | "false" | "0" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const UID: &str = "17";

    fn ring() -> KeyRing {
        KeyRing::parse(&KeyRing::generate_key()).unwrap()
    }

    fn token(ring: &KeyRing, object: &Value) -> String {
        ring.seal(object.to_string().as_bytes(), 1_700_000_000)
    }

    fn session() -> Value {
        json!({
            "cookies": [{"name": "mc-sid", "value": "v"}], "email": "in@example.kz", "password": "inner",
            "authenticated_at": "2026-01-02T03:04:05+00:00", "sms_verified": true,
        })
    }

    #[test]
    fn every_shape_of_a_session_is_read() {
        let ring = ring();
        let sealed = token(&ring, &session());
        for guid in [
            session(),
            json!(session().to_string()),
            json!({ "encrypted": sealed }),
            json!(json!({ "encrypted": sealed }).to_string()),
            json!(sealed),
            json!(format!("\"{sealed}\"")),
        ] {
            let found = found_from_json(json!({ "merchant_id": UID, "guid": guid }), Some(&ring)).unwrap();
            assert_eq!(found.cookies[0].value.expose_secret(), "v");
            assert_eq!((found.email.as_deref(), found.code_verified), (Some("in@example.kz"), true));
            assert_eq!(found.authenticated_at, Some("2026-01-02T03:04:05Z".parse().unwrap()));
        }
        for guid in [Value::Null, json!({}), json!(""), json!("{}"), json!("null")] {
            let found = found_from_json(json!({ "merchant_id": 17, "guid": guid }), None).unwrap();
            assert!(found.cookies.is_empty());
        }
    }

    #[test]
    fn every_shape_of_a_credential_is_read() {
        let ring = ring();
        for password in [
            json!("{plain"),
            json!(token(&ring, &json!({ "password": "{plain" }))),
            json!(token(&ring, &json!("{plain"))),
            json!(ring.seal(b"{plain", 1)),
            json!({ "encrypted": token(&ring, &json!({ "password": "{plain", "merchant_uid": 17 })) }),
            json!({ "password": "{plain" }),
        ] {
            let row = json!({ "merchant_id": UID, "guid": session(), "kaspi_password": password });
            let found = found_from_json(row, Some(&ring)).unwrap();
            assert_eq!(found.password.unwrap().expose_secret(), "{plain", "the column counts more");
            assert_eq!(found.email.as_deref(), Some("in@example.kz"));
        }
    }

    #[test]
    fn a_row_of_texts_is_read_as_a_row_of_values() {
        let row = json!({
            "merchant_id": " 17 ", "user_id": "7", "name": "Лавка", "guid": "", "kaspi_email": "a@example.kz",
            "kaspi_password": "p", "store_points": r#"{"PP1": {"city_id": 750000000, "enabled": true}}"#,
            "is_active": "f", "updated_at": "2026-01-02 03:04:05",
        });
        let found = found_from_json(row, None).unwrap();
        assert_eq!((found.merchant_uid.as_str(), found.is_active), (UID, false));
        assert_eq!(found.user_id, Some(UserId::parse("7").unwrap()));
        assert_eq!(found.points["PP1"].city_id.as_deref(), Some("750000000"));
        assert_eq!(found.updated_at, Some("2026-01-02T03:04:05Z".parse().unwrap()));
        let bare = json!({ "merchant_uid": UID, "phone": "87001234567", "is_active": null });
        let found = found_from_json(bare, None).unwrap();
        assert_eq!((found.phone.as_deref(), found.is_active), (Some("87001234567"), true));
    }

    #[test]
    fn what_cannot_be_read_says_where_and_never_what() {
        let (ring, other) = (ring(), ring());
        let mut foreign = session();
        foreign["merchant_uid"] = json!("canary");
        let sealed = token(&other, &session());
        let many: Vec<Value> = (0..=COOKIES).map(|_| json!({"name": "canary", "value": "canary"})).collect();
        let row = |field: &str, value: Value| {
            let mut row = json!({ "merchant_id": UID });
            row[field] = value;
            row
        };
        for (row, expected) in [
            (json!(["canary"]), FoundError::NotAnObject),
            (json!({ "merchant_id": "canary canary" }), FoundError::NoMerchant),
            (
                row("guid", json!("canary")),
                FoundError::Sealed { field: "guid", source: OpenError::Malformed },
            ),
            (
                row("guid", json!({ "encrypted": sealed })),
                FoundError::Sealed { field: "guid", source: OpenError::NotAuthentic },
            ),
            (row("guid", foreign), FoundError::Sealed { field: "guid", source: OpenError::WrongSubject }),
            (
                row("guid", json!({ "cookies": many })),
                FoundError::Shape { field: "guid", what: "it has too many cookies" },
            ),
            (
                row("kaspi_password", json!(sealed)),
                FoundError::Sealed { field: "kaspi_password", source: OpenError::NotAuthentic },
            ),
            (
                row("kaspi_email", json!(["canary"])),
                FoundError::Shape { field: "kaspi_email", what: "neither a text nor an object" },
            ),
            (
                row("kaspi_email", json!("canary".repeat(1000))),
                FoundError::Shape { field: "kaspi_email", what: "it is too long" },
            ),
        ] {
            let error = found_from_json(row, Some(&ring)).unwrap_err();
            assert_eq!(error, expected);
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
        for field in ["guid", "kaspi_email"] {
            let error = found_from_json(row(field, json!(sealed)), None).unwrap_err();
            assert_eq!(
                error,
                FoundError::NoKey { field: if field == "guid" { "guid" } else { "kaspi_email" } }
            );
        }
    }
}
