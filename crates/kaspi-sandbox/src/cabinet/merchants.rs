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
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    more: Option<More<'a>>,
}

/// What else an item might have: made up.
#[derive(Serialize)]
struct More<'a> {
    logo: Option<&'a str>,
    master: bool,
    status: &'static str,
}

/// The handler.
pub(super) async fn list(State(world): State<Arc<World>>, Caller(grant): Caller) -> Response {
    let knobs = world.knobs();
    let (named, more) = (knobs.cabinet.merchants_have_names, knobs.cabinet.merchants_have_more);
    let merchants = grant
        .merchants()
        .map(|merchant| Merchant {
            uid: &merchant.uid,
            name: named.then_some(merchant.name.as_str()),
            more: more.then_some(More { logo: merchant.logo.as_deref(), master: true, status: "ACTIVE" }),
        })
        .collect();
    reply::ok(&Merchants { merchants })
}
