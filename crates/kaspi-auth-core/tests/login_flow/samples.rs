//! What the samples of states and events have in common: times, people, merchants.

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::account::Account;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::id::{LoginId, MerchantUid, NodeId};
use kaspi_auth_core::login::{Driver, EngineChoice, Limits, Login, LoginState, WhenSeveral};
use kaspi_auth_core::merchant::MerchantChoice;
use kaspi_auth_core::store::StoreSummary;

/// Lists the variants of an enum once: as a list of names, and as a match that no new variant slips through.
macro_rules! variants {
    ($(#[$doc:meta])* $names:ident, $name:ident, $of:ident: $($variant:ident => $text:literal,)+) => {
        $(#[$doc])*
        pub const $names: &[&str] = &[$($text),+];

        /// The name of the variant.
        pub fn $name(value: &$of) -> &'static str {
            match value {
                $($of::$variant { .. } => $text,)+
            }
        }
    };
}
pub(crate) use variants;

/// A time, counted from the moment at which the login was asked for.
pub fn at(minutes: i64, seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes) + SignedDuration::from_secs(seconds)
}

/// The time `mm:ss`, counted as in [`at`].
pub fn clock(time: Timestamp) -> String {
    let seconds = time.as_second();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

/// A merchant's uid.
pub fn uid(text: &str) -> MerchantUid {
    MerchantUid::parse(text).unwrap()
}

/// The merchants that the portal lists: 11 and 22. 99 is never among them.
pub fn listed() -> Vec<MerchantChoice> {
    ["11", "22"].map(|text| MerchantChoice { uid: uid(text), name: None }).to_vec()
}

/// The store that a login ends with.
pub fn store() -> StoreSummary {
    StoreSummary { merchant_uid: uid("11"), shop_name: Some("Shop".to_owned()), points: [].into() }
}

/// What the caller said when it asked for the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: ask, and drive it by whatever works.
    Ask,
    /// Merchant 22, which is listed.
    Listed,
    /// Merchant 99, which is not.
    Unlisted,
    /// Whichever comes first.
    First,
    /// No browser.
    Direct,
    /// A browser, and a node's browser holds the page.
    Browser,
}

impl Wish {
    /// Every wish, the plain one first.
    pub const ALL: [Self; 6] =
        [Self::Ask, Self::Listed, Self::Unlisted, Self::First, Self::Direct, Self::Browser];

    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ask => "asks",
            Self::Listed => "wants_listed",
            Self::Unlisted => "wants_unlisted",
            Self::First => "takes_first",
            Self::Direct => "wants_direct",
            Self::Browser => "held_by_a_browser",
        }
    }

    /// What it stands for.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ask => "The caller named no merchant and wants to be asked",
            Self::Listed => "The caller wants merchant 22, and the portal lists it",
            Self::Unlisted => "The caller wants merchant 99, and the portal lists others",
            Self::First => "The caller named no merchant and takes the first",
            Self::Direct => "The caller wants no browser",
            Self::Browser => "A browser drives the login, and its page is held by a node",
        }
    }
}

/// A login in `state`, asked for at 00:00 with `wish`, over at 20:00.
pub fn login(state: LoginState, wish: Wish) -> Login {
    let wanted = match wish {
        Wish::Listed => Some(uid("22")),
        Wish::Unlisted => Some(uid("99")),
        Wish::Ask | Wish::First | Wish::Direct | Wish::Browser => None,
    };
    let by_browser = wish == Wish::Browser;
    Login {
        origin: kaspi_auth_core::keeping::Origin::Caller,
        code_source: None,
        id: LoginId(uuid::Uuid::nil()),
        version: 7,
        user_id: None,
        account: Account::email("merchant@example.kz").unwrap(),
        engine: if wish == Wish::Direct { EngineChoice::Direct } else { EngineChoice::Auto },
        driver: if by_browser { Driver::Browser } else { Driver::Direct },
        egress: EgressId::DIRECT,
        holder: by_browser.then_some(NodeId(uuid::Uuid::nil())),
        store_password: true,
        wanted,
        when_several: if wish == Wish::First { WhenSeveral::First } else { WhenSeveral::Ask },
        code_verified: false,
        state,
        created_at: at(0, 0),
        updated_at: at(1, 0),
        expires_at: at(0, 0) + Limits::default().login,
    }
}
