//! Price pushes and their limit: about 2 a second are fine, 3 a second bring 429 for half an hour (CONTRACT 5).
//! It must not count pushes of one account against another.

use super::entry::Caller;
use crate::{
    account::AccountState,
    clock::{Millis, seconds},
    knobs::CabinetKnobs,
    reply,
    world::World,
};
use axum::{body::Bytes, extract::State, response::Response};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// Pushed prices that are kept for one merchant.
const SKUS: usize = 10_000;
/// Longest sku.
const SKU_LENGTH: usize = 200;

/// `POST /pricefeed/upload/merchant/process`.
pub(super) async fn push(State(world): State<Arc<World>>, Caller(grant): Caller, body: Bytes) -> Response {
    let knobs = world.knobs();
    if is_too_often(&mut grant.account.state.lock(), world.clock.now(), &knobs.cabinet) {
        return reply::empty(StatusCode::TOO_MANY_REQUESTS);
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let field = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (Some(uid), Some(sku)) = (field("merchantUid"), field("sku")) else {
        return reply::empty(StatusCode::BAD_REQUEST);
    };
    if !grant.opens(Some(uid)) {
        return reply::empty(reply::status(knobs.cabinet.foreign_merchant_status));
    }
    if let Some(price) = price(&body) {
        let mut prices = world.shops.prices.lock();
        let own = prices.entry(uid.to_owned()).or_default();
        if sku.len() <= SKU_LENGTH && (own.len() < SKUS || own.contains_key(sku)) {
            own.insert(sku.to_owned(), price);
        }
    }
    reply::ok(&json!({ "id": world.chance.uuid() }))
}

/// `price`, or the first of `cityPrices`.
fn price(body: &Value) -> Option<u64> {
    let first = || body.get("cityPrices")?.get(0)?.get("value");
    let price = body.get("price").filter(|price| !price.is_null()).or_else(first)?;
    price.as_u64().or_else(|| price.as_str()?.parse().ok())
}

/// Counts a push; `true` once the account is blocked.
fn is_too_often(state: &mut AccountState, now: Millis, knobs: &CabinetKnobs) -> bool {
    if state.price_blocked_until.is_some_and(|until| now < until) {
        return true;
    }
    state.price_blocked_until = None;
    let window = seconds(knobs.price_window_seconds);
    state.price_pushes.retain(|at| at.saturating_add(window) > now);
    if state.price_pushes.len() >= usize::try_from(knobs.price_pushes).unwrap_or(usize::MAX) {
        state.price_pushes.clear();
        state.price_blocked_until = Some(now.saturating_add(seconds(knobs.price_block_seconds)));
        return true;
    }
    state.price_pushes.push_back(now);
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pushes pass, at a steady rate, before the first refusal.
    fn passed(per_second: u64, pushes: u64) -> u64 {
        let mut state = AccountState::default();
        let knobs = CabinetKnobs::default();
        (0..pushes).take_while(|push| !is_too_often(&mut state, push * 1_000 / per_second, &knobs)).count()
            as u64
    }

    #[test]
    fn two_a_second_pass_and_three_do_not() {
        assert_eq!(passed(2, 5_000), 5_000);
        assert!(passed(3, 5_000) < 90);
    }

    #[test]
    fn a_block_ends_after_half_an_hour() {
        let mut state = AccountState::default();
        let knobs = CabinetKnobs::default();
        let refused_at = (0..100).find(|push| is_too_often(&mut state, *push, &knobs)).expect("a refusal");
        assert!(is_too_often(&mut state, refused_at + 1_799_000, &knobs));
        assert!(!is_too_often(&mut state, refused_at + 1_800_000, &knobs));
    }
}
