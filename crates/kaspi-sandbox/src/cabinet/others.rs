//! The cabinet's calls of which only the address is known (CONTRACT 4, "others"): small made-up answers of a plausible shape.
//! It must not change anything, nor answer for a merchant that is not the session's.

use super::{
    catalogue,
    entry::{Caller, Parameters},
    orders,
};
use crate::{
    account::{Grant, MerchantSpec},
    clock::timestamp,
    reply,
    world::World,
};
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::header;
use rand::Rng;
use serde_json::{Value, json};
use std::{fmt::Write as _, sync::Arc};

/// Items of each list.
const ITEMS: u32 = 3;
const DAY: u64 = 24 * 3_600 * 1_000;

/// The merchant that a call names in any of the known ways, or the session's first.
fn merchant<'a>(
    world: &World,
    grant: &'a Grant,
    parameters: &Parameters,
) -> Result<&'a MerchantSpec, Box<Response>> {
    let named = ["_m", "m", "merchantUid", "merchantId"].into_iter().find_map(|name| parameters.get(name));
    let merchant = match named {
        Some(uid) => grant.merchant(uid),
        None => grant.merchants().next(),
    };
    merchant
        .ok_or_else(|| Box::new(reply::empty(reply::status(world.knobs().cabinet.foreign_merchant_status))))
}

/// `/mc/api/order/cargo/assembled?_m=`: orders that wait for the courier.
pub(super) async fn assembled(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
) -> Response {
    match merchant(&world, &grant, &parameters) {
        Ok(merchant) => {
            reply::ok(&orders::page(&world, &merchant.uid, Some("KASPI_DELIVERY"), None, 0, ITEMS.into()))
        }
        Err(refusal) => *refusal,
    }
}

/// `/refund/api/v1/merchant-cabinet/load-refunds`.
pub(super) async fn refunds(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
) -> Response {
    let merchant = match merchant(&world, &grant, &parameters) {
        Ok(merchant) => merchant,
        Err(refusal) => return *refusal,
    };
    let archive = orders::page(&world, &merchant.uid, Some("ARCHIVE"), None, 0, ITEMS.into());
    let orders = archive["orders"].as_array().cloned().unwrap_or_default();
    let refunds: Vec<Value> = (1_u64..)
        .zip(&orders)
        .map(|(number, order)| {
            json!({
                "id": format!("{}-{number}", merchant.uid),
                "orderCode": order["code"],
                "amount": order["totalPrice"],
                "status": "NEW",
                "createdAt": timestamp(catalogue::EPOCH + number * DAY).to_string(),
            })
        })
        .collect();
    reply::ok(&json!({ "total": refunds.len(), "refunds": refunds }))
}

/// `/price/trends/api/v1/mc/discount`: goods with the price that the portal would recommend.
pub(super) async fn discounts(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
) -> Response {
    let merchant = match merchant(&world, &grant, &parameters) {
        Ok(merchant) => merchant,
        Err(refusal) => return *refusal,
    };
    let places = (0..merchant.offers).filter(|place| catalogue::is_active(*place)).take(ITEMS as usize);
    let data: Vec<Value> = places
        .map(|place| {
            let offer = catalogue::offer(&world.chance, merchant, place, None);
            let percent = world.chance.sequence(&merchant.uid, place.into()).random_range(1..30_u32);
            json!({ "sku": offer["sku"], "title": offer["title"], "price": offer["price"], "discount": percent })
        })
        .collect();
    reply::ok(&json!({ "total": data.len(), "data": data }))
}

/// `/content/pending/mc/product/{uid}/download`: goods that wait for moderation, as a file.
pub(super) async fn pending(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    Path(uid): Path<String>,
) -> Response {
    let Some(merchant) = grant.merchant(&uid) else {
        return reply::empty(reply::status(world.knobs().cabinet.foreign_merchant_status));
    };
    let places = (0..merchant.offers).filter(|place| !catalogue::is_active(*place)).take(ITEMS as usize);
    let file = places.fold("sku;title;status\r\n".to_owned(), |mut file, place| {
        let _ = write!(file, "{};{};PENDING\r\n", catalogue::sku(&uid, place), catalogue::title(place));
        file
    });
    let name = "attachment; filename=\"pending.csv\"";
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, name)], file)
        .into_response()
}
