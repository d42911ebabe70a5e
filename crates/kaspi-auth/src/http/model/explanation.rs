//! Why a store stands as it does, on the wire: with what is known of keeping its session, and in words.

use jiff::Timestamp;
use kaspi_auth_core::Code;
use kaspi_auth_core::explain::Explanation;
use kaspi_auth_core::keeping::{RefreshOutcome, Rung};
use serde::Serialize;
use utoipa::ToSchema;

use super::StoreView;
use crate::explain::{self, Language};

/// When a session is believed to end.
#[derive(Serialize, ToSchema)]
pub struct EstimateView {
    /// When.
    at: Timestamp,
    /// What that rests on: sessions of this `store`, of the whole `portal`, or the configured `default`.
    basis: &'static str,
    /// How many of those sessions were seen to die.
    deaths: usize,
    /// How many were seen at all.
    observed: usize,
}

/// What the last refresh of a store came to.
#[derive(Serialize, ToSchema)]
pub struct LastRefreshView {
    /// When it ended.
    at: Timestamp,
    /// The way that was tried last: `silent`, `password`, `code_source`, `person`.
    rung: Option<&'static str>,
    /// Why it failed: the code of an error. Null: a new session is stored.
    code: Option<&'static str>,
    /// From when a further try makes sense, where that is known.
    retry_at: Option<Timestamp>,
}

impl From<&RefreshOutcome> for LastRefreshView {
    fn from(outcome: &RefreshOutcome) -> Self {
        Self {
            at: outcome.at,
            rung: outcome.rung.map(Rung::as_str),
            code: outcome.code.map(Code::as_str),
            retry_at: outcome.retry_at,
        }
    }
}

/// What is known of keeping a store's session alive.
#[derive(Serialize, ToSchema)]
pub struct KeepingView {
    /// Whether the session can be renewed without a person.
    can_refresh: bool,
    /// Why: `sso_alive`, `has_password_and_device`, `has_password`, `has_code_source`; `needs_code_sms`, `needs_code_email`, `no_credentials`,
    /// `credentials_rejected`, `account_locked`, `portal_changed`, `frozen`, `attempts_exhausted`, `quiet_hours`, `account_mismatch`,
    /// `inactive`.
    can_refresh_reason: &'static str,
    /// When the session is believed to end; null without a live one whose age is known.
    valid_until_estimate: Option<EstimateView>,
    /// When the service looks at it next by itself; null: not by itself.
    next_look_at: Option<Timestamp>,
    /// When a consumer last used the session, to some minutes.
    last_used_at: Option<Timestamp>,
    /// What the last refresh came to; null before the first.
    last_refresh: Option<LastRefreshView>,
}

impl From<&Explanation> for KeepingView {
    fn from(known: &Explanation) -> Self {
        let (keeping, estimate) = (known.keeping.as_ref(), &known.estimate);
        Self {
            can_refresh: known.can_refresh.can,
            can_refresh_reason: known.can_refresh.reason.as_str(),
            valid_until_estimate: known.valid_until_estimate.map(|at| EstimateView {
                at,
                basis: estimate.basis.as_str(),
                deaths: estimate.deaths,
                observed: estimate.observed,
            }),
            next_look_at: known.next_try,
            last_used_at: keeping.and_then(|keeping| keeping.used_at),
            last_refresh: keeping.and_then(|keeping| keeping.outcome.as_ref()).map(Into::into),
        }
    }
}

/// A store, with what is known of keeping its session alive.
#[derive(Serialize, ToSchema)]
pub struct StoreDetailsView {
    #[serde(flatten)]
    store: StoreView,
    #[serde(flatten)]
    keeping: KeepingView,
}

impl From<&Explanation> for StoreDetailsView {
    fn from(known: &Explanation) -> Self {
        Self { store: (&known.store).into(), keeping: known.into() }
    }
}

/// Why a store stands as it does.
#[derive(Serialize, ToSchema)]
pub struct ExplanationView {
    /// The portal's id of the merchant.
    merchant_uid: String,
    /// How it stands: `alive`, `foreign_session`, `never_signed_in`, `refreshing`, `dead_unmended`, `portal_unavailable`, or what stands in the way, as in
    /// `can_refresh_reason`.
    cause: &'static str,
    /// All of it in words, for people.
    text: String,
    /// Since when it is so, where that is known.
    since: Option<Timestamp>,
    /// `nobody`, `merchant`, `operator` or `portal` (it passes by itself).
    who_must_act: &'static str,
    /// When the service looks or tries next by itself.
    next_try: Option<Timestamp>,
    #[serde(flatten)]
    keeping: KeepingView,
    /// What `text` is in: `en`, `ru` or `kk`.
    language: &'static str,
}

impl ExplanationView {
    pub(crate) fn new(known: &Explanation, language: Language, now: Timestamp) -> Self {
        Self {
            merchant_uid: known.store.merchant_uid.to_string(),
            cause: known.cause.as_str(),
            text: explain::story(language, known, now),
            since: known.since,
            who_must_act: known.actor.as_str(),
            next_try: known.next_try,
            keeping: known.into(),
            language: language.as_str(),
        }
    }
}
