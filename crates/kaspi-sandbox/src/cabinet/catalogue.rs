//! Words and numbers that the cabinet's made-up goods and orders consist of.
//! It must not depend on anything but its arguments: the same seed makes the same goods.

use crate::{account::MerchantSpec, chance::Chance, clock::timestamp};
use rand::Rng;
use serde_json::{Map, Value, json};

/// Days of the week.
pub(super) const WEEK: [&str; 7] =
    ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

const GOODS: [(&str, &str); 6] = [
    ("Чайник", "Kettles"),
    ("Наушники", "Headphones"),
    ("Рюкзак", "Backpacks"),
    ("Лампа", "Lamps"),
    ("Кофемолка", "Coffee grinders"),
    ("Коврик", "Mats"),
];
const BRANDS: [&str; 5] = ["Sandbox", "Barkhan", "Dune", "Takyr", "Saxaul"];

/// Every this many offers, one is archived.
const ARCHIVED: u32 = 6;
/// 2026-01-01, in milliseconds: made-up dates count from here, so that they do not depend on the day.
pub(super) const EPOCH: u64 = 1_767_225_600_000;

/// The sku of an offer by its place.
pub(super) fn sku(uid: &str, place: u32) -> String {
    format!("SKU-{uid}-{place:05}")
}

/// The place of an offer by its sku.
pub(super) fn place(merchant: &MerchantSpec, sku: &str) -> Option<u32> {
    let place = sku.strip_prefix("SKU-")?.strip_prefix(&merchant.uid)?.strip_prefix('-')?.parse().ok()?;
    (place < merchant.offers && self::sku(&merchant.uid, place) == sku).then_some(place)
}

/// Whether an offer is on sale.
pub(super) const fn is_active(place: u32) -> bool {
    !place.is_multiple_of(ARCHIVED)
}

/// An offer's title.
pub(super) fn title(place: u32) -> String {
    let (thing, _) = GOODS[place as usize % GOODS.len()];
    format!("{thing} {} {}", BRANDS[place as usize % BRANDS.len()], 100 + place)
}

/// An offer's category.
pub(super) fn category(place: u32) -> &'static str {
    GOODS[place as usize % GOODS.len()].1
}

/// A whole offer as the offers list shows it (CONTRACT 4); `price` is the pushed one.
pub(super) fn offer(chance: &Chance, merchant: &MerchantSpec, place: u32, price: Option<u64>) -> Value {
    let uid = &merchant.uid;
    let mut random = chance.sequence(uid, u64::from(place));
    let price = price.unwrap_or_else(|| random.random_range(10..2_000) * 100);
    let (title, brand) = (title(place), BRANDS[place as usize % BRANDS.len()]);
    let master = format!("{}", 100_000_000 + u64::from(place) * 17);
    let prices: Map<String, Value> = merchant
        .points
        .iter()
        .map(|point| {
            (point.city.id.clone(), json!({ "price": price, "oldPrice": Value::Null, "discount": 0 }))
        })
        .collect();
    let mut availabilities = Vec::new();
    let mut stores = Map::new();
    for point in merchant.points.iter().filter(|point| point.enabled) {
        let store = format!("{uid}_{}", point.name);
        let count = random.random_range(0..20_u32);
        stores.insert(store.clone(), json!({ "value": count }));
        availabilities.push(json!({
            "storeId": store,
            "available": if count > 0 && is_active(place) { "yes" } else { "no" },
            "preOrder": 0,
            "stockSpecified": true,
            "stockCount": count,
        }));
    }
    let points: Vec<&str> =
        merchant.points.iter().filter(|point| point.enabled).map(|point| point.name.as_str()).collect();
    let image = format!("https://sandbox.invalid/image/{master}.png");
    json!({
        "sku": sku(uid, place),
        "masterSku": master,
        "masterTitle": title,
        "title": title,
        "model": title,
        "brand": brand,
        "brandCode": brand.to_lowercase(),
        "brandName": brand,
        "masterCategory": category(place),
        "price": price,
        "minPrice": price,
        "allCityPrices": prices,
        "points": points,
        "availabilities": availabilities,
        "stocks": [{ "stockLevel": stores }],
        "images": [image],
        "imagesV2": [{ "url": image }],
        "shopLink": format!("https://sandbox.invalid/shop/p/{master}/"),
        "offerId": format!("{uid}-{place}"),
        "available": is_active(place),
        "updatedAt": timestamp(EPOCH + u64::from(place) * 60_000).to_string(),
        "barcode": { "barcode": format!("48{:011}", u64::from(place)), "ntin": Value::Null, "gtin": Value::Null },
    })
}
