//! A merchant's shop as we hold it: what a row of `kaspi_stores` says, without its secrets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::egress::EgressId;
use crate::id::{MerchantUid, UserId};
use crate::login::{Driver, EngineChoice};
use crate::merchant::Points;
use crate::session::Validity;

/// A store. Its session and credentials are sealed and come by other ways.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the columns of the predecessor's table")]
pub struct Store {
    /// The row's id: stays the same through every repair.
    pub id: Uuid,
    /// The portal's id, unique.
    pub merchant_uid: MerchantUid,
    /// Who holds it; `None` for stores of the company's own services.
    pub user_id: Option<UserId>,
    /// The shop name.
    pub name: Option<String>,
    /// Where the logo is.
    pub logo_url: Option<String>,
    /// The points by name.
    pub points: Points,
    /// Switched off stores are kept but not served.
    pub is_active: bool,
    /// A person must sign in again.
    pub needs_reauth: bool,
    /// Why, when so.
    pub reauth_reason: Option<String>,
    /// Counts up with each new session; 0 = none of ours yet.
    pub generation: i64,
    /// Whether a session is held at all.
    pub has_session: bool,
    /// Whether a password is held for signing in again.
    pub has_password: bool,
    /// What the last look at the session said.
    pub validity: Validity,
    /// What logins of the store are driven by, where somebody has said.
    pub engine: Option<EngineChoice>,
    /// What drove the login that brought the session.
    pub driver: Option<Driver>,
    /// The way out that the session was won on and is used on.
    pub egress: Option<EgressId>,
    /// When the portal let us in.
    pub authenticated_at: Option<Timestamp>,
    /// When the session was last looked at.
    pub checked_at: Option<Timestamp>,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

impl Store {
    /// Where the store stands, in one word: what lists filter by.
    pub fn status(&self) -> StoreStatus {
        match (self.is_active, self.needs_reauth, self.has_session) {
            (false, _, _) => StoreStatus::Inactive,
            (true, true, _) | (true, false, false) => StoreStatus::NeedsReauth,
            (true, false, true) => StoreStatus::Active,
        }
    }
}

/// Where a store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreStatus {
    /// Has a session that nobody has found dead beyond repair.
    Active,
    /// A person must sign in again, or nobody ever did.
    NeedsReauth,
    /// Switched off.
    Inactive,
}

impl StoreStatus {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NeedsReauth => "needs_reauth",
            Self::Inactive => "inactive",
        }
    }
}

/// What a succeeded login shows of its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSummary {
    /// The portal's id.
    pub merchant_uid: MerchantUid,
    /// The shop name.
    pub shop_name: Option<String>,
    /// The points by name.
    pub points: Points,
}

/// What may be changed of a store by hand. `None` leaves a part as it is.
#[derive(Debug, Clone, Default)]
pub struct StoreChange {
    /// Another display name.
    pub name: Option<String>,
    /// On or off.
    pub is_active: Option<bool>,
    /// Another holder; only for [`Tenant::All`](crate::tenant::Tenant::All).
    pub user_id: Option<Option<UserId>>,
    /// What its logins are driven by; `Some(None)`: whatever the configuration says.
    pub engine: Option<Option<EngineChoice>>,
    /// Forget the stored password.
    pub forget_password: bool,
}

/// Which stores to list.
#[derive(Debug, Clone)]
pub struct StoreFilter {
    /// Only those that this user holds.
    pub user_id: Option<UserId>,
    /// Only those that stand so.
    pub status: Option<StoreStatus>,
    /// Only those after this uid: the cursor of the page before.
    pub after: Option<MerchantUid>,
    /// At most so many.
    pub limit: u32,
}
