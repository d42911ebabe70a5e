//! What the cabinet says of a merchant: uid, shop name, logo, points (CONTRACT, section 4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::MerchantUid;

/// A point of sale or pick-up, as `getMerchant` lists it. Stored in `store_points` under its name (`PP1` …).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Point {
    /// The id of the point's city, a public KATO id (CONTRACT, section 4, "City ids").
    #[serde(default)]
    pub city_id: Option<String>,
    /// The name of the point's city.
    #[serde(default)]
    pub city_name: Option<String>,
    /// Whether the merchant sells from it.
    #[serde(default)]
    pub enabled: bool,
}

/// The points of a store by name.
pub type Points = BTreeMap<String, Point>;

/// A merchant of the account that signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// The portal's id.
    pub uid: MerchantUid,
    /// The shop name; `None` where the cabinet did not tell.
    pub name: Option<String>,
    /// Where the logo is.
    pub logo_url: Option<String>,
    /// The points by name.
    pub points: Points,
}

/// One of several merchants to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantChoice {
    /// The portal's id: what an answer names.
    pub uid: MerchantUid,
    /// The shop name, where it is known at that moment.
    pub name: Option<String>,
}
