//! The login page and the landing after a login (CONTRACT 1, 2, 3.5).
//! It must not know which account is about to sign in.

use super::outcome::add_sso;
use crate::{clock::Millis, host::Here, pages, reply, session::LoginSession, session::Stage, world::World};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// `GET /login`: the page, with `MS_AUTH_SSO` (CONTRACT 3.1). With `?sandbox=changed` the page has other markup.
pub(super) async fn login(
    State(world): State<Arc<World>>,
    Extension(here): Extension<Here>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let knobs = world.knobs();
    let changed = knobs.login.changed_page || query.is_some_and(|query| query.contains("sandbox=changed"));
    let page = if changed { &pages::LOGIN_CHANGED } else { &pages::LOGIN };
    let mut response = reply::html(StatusCode::OK, page.render(&here.origins, ""));
    let (_, token) = world.login_session(&headers).unwrap_or_else(|| world.begin_login());
    add_sso(&mut response, &token, &knobs, here.secure);
    response
}

/// `GET /` and `GET /?continue`: to the cabinet's shell after a login, to the login page before.
pub(super) async fn landing(
    State(world): State<Arc<World>>,
    Extension(here): Extension<Here>,
    headers: HeaderMap,
) -> Response {
    if world.login_session(&headers).is_some_and(|(session, _)| is_signed_in(&session, world.clock.now())) {
        return reply::redirect(&format!("{}/mc/", here.origins.site));
    }
    let (_, token) = world.login_session(&headers).unwrap_or_else(|| world.begin_login());
    let mut response = reply::redirect(&format!("{}/login", here.origins.login));
    add_sso(&mut response, &token, &world.knobs(), here.secure);
    response
}

fn is_signed_in(session: &LoginSession, now: Millis) -> bool {
    matches!(&session.state.lock().stage, Stage::SignedIn { until, .. } if now < *until)
}
