//! Settings of cabinet sessions and of the cabinet's API.
//! It must not act on them.

use serde::{Deserialize, Serialize};

/// Lifetimes of cabinet sessions (CONTRACT 5: nobody measured them; 8.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionKnobs {
    /// A session dies after this many seconds without a call; 0 is never.
    pub idle_seconds: u64,
    /// A session dies this many seconds after it began; 0 is never.
    pub absolute_seconds: u64,
    /// Whether and how a session's cookie is renewed on the fly (CONTRACT 5, F3).
    pub renewal: Renewal,
    /// Time between two renewals, in seconds.
    pub renewal_seconds: u64,
    /// How long the old value stays good after a rotation, in seconds.
    pub rotation_grace_seconds: u64,
    /// Whether a second login ends the account's other sessions (CONTRACT 5: not seen; 8.2).
    pub second_login_kills: bool,
    /// A path of the cabinet host that ends the session and redirects to the site; none without, as for any unknown path
    /// (CONTRACT 5, 8.2).
    pub logout_path: Option<String>,
}

impl Default for SessionKnobs {
    fn default() -> Self {
        Self {
            idle_seconds: 24 * 3_600,
            absolute_seconds: 7 * 24 * 3_600,
            renewal: Renewal::Refresh,
            renewal_seconds: 900,
            rotation_grace_seconds: 300,
            second_login_kills: false,
            logout_path: None,
        }
    }
}

/// How a session's cookie is renewed on the fly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// Never.
    Off,
    /// The same value is set again.
    Refresh,
    /// A new value is set; the old one stays good for a while.
    Rotate,
}

/// The body of the 401 of `/s/m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnauthorizedBody {
    /// None.
    Empty,
    /// `{"status": 401, "error": "Unauthorized", "path": "/s/m"}`.
    Json,
}

/// The cabinet's API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an open question of its own")]
pub struct CabinetKnobs {
    /// Whether calls need `x-auth-version` (CONTRACT 8.10; 7.7: they do not).
    pub auth_version_required: bool,
    /// Whether a foreign `Origin` is refused with 403, rather than merely given no CORS headers (CONTRACT 8.10).
    pub refuse_foreign_origin: bool,
    /// Whether items of `/s/m` have a `name` (CONTRACT 8.8).
    pub merchants_have_names: bool,
    /// Whether items of `/s/m` have more fields: `logo`, `master`, `status` (CONTRACT 8.8).
    pub merchants_have_more: bool,
    /// The body of the 401 of `/s/m` (CONTRACT 8.8).
    pub unauthorized_body: UnauthorizedBody,
    /// HTTP status of a REST call about a merchant that is not the session's (CONTRACT 8.8).
    pub foreign_merchant_status: u16,
    /// Largest `size` of `getOrders` (CONTRACT 4).
    pub orders_size: u64,
    /// Price pushes allowed within the window before the block (CONTRACT 5: about 2 a second are fine, 3 are not).
    pub price_pushes: u32,
    /// The window of `price_pushes`, in seconds.
    pub price_window_seconds: u64,
    /// How long price pushes answer 429 after that, in seconds (CONTRACT 5: about 30 minutes).
    pub price_block_seconds: u64,
    /// How long an uploaded price file or an export takes, in seconds.
    pub job_seconds: u64,
    /// Whether an employee added by `add-email` is asked for a mailed code (CONTRACT 6).
    pub employees_need_codes: bool,
}

impl Default for CabinetKnobs {
    fn default() -> Self {
        Self {
            auth_version_required: false,
            refuse_foreign_origin: false,
            merchants_have_names: true,
            merchants_have_more: false,
            unauthorized_body: UnauthorizedBody::Empty,
            foreign_merchant_status: 403,
            orders_size: 10,
            price_pushes: 62,
            price_window_seconds: 30,
            price_block_seconds: 1_800,
            job_seconds: 5,
            employees_need_codes: false,
        }
    }
}
