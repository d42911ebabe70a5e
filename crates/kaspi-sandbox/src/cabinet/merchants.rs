//! `GET /s/m`: the merchants of the session (CONTRACT 3.4, 4, 8.8).
//! It must not list a merchant that the login did not choose.

use super::entry::Caller;
use crate::{reply, world::World};
use axum::{extract::State, response::Response};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Merchants<'a> {
    merchants: Vec<Merchant<'a>>,
}

#[derive(Serialize)]
struct Merchant<'a> {
    uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

/// The handler.
pub(super) async fn list(State(world): State<Arc<World>>, Caller(grant): Caller) -> Response {
    let named = world.knobs().cabinet.merchants_have_names;
    let merchants = grant
        .merchants()
        .map(|merchant| Merchant { uid: &merchant.uid, name: named.then_some(merchant.name.as_str()) })
        .collect();
    reply::ok(&Merchants { merchants })
}
