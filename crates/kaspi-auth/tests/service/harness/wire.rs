//! The API's answers as a careful client reads them: every field is known, so that nothing can slip out unnoticed.
//! Must not share a type with the service.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// A login.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub id: Uuid,
    pub state: String,
    pub method: String,
    pub engine: String,
    pub driver: String,
    pub egress_id: Uuid,
    pub account_masked: String,
    pub user_id: Option<String>,
    pub challenge: Option<Challenge>,
    pub store: Option<LoginStore>,
    pub error: Option<Trouble>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Login {
    /// The code of the error; empty without one.
    pub fn code(&self) -> &str {
        self.error.as_ref().map_or("", |error| error.code.as_str())
    }

    /// The code of why the last answer did not do; empty where there was none.
    pub fn last(&self) -> &str {
        let last = self.challenge.as_ref().and_then(|challenge| challenge.last_error.as_ref());
        last.map_or("", |error| error.code.as_str())
    }

    /// What is asked.
    #[track_caller]
    pub fn asked(&self) -> &Challenge {
        self.challenge.as_ref().unwrap_or_else(|| panic!("nothing is asked: {self:?}"))
    }

    /// The uid of the store that it opened.
    #[track_caller]
    pub fn uid(&self) -> String {
        self.store.as_ref().unwrap_or_else(|| panic!("no store came of it: {self:?}")).merchant_uid.clone()
    }

    /// Fails unless it stands so.
    #[track_caller]
    pub fn stands(self, state: &str) -> Self {
        assert_eq!(self.state, state, "{self:?}");
        self
    }
}

/// What is asked of the caller.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    pub kind: String,
    pub channel: Option<String>,
    pub destination_masked: Option<String>,
    pub sent_at: Timestamp,
    pub expires_at: Timestamp,
    pub attempts_left: Option<u32>,
    pub resend_after: Option<Timestamp>,
    pub merchants: Option<Vec<Merchant>>,
    pub instruction: Option<String>,
    pub picture_url: Option<String>,
    pub last_error: Option<Trouble>,
}

/// A merchant to choose.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merchant {
    pub uid: String,
    pub name: Option<String>,
}

/// The store of a login that succeeded.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginStore {
    pub merchant_uid: String,
    pub shop_name: Option<String>,
    pub points: BTreeMap<String, Point>,
}

/// A point of sale.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    pub city_id: Option<String>,
    pub city_name: Option<String>,
    pub enabled: bool,
}

/// Why something did not do.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    pub code: String,
    pub retryable: bool,
    pub detail: String,
    pub portal_message: Option<String>,
    pub retry_at: Option<Timestamp>,
}

/// A store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    pub id: Value,
    pub merchant_uid: String,
    pub user_id: Option<String>,
    pub shop_name: Option<String>,
    pub logo_url: Option<String>,
    pub points: BTreeMap<String, Point>,
    pub status: String,
    pub reauth_reason: Option<String>,
    pub generation: i64,
    pub validity: String,
    pub has_session: bool,
    pub has_password: bool,
    pub engine: Option<String>,
    pub driver: Option<String>,
    pub egress_id: Option<Uuid>,
    pub authenticated_at: Option<Timestamp>,
    pub checked_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What is known of keeping a store's session, as it is read with the store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keeping {
    pub can_refresh: bool,
    pub can_refresh_reason: String,
    pub valid_until_estimate: Option<Estimate>,
    pub next_look_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub last_refresh: Option<LastRefresh>,
}

impl Keeping {
    /// Its fields.
    pub const FIELDS: [&str; 6] = [
        "can_refresh",
        "can_refresh_reason",
        "valid_until_estimate",
        "next_look_at",
        "last_used_at",
        "last_refresh",
    ];
}

/// When a session is believed to end.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    pub at: Timestamp,
    pub basis: String,
    pub deaths: u64,
    pub observed: u64,
}

/// What the last refresh came to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastRefresh {
    pub at: Timestamp,
    pub rung: Option<String>,
    pub code: Option<String>,
    pub retry_at: Option<Timestamp>,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    pub id: Uuid,
    pub kind: String,
    pub total: u32,
    pub done: u32,
    pub results: BTreeMap<String, u32>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// A page of a batch's stores.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchStores {
    pub stores: Vec<BatchStore>,
    pub next_cursor: Option<String>,
}

/// A store of a batch.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchStore {
    pub merchant_uid: String,
    pub result: Option<String>,
    pub detail: String,
}

/// A page of a timeline.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    pub entries: Vec<Entry>,
    pub next_before: Option<i64>,
}

/// Something that happened to a store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub sequence: i64,
    pub at: Timestamp,
    pub first_at: Timestamp,
    pub times: u32,
    pub act: String,
    pub origin: String,
    pub rung: Option<String>,
    pub before: String,
    pub after: String,
    pub generation: i64,
    pub took_ms: i64,
    pub code: Option<String>,
    pub reason: String,
    pub login_id: Option<Uuid>,
}

/// Why a store stands as it does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    pub merchant_uid: String,
    pub cause: String,
    pub text: String,
    pub since: Option<Timestamp>,
    pub who_must_act: String,
    pub next_try: Option<Timestamp>,
    pub can_refresh: bool,
    pub can_refresh_reason: String,
    pub valid_until_estimate: Option<Estimate>,
    pub next_look_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub last_refresh: Option<LastRefresh>,
    pub language: String,
}

/// A page of stores.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorePage {
    pub stores: Vec<Store>,
    pub next_cursor: Option<String>,
}

/// A live session.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub merchant_uid: String,
    pub generation: i64,
    pub cookies: Vec<Value>,
    pub cookie_header: String,
    pub headers: BTreeMap<String, String>,
    pub cabinet_host: String,
    pub validity: String,
    pub authenticated_at: Option<Timestamp>,
    pub checked_at: Option<Timestamp>,
}

/// A way out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    pub id: Uuid,
    pub name: String,
    pub proxy: Option<Proxy>,
    pub enabled: bool,
    pub usable: bool,
    pub managed: bool,
    pub per_second: f64,
    pub burst: u32,
    pub in_flight: u32,
    pub health: Health,
    pub pinned_accounts: u64,
    pub checked_at: Option<Timestamp>,
    pub check_error: Option<String>,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A proxy, without its password.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    pub scheme: String,
    pub host: String,
    pub port: u16,
    pub username: Option<String>,
    pub has_password: bool,
}

/// How an egress fares.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    pub score: u8,
    pub blocks: u32,
    pub rest_until: Option<Timestamp>,
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    pub code: String,
    pub retryable: bool,
    pub retry_at: Option<Timestamp>,
    pub portal_message: Option<String>,
    pub request_id: String,
}
