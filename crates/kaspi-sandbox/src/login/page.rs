//! The login page and the landing after a login (CONTRACT 1, 2, 3.5).
//! It must not know which account is about to sign in.

use super::{assets, outcome::add_sso, proof};
use crate::{
    clock::Millis,
    fixture::Fixture,
    host::{Here, Origins},
    knobs::Knobs,
    pages, reply,
    session::{LoginSession, Stage},
    world::World,
};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use serde_json::json;
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
    let (_, token) = world.login_session(&headers).unwrap_or_else(|| world.begin_login());
    let mut response = if let Some(fixture) = world.fixture() {
        world.tally.page("fixture");
        replayed(&fixture)
    } else {
        world.tally.page(if changed { "login_changed" } else { "login" });
        reply::html(StatusCode::OK, html(&knobs, &here.origins, changed, &proof::seed(&token)))
    };
    add_sso(&mut response, &token, &knobs, here.secure);
    response
}

/// A page that was seen elsewhere.
fn replayed(fixture: &Fixture) -> Response {
    let mut response = reply::html(fixture.status(), fixture.html().to_owned());
    for (name, value) in fixture.headers() {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The page with its settings (CONTRACT 8.6, 8.9, 8.11), which its script reads; its cookie is made from `seed`.
pub(crate) fn html(knobs: &Knobs, origins: &Origins, changed: bool, seed: &str) -> String {
    let (page, login) = (&knobs.page, if changed { &pages::LOGIN_CHANGED } else { &pages::LOGIN });
    let settings = json!({
        "codeId": page.code_id,
        "codeName": page.code_name,
        "smsLength": knobs.code.sms_digits(),
        "captcha": knobs.login.captcha,
        "proof": { "cookie": proof::COOKIE, "seed": seed },
        "renamed": page.renamed_field,
        "renamedBare": page.renamed_bare,
        "errors": {
            "credentials": page.credentials_error,
            "code": page.code_error,
            "phone": page.phone_error,
            "flood": page.flood_error,
            "other": page.other_error,
        },
    });
    // Within a script element nothing may look like its end.
    let html = login.render(origins, &settings.to_string().replace('<', "\\u003c"));
    if !page.heavy {
        return html;
    }
    let html = html.replacen("</head>", &format!("{}</head>", assets::head(origins)), 1);
    match html.rsplit_once("</body>") {
        Some((page, end)) => format!("{page}{}</body>{end}", assets::body(origins)),
        None => html,
    }
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
