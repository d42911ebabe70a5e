//! The site's paths: the cabinet's shell, feature flags and old addresses (CONTRACT 1), and the sandbox's own pages.
//! It must not know who is signed in: the shell is the same for everyone.

use crate::{control, host::Here, host::Role, pages, reply, stories, world::World};
use axum::{
    Extension, Router,
    extract::{RawQuery, State},
    response::Response,
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use std::sync::Arc;

/// The paths of the site, and of `localhost`, which has the sandbox's own ones only.
pub(crate) fn router(world: &Arc<World>, role: Role) -> Router {
    let mut router = Router::new()
        .route("/", get(start))
        .route("/inbox", get(inbox))
        .route("/inbox.json", get(inbox_json))
        .route("/sandbox/inbox", get(inbox))
        .route("/sandbox/inbox.json", get(inbox_json));
    if role == Role::Site {
        router = router
            .route("/mc", get(shell))
            .route("/mc/", get(shell))
            .route("/merchantcabinet", get(old_address))
            .route("/merchantcabinet/", get(old_address))
            .route("/merchantcabinet/login", get(old_address))
            .route("/yml/ms/feat/p/ft/pre/e", get(features));
    }
    if world.control {
        router = router.merge(control::router());
    }
    router.with_state(Arc::clone(world))
}

/// `GET /mc/`: 200 for everyone (CONTRACT 1).
async fn shell(State(world): State<Arc<World>>, Extension(here): Extension<Here>) -> Response {
    world.tally.page("cabinet");
    reply::html(StatusCode::OK, pages::CABINET.render(&here.origins, ""))
}

/// `GET /merchantcabinet/`: lands on the login form.
async fn old_address(Extension(here): Extension<Here>) -> Response {
    reply::redirect(&format!("{}/login", here.origins.login))
}

/// `GET /yml/ms/feat/p/ft/pre/e?d=true`.
async fn features() -> Response {
    reply::ok(&json!({ "data": {}, "sandbox": true }))
}

async fn start(State(world): State<Arc<World>>, Extension(here): Extension<Here>) -> Response {
    world.tally.page("start");
    reply::html(StatusCode::OK, pages::START.render(&here.origins, &pages::story_rows(&stories::all())))
}

/// The inbox: HTML for people, JSON for those who ask for it; `?to=` picks a destination.
async fn inbox(
    State(world): State<Arc<World>>,
    Extension(here): Extension<Here>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains("application/json") && !accept.contains("text/html") {
        return inbox_json(State(world), RawQuery(query)).await;
    }
    world.tally.page("inbox");
    let messages = world.inbox.list(destination(query.as_deref()).as_deref());
    let shown = &messages[messages.len().saturating_sub(500)..];
    reply::html(StatusCode::OK, pages::INBOX.render(&here.origins, &pages::message_rows(shown)))
}

async fn inbox_json(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Response {
    reply::ok(&json!({ "messages": world.inbox.list(destination(query.as_deref()).as_deref()) }))
}

fn destination(query: Option<&str>) -> Option<String> {
    url::form_urlencoded::parse(query?.as_bytes())
        .find(|(name, value)| name == "to" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}
