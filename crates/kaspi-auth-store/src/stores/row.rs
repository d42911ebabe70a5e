//! A store as a row, in whatever shape an adopted table has it.

use jiff::Timestamp;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::{MerchantUid, UserId};
use kaspi_auth_core::merchant::{Point, Points};
use kaspi_auth_core::port::RepositoryError;
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::store::Store;
use serde_json::Value;
use uuid::Uuid;

use super::{TABLE, stored_guid};
use crate::failure;
use crate::sealed::Sealer;
use crate::values::{Instant, driver_of, engine_of, from_micros};

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "the columns of the predecessor's table")]
pub(crate) struct StoreRow {
    id: String,
    pub(crate) merchant_id: String,
    user_id: Option<String>,
    name: Option<String>,
    auth_logo_url: Option<String>,
    store_points: Option<String>,
    is_active: bool,
    needs_reauth: bool,
    reauth_reason: Option<String>,
    auth_generation: i64,
    has_session: bool,
    has_password: bool,
    /// The session of a row that is not ours: only opening it tells whether it holds a password.
    unopened: Option<String>,
    auth_validity: String,
    auth_signed_in_at: Option<i64>,
    auth_checked_at: Option<i64>,
    auth_engine: Option<String>,
    auth_driver: Option<String>,
    auth_egress: Option<Uuid>,
    created_at: Option<Instant>,
    updated_at: Option<Instant>,
}

impl StoreRow {
    /// The store.
    pub(crate) fn store(self, sealer: &Sealer) -> Result<Store, RepositoryError> {
        let merchant_uid = MerchantUid::parse(&self.merchant_id)
            .map_err(|error| failure::corrupt(TABLE, "merchant_id", &self.id, error))?;
        let user_id = holder(&merchant_uid, self.user_id.as_deref())?;
        let has_password = self.has_password
            || self.has_session && password_within(&merchant_uid, self.unopened.as_deref(), sealer);
        let created_at = self.created_at.map_or(Timestamp::UNIX_EPOCH, |instant| instant.0);
        Ok(Store {
            id: store_id(&self.id, sealer),
            merchant_uid,
            user_id,
            name: self.name,
            logo_url: self.auth_logo_url,
            points: self.store_points.as_deref().map(points).unwrap_or_default(),
            is_active: self.is_active,
            needs_reauth: self.needs_reauth,
            reauth_reason: self.reauth_reason,
            generation: self.auth_generation,
            has_session: self.has_session,
            has_password,
            validity: validity(&self.auth_validity),
            engine: self.auth_engine.as_deref().and_then(engine_of),
            driver: self.auth_driver.as_deref().and_then(driver_of),
            egress: self.auth_egress.map(EgressId),
            authenticated_at: self.auth_signed_in_at.map(from_micros),
            checked_at: self.auth_checked_at.map(from_micros),
            created_at,
            updated_at: self.updated_at.map_or(created_at, |instant| instant.0),
        })
    }
}

/// Who holds the store.
pub(super) fn holder(uid: &MerchantUid, user_id: Option<&str>) -> Result<Option<UserId>, RepositoryError> {
    user_id.map(UserId::parse).transpose().map_err(|error| failure::corrupt(TABLE, "user_id", uid, error))
}

/// An unknown word is unknown.
pub(super) fn validity(text: &str) -> Validity {
    match text {
        "alive" => Validity::Alive,
        "dead" => Validity::Dead,
        _ => Validity::Unknown,
    }
}

/// A UUID is itself. Of another id a UUID of version 8 is made: a whole number stands in its last 62 bits, of any other text
/// a keyed digest does. So the same row has the same id for good.
fn store_id(text: &str, sealer: &Sealer) -> Uuid {
    if let Ok(uuid) = Uuid::parse_str(text) {
        return uuid;
    }
    let mut bytes = [0; 16];
    if let Ok(number) = text.parse::<u64>() {
        bytes[..8].copy_from_slice(b"kaspi-id");
        bytes[8..].copy_from_slice(&number.to_be_bytes());
    } else {
        bytes.copy_from_slice(&sealer.store_id(text)[..16]);
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The points, in the predecessor's shapes: city ids may be numbers, a point may be a bare name, all of it may be a JSON text.
pub(crate) fn points(text: &str) -> Points {
    fn of(value: &Value) -> Points {
        match value {
            Value::Object(map) => map.iter().map(|(name, point)| (name.clone(), point_of(point))).collect(),
            Value::String(text) => {
                serde_json::from_str(text).map(|inner: Value| of(&inner)).unwrap_or_default()
            }
            _ => Points::new(),
        }
    }
    serde_json::from_str(text).map(|value: Value| of(&value)).unwrap_or_default()
}

fn point_of(value: &Value) -> Point {
    let text = |key: &str| match value.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    Point {
        city_id: text("city_id"),
        city_name: text("city_name"),
        enabled: value.get("enabled").and_then(Value::as_bool).unwrap_or(false),
    }
}

/// Whether a session that another program wrote holds a password. One that does not open holds none for us.
fn password_within(uid: &MerchantUid, guid: Option<&str>, sealer: &Sealer) -> bool {
    let Ok(Some(stored)) = stored_guid(uid, guid) else { return false };
    sealer.open_guid(uid, stored, false).is_ok_and(|guid| guid.text("password").is_some())
}
