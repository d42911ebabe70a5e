//! Made-up orders, and the older REST paths that show them (CONTRACT 4).
//! It must not show an order of another merchant.

use super::{
    catalogue,
    entry::{Caller, Parameters},
};
use crate::{account::city, clock::timestamp, reply, world::World};
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use rand::Rng;
use serde_json::{Value, json};
use std::sync::Arc;

/// Orders by tab.
const TABS: [(&str, u32); 6] = [
    ("NEW", 7),
    ("SIGN_REQUIRED", 2),
    ("PICKUP", 12),
    ("DELIVERY", 23),
    ("KASPI_DELIVERY", 31),
    ("ARCHIVE", 140),
];

/// Makes the order at a place among all orders of a merchant.
fn order(world: &World, uid: &str, place: u32) -> Value {
    let mut random = world.chance.sequence(uid, u64::from(place) | 1 << 40);
    let mut before = 0;
    let tab = TABS
        .iter()
        .find(|(_, count)| {
            before += count;
            place < before
        })
        .map_or("ARCHIVE", |(tab, _)| *tab);
    let price = random.random_range(10..3_000_u64) * 100;
    let at = catalogue::EPOCH + u64::from(place) * 3_600_000;
    let town = city(random.random_range(0..20));
    json!({
        "__typename": "Order",
        "code": code(uid, place),
        "id": code(uid, place),
        "orderCode": code(uid, place),
        "creationDate": at,
        "createdAt": timestamp(at).to_string(),
        "totalPrice": price,
        "price": price,
        "state": tab,
        "status": if tab == "ARCHIVE" { "COMPLETED" } else { "ACCEPTED_BY_MERCHANT" },
        "customer": {
            "__typename": "Customer",
            "firstName": "Покупатель",
            "lastName": "Песочный",
            "phoneNumber": "+0(000)-000-00-00",
        },
        // The warehouse's city has an internal id, smaller than the public one (CONTRACT 4).
        "warehouse": { "__typename": "Warehouse", "city": { "__typename": "City", "id": random.random_range(1..100_u32), "name": town.name } },
        "entries": [{ "__typename": "Entry", "name": catalogue::title(place), "quantity": 1, "totalPrice": price }],
    })
}

fn total() -> u32 {
    TABS.iter().map(|(_, count)| count).sum()
}

/// The code of an order: the merchant's uid does not show in it.
fn code(uid: &str, place: u32) -> String {
    let spread = uid.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 90_000;
    format!("{}", (u64::from(spread) + 10_000) * 10_000 + u64::from(place))
}

/// `{total, orders}` for a tab and an order's code, both optional.
pub(super) fn page(
    world: &World,
    uid: &str,
    tab: Option<&str>,
    wanted: Option<&str>,
    page: u64,
    size: u64,
) -> Value {
    let places: Vec<u32> =
        places(tab).filter(|place| wanted.is_none_or(|wanted| wanted == code(uid, *place))).collect();
    let skip = usize::try_from(page.saturating_mul(size)).unwrap_or(usize::MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let orders: Vec<Value> =
        places.iter().skip(skip).take(size).map(|place| order(world, uid, *place)).collect();
    json!({ "__typename": "OrderPage", "total": places.len(), "orders": orders })
}

/// Places of a tab; of all orders for a tab that nobody knows.
fn places(tab: Option<&str>) -> std::ops::Range<u32> {
    let mut before = 0;
    for (name, count) in TABS {
        if tab.is_some_and(|tab| tab.eq_ignore_ascii_case(name)) {
            return before..before + count;
        }
        before += count;
    }
    0..total()
}

/// `[{tab, count}]`.
pub(super) fn counts() -> Value {
    TABS.iter().map(|(tab, count)| json!({ "__typename": "TabCount", "tab": tab, "count": count })).collect()
}

/// An order by its code.
pub(super) fn find(world: &World, uid: &str, wanted: &str) -> Option<Value> {
    (0..total()).find(|place| code(uid, *place) == wanted).map(|place| order(world, uid, place))
}

/// `GET /mc/api/orderTabs/{active,archive,filters}?_m=`.
pub(super) async fn tab(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    Path(tab): Path<String>,
    parameters: Parameters,
) -> Response {
    let Some(merchant) = parameters.get("_m").and_then(|uid| grant.merchant(uid)) else {
        return reply::empty(reply::status(world.knobs().cabinet.foreign_merchant_status));
    };
    match tab.as_str() {
        "active" => reply::ok(&page(&world, &merchant.uid, None, None, 0, 10)),
        "archive" => reply::ok(&page(&world, &merchant.uid, Some("ARCHIVE"), None, 0, 10)),
        "filters" => reply::ok(&counts()),
        _ => reply::empty(StatusCode::NOT_FOUND),
    }
}

/// `GET /mc/api/order/{code}?_m=`.
pub(super) async fn order_by_code(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    Path(code): Path<String>,
    parameters: Parameters,
) -> Response {
    let Some(merchant) = parameters.get("_m").and_then(|uid| grant.merchant(uid)) else {
        return reply::empty(reply::status(world.knobs().cabinet.foreign_merchant_status));
    };
    find(&world, &merchant.uid, &code)
        .map_or_else(|| reply::empty(StatusCode::NOT_FOUND), |order| reply::ok(&order))
}
