//! The offers BFF (CONTRACT 4): lists with paging, and details in both forms. The goods are made up from the seed.
//! It must not keep goods in memory: only prices that were pushed.

use super::{
    catalogue,
    entry::{Caller, Parameters},
};
use crate::{
    account::{Grant, MerchantSpec},
    reply,
    world::World,
};
use axum::{body::Bytes, extract::State, response::Response};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// Largest page (CONTRACT 4).
const PAGE: usize = 100;
/// Offers asked for at once.
const MANY: usize = 1_000;

/// The merchant of `m`, or the refusal of one that is missing or foreign.
pub(super) fn merchant<'a>(
    world: &World,
    grant: &'a Grant,
    parameters: &Parameters,
    name: &str,
) -> Result<&'a MerchantSpec, Box<Response>> {
    let Some(uid) = parameters.get(name) else { return Err(Box::new(reply::empty(StatusCode::BAD_REQUEST))) };
    grant
        .merchant(uid)
        .ok_or_else(|| Box::new(reply::empty(reply::status(world.knobs().cabinet.foreign_merchant_status))))
}

fn offer(world: &World, merchant: &MerchantSpec, place: u32) -> Value {
    let sku = catalogue::sku(&merchant.uid, place);
    let price = world.shops.prices.lock().get(&merchant.uid).and_then(|prices| prices.get(&sku).copied());
    catalogue::offer(&world.chance, merchant, place, price)
}

/// `GET /bff/offer-view/list?m=&p=&l=&a=[&t=&c=…]`.
pub(super) async fn list(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
) -> Response {
    let merchant = match merchant(&world, &grant, &parameters, "m") {
        Ok(merchant) => merchant,
        Err(refusal) => return *refusal,
    };
    let number = |name: &str, default: usize| match parameters.get(name) {
        Some(text) => text.parse::<usize>().ok(),
        None => Some(default),
    };
    let (Some(page), Some(size @ 1..=PAGE)) = (number("p", 0), number("l", 10)) else {
        return reply::empty(StatusCode::BAD_REQUEST);
    };
    let active = parameters.get("a") != Some("false");
    let text = parameters.get("t").map(str::to_lowercase);
    let category = parameters.get("c");
    let places: Vec<u32> = (0..merchant.offers)
        .filter(|place| catalogue::is_active(*place) == active)
        .filter(|place| category.is_none_or(|category| catalogue::category(*place) == category))
        .filter(|place| {
            text.as_ref().is_none_or(|text| {
                catalogue::title(*place).to_lowercase().contains(text)
                    || catalogue::sku(&merchant.uid, *place).to_lowercase().contains(text)
            })
        })
        .collect();
    let data: Vec<Value> = places
        .iter()
        .skip(page.saturating_mul(size))
        .take(size)
        .map(|place| offer(&world, merchant, *place))
        .collect();
    reply::ok(&json!({ "data": data, "total": places.len() }))
}

/// `GET /bff/offer-view/details?m=&s=`.
pub(super) async fn details(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
) -> Response {
    let merchant = match merchant(&world, &grant, &parameters, "m") {
        Ok(merchant) => merchant,
        Err(refusal) => return *refusal,
    };
    match parameters.get("s").and_then(|sku| catalogue::place(merchant, sku)) {
        Some(place) => reply::ok(&offer(&world, merchant, place)),
        None => reply::empty(StatusCode::NOT_FOUND),
    }
}

/// `POST /offers/api/v1/offer/details?m=` with `{"sku": […]}`: a bare array.
pub(super) async fn details_of_many(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
    body: Bytes,
) -> Response {
    let merchant = match merchant(&world, &grant, &parameters, "m") {
        Ok(merchant) => merchant,
        Err(refusal) => return *refusal,
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(wanted) = body.get("sku").and_then(Value::as_array).filter(|list| list.len() <= MANY) else {
        return reply::empty(StatusCode::BAD_REQUEST);
    };
    let offers: Vec<Value> = wanted
        .iter()
        .filter_map(|sku| catalogue::place(merchant, sku.as_str()?))
        .map(|place| offer(&world, merchant, place))
        .collect();
    reply::ok(&offers)
}

/// `GET /offers/api/v1/offer/settings?m=`.
pub(super) async fn settings(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
) -> Response {
    match merchant(&world, &grant, &parameters, "m") {
        Ok(merchant) => reply::ok(&json!({ "merchantUid": merchant.uid, "offers": merchant.offers })),
        Err(refusal) => *refusal,
    }
}
