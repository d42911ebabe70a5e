//! Stores on the wire.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kaspi_auth_core::id::{MerchantUid, UserId};
use kaspi_auth_core::login::{Driver, EngineChoice};
use kaspi_auth_core::merchant::{Point, Points};
use kaspi_auth_core::store::{Store, StoreChange, StoreFilter, StoreStatus};
use kaspi_auth_core::stores::Page;
use kaspi_auth_core::{Code, Error};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A point of sale or pick-up.
#[derive(Serialize, ToSchema)]
pub struct PointView {
    /// The id of the point's city, a public KATO id.
    city_id: Option<String>,
    /// The name of the point's city.
    city_name: Option<String>,
    /// Whether the merchant sells from it.
    enabled: bool,
}

impl From<&Point> for PointView {
    fn from(point: &Point) -> Self {
        Self { city_id: point.city_id.clone(), city_name: point.city_name.clone(), enabled: point.enabled }
    }
}

pub(super) fn points(points: &Points) -> BTreeMap<String, PointView> {
    points.iter().map(|(name, point)| (name.clone(), point.into())).collect()
}

/// A store.
#[derive(Serialize, ToSchema)]
pub struct StoreView {
    /// The row's id; stays the same through every repair.
    id: Uuid,
    /// The portal's id of the merchant.
    merchant_uid: String,
    /// Who holds it.
    user_id: Option<String>,
    /// The shop name.
    shop_name: Option<String>,
    /// Where the logo is.
    logo_url: Option<String>,
    /// The points by name.
    points: BTreeMap<String, PointView>,
    /// `active`, `needs_reauth` or `inactive`.
    status: &'static str,
    /// Why a person must sign in again, when so.
    reauth_reason: Option<String>,
    /// Counts up with each new session.
    generation: i64,
    /// What the last look at the session said: `alive`, `dead` or `unknown`.
    validity: &'static str,
    /// Whether a session is held.
    has_session: bool,
    /// Whether a password is held for signing in again.
    has_password: bool,
    /// What its logins are driven by: `auto`, `direct` or `browser`; null: whatever the configuration says.
    engine: Option<&'static str>,
    /// What drove the login that brought the session: `direct` or `browser`.
    driver: Option<&'static str>,
    /// The egress that the session was won on and is used on; the nil UUID is the direct one.
    egress_id: Option<Uuid>,
    /// When the portal let us in.
    authenticated_at: Option<Timestamp>,
    /// When the session was last looked at.
    checked_at: Option<Timestamp>,
    /// When the row was made.
    created_at: Timestamp,
    /// When the row last changed.
    updated_at: Timestamp,
}

impl From<&Store> for StoreView {
    fn from(store: &Store) -> Self {
        Self {
            id: store.id,
            merchant_uid: store.merchant_uid.to_string(),
            user_id: store.user_id.as_ref().map(ToString::to_string),
            shop_name: store.name.clone(),
            logo_url: store.logo_url.clone(),
            points: points(&store.points),
            status: store.status().as_str(),
            reauth_reason: store.reauth_reason.clone(),
            generation: store.generation,
            validity: store.validity.as_str(),
            has_session: store.has_session,
            has_password: store.has_password,
            engine: store.engine.map(EngineChoice::as_str),
            driver: store.driver.map(Driver::as_str),
            egress_id: store.egress.map(|egress| egress.0),
            authenticated_at: store.authenticated_at,
            checked_at: store.checked_at,
            created_at: store.created_at,
            updated_at: store.updated_at,
        }
    }
}

/// A page of stores in the order of their uid.
#[derive(Serialize, ToSchema)]
pub struct StorePage {
    /// What is on it.
    stores: Vec<StoreView>,
    /// The `cursor` of the next page; null on the last.
    next_cursor: Option<String>,
}

impl From<Page> for StorePage {
    fn from(page: Page) -> Self {
        Self {
            stores: page.stores.iter().map(Into::into).collect(),
            next_cursor: page.next.map(|uid| uid.to_string()),
        }
    }
}

/// Which stores to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StoreQuery {
    /// Only those that this user holds.
    #[param(min_length = 1, max_length = 255)]
    user_id: Option<String>,
    /// Only those that stand so: `active`, `needs_reauth`, `inactive`.
    #[param(pattern = "^(active|needs_reauth|inactive)$")]
    status: Option<String>,
    /// How many on a page: 1 to 500, 50 when left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    cursor: Option<String>,
}

impl StoreQuery {
    pub(crate) fn read(self) -> Result<StoreFilter, Error> {
        let unfit = |what: &str| Error::new(Code::InvalidValue, what);
        let status = match self.status.as_deref() {
            None => None,
            Some("active") => Some(StoreStatus::Active),
            Some("needs_reauth") => Some(StoreStatus::NeedsReauth),
            Some("inactive") => Some(StoreStatus::Inactive),
            Some(_) => return Err(unfit("status is active, needs_reauth or inactive.")),
        };
        let limit = self.limit.unwrap_or(50);
        if !(1..=500).contains(&limit) {
            return Err(unfit("limit is 1 to 500."));
        }
        Ok(StoreFilter {
            user_id: self
                .user_id
                .as_deref()
                .map(UserId::parse)
                .transpose()
                .map_err(|error| unfit(error.0))?,
            status,
            after: self
                .cursor
                .as_deref()
                .map(MerchantUid::parse)
                .transpose()
                .map_err(|_| unfit("cursor is the next_cursor of the page before."))?,
            limit,
        })
    }
}

/// What to change of a store. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"is_active": false}))]
pub struct StoreChangeBody {
    /// Another display name, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    shop_name: Option<String>,
    /// On or off: an inactive store is kept and not served.
    is_active: Option<bool>,
    /// Another holder, or null for none. Only with a service's key.
    #[serde(default, deserialize_with = "super::present")]
    #[expect(clippy::option_option, reason = "left out, null and a value are three things")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    user_id: Option<Option<String>>,
    /// What logins of the store are driven by: `auto`, `direct` or `browser`; null: whatever the configuration says.
    #[serde(default, deserialize_with = "super::present")]
    #[expect(clippy::option_option, reason = "left out, null and a value are three things")]
    #[schema(value_type = Option<String>, pattern = "^(auto|direct|browser)$")]
    engine: Option<Option<String>>,
    /// True forgets the stored password.
    forget_password: Option<bool>,
}

impl StoreChangeBody {
    pub(crate) fn read(self) -> Result<StoreChange, Error> {
        let unfit = |what: &str| Error::new(Code::InvalidValue, what);
        let name = self.shop_name.map(|name| name.trim().to_owned());
        if name.as_ref().is_some_and(|name| {
            name.is_empty() || name.chars().count() > 255 || name.chars().any(char::is_control)
        }) {
            return Err(unfit("shop_name has 1 to 255 printable characters."));
        }
        let user_id = match self.user_id {
            None => None,
            Some(None) => Some(None),
            Some(Some(user)) => Some(Some(UserId::parse(&user).map_err(|error| unfit(error.0))?)),
        };
        let engine = match self.engine {
            None => None,
            Some(None) => Some(None),
            Some(Some(engine)) => Some(Some(super::engine(&engine)?)),
        };
        Ok(StoreChange {
            name,
            is_active: self.is_active,
            user_id,
            engine,
            forget_password: self.forget_password.unwrap_or(false),
        })
    }
}
