//! `GET /s/m`: the merchants of the session (CONTRACT 3.4, 4, 8.8).
//! It must not list a merchant that the login did not choose.

use super::entry::Caller;
use crate::{reply, world::World};
use axum::{extract::State, response::Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// The handler.
pub(super) async fn list(State(world): State<Arc<World>>, Caller(grant): Caller) -> Response {
    let named = world.knobs().cabinet.merchants_have_names;
    let merchants: Vec<Value> = grant
        .merchants()
        .map(|merchant| {
            if named {
                json!({ "uid": merchant.uid, "name": merchant.name })
            } else {
                json!({ "uid": merchant.uid })
            }
        })
        .collect();
    reply::ok(&json!({ "merchants": merchants }))
}
