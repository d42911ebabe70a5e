//! Things that take the cabinet a while: price files and exports of offers (CONTRACT 4). They advance with the clock.
//! It must not keep what was uploaded.

use super::{
    entry::{Caller, Parameters},
    offers::merchant,
};
use crate::{
    clock::{Millis, seconds},
    reply,
    world::World,
};
use axum::{
    body::Bytes,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;

/// Begins a job unless it still runs; returns when it began.
fn begin(world: &World, key: String) -> Result<Millis, Millis> {
    let now = world.clock.now();
    let mut jobs = world.shops.jobs.lock();
    match jobs.get(&key) {
        Some(began) if runs(world, *began, now) => Err(*began),
        _ => {
            jobs.insert(key, now);
            Ok(now)
        }
    }
}

fn runs(world: &World, began: Millis, now: Millis) -> bool {
    now < began.saturating_add(seconds(world.knobs().cabinet.job_seconds))
}

/// Whether a job runs; `None` when it never began.
fn is_running(world: &World, key: &str) -> Option<bool> {
    let began = world.shops.jobs.lock().get(key).copied()?;
    Some(runs(world, began, world.clock.now()))
}

fn export_key(uid: &str, parameters: &Parameters) -> String {
    let archived = parameters.get("available").is_some_and(|kind| kind.eq_ignore_ascii_case("archive"));
    format!("{}-{uid}", if archived { "archive" } else { "active" })
}

/// `GET /offers/api/v1/offer/export/trigger?m=&available=`; 429 while it runs.
pub(super) async fn trigger_export(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
) -> Response {
    let merchant = match merchant(&world, &grant, &parameters, "m") {
        Ok(merchant) => merchant,
        Err(refusal) => return *refusal,
    };
    match begin(&world, export_key(&merchant.uid, &parameters)) {
        Ok(_) => reply::ok(&json!({ "status": "PROCESSING", "fileName": null, "errorMessage": null })),
        Err(_) => reply::empty(StatusCode::TOO_MANY_REQUESTS),
    }
}

/// `GET /offers/api/v1/offer/export/status?m=&available=`.
pub(super) async fn export_status(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
) -> Response {
    let merchant = match merchant(&world, &grant, &parameters, "m") {
        Ok(merchant) => merchant,
        Err(refusal) => return *refusal,
    };
    let key = export_key(&merchant.uid, &parameters);
    match is_running(&world, &key) {
        Some(true) => reply::ok(&json!({ "status": "PROCESSING", "fileName": null, "errorMessage": null })),
        Some(false) => {
            let kind = parameters.get("fileType").unwrap_or("XLSX").to_lowercase();
            let kind = if kind == "xml" { "xml" } else { "xlsx" };
            reply::ok(
                &json!({ "status": "FINISHED", "fileName": format!("{key}.{kind}"), "errorMessage": null }),
            )
        }
        None => reply::empty(StatusCode::NOT_FOUND),
    }
}

/// `POST /pricefeed/upload/merchant/upload?merchantUid=`: a file in parts.
pub(super) async fn upload_prices(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
    body: Bytes,
) -> Response {
    let merchant = match merchant(&world, &grant, &parameters, "merchantUid") {
        Ok(merchant) => merchant,
        Err(refusal) => return *refusal,
    };
    if body.is_empty() {
        return reply::empty(StatusCode::BAD_REQUEST);
    }
    match begin(&world, format!("prices-{}", merchant.uid)) {
        Ok(began) => reply::ok(&json!({ "id": format!("{}-{began}", merchant.uid) })),
        Err(_) => (StatusCode::BAD_REQUEST, "Unfinished file found").into_response(),
    }
}

/// `GET /pricefeed/protocol/merchant/file/{id}?m=`.
pub(super) async fn price_protocol(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Response {
    let merchant = match merchant(&world, &grant, &parameters, "m") {
        Ok(merchant) => merchant,
        Err(refusal) => return *refusal,
    };
    let began =
        id.strip_prefix(&merchant.uid).and_then(|rest| rest.strip_prefix('-')?.parse::<Millis>().ok());
    match began {
        Some(began) if began <= world.clock.now() => {
            let status = if runs(&world, began, world.clock.now()) { "PROCESSING" } else { "FLUSHED" };
            reply::ok(&json!({ "id": id, "status": status }))
        }
        _ => reply::empty(StatusCode::NOT_FOUND),
    }
}
