//! The way into the cabinet host: who is it, does the session live, and which cookies and CORS headers the answer gets.
//! It must not answer for a path.

use super::cors;
use crate::{
    account::{Behaviour, Grant},
    clock::Millis,
    cookies,
    counters::count,
    host::Here,
    knobs::{CookieShape, Knobs, NoPermissions, Renewal, UnauthorizedBody},
    reply,
    session::CabinetSession,
    world::World,
};
use axum::{
    body::Body,
    extract::{FromRequestParts, Request},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::json;
use std::sync::Arc;
use tower::ServiceExt;

/// The header that says which kind of login a call belongs to (CONTRACT 4).
const AUTH_VERSION: HeaderName = HeaderName::from_static("x-auth-version");

/// The path of the merchants.
const MERCHANTS: &str = "/s/m";

/// Answers a request for the cabinet host.
pub(crate) async fn enter(
    world: &World,
    router: axum::Router,
    here: &Here,
    mut request: Request,
) -> Response {
    let knobs = world.knobs();
    let origin = cors::Origin::of(request.headers(), here);
    if let Some(answer) = origin.answer(&request, &knobs) {
        return answer;
    }
    let path = request.uri().path();
    if knobs.session.logout_path.as_deref() == Some(path) {
        let mut response = log_out(world, request.headers(), &knobs, here);
        origin.mark(&mut response);
        return response;
    }
    let is_merchants = path == MERCHANTS;
    let has_affinity = cookies::values(request.headers(), cookies::AFFINITY).next().is_some();
    let now = world.clock.now();
    let (mut renewed, mut forbidden) = (None, false);
    if is_call(request.uri().path()) {
        let versioned = request.headers().contains_key(AUTH_VERSION);
        count(if versioned { &world.tally.with_auth_version } else { &world.tally.without_auth_version });
        if (versioned || !knobs.cabinet.auth_version_required)
            && let Some((value, session)) = live_session(world, request.headers(), &knobs, now)
        {
            renewed = renew(world, &value, &session, &knobs, now);
            match rights(&session.grant, &knobs) {
                Some(grant) => {
                    request.extensions_mut().insert(Caller(grant));
                }
                None => forbidden = true,
            }
        }
    }
    request.extensions_mut().insert(HasAffinity(has_affinity));
    let mut response = if forbidden {
        reply::empty(StatusCode::FORBIDDEN)
    } else {
        let Ok(response) = router.oneshot(request).await;
        response
    };
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    if is_merchants && unauthorized && knobs.cabinet.unauthorized_body == UnauthorizedBody::Json {
        let body = json!({ "status": 401, "error": "Unauthorized", "path": MERCHANTS });
        response = reply::json(StatusCode::UNAUTHORIZED, &body);
    }
    if !response.headers().contains_key(header::SET_COOKIE) {
        // The first answer of all, and every 401, brings the affinity (CONTRACT 3.1, 3.5).
        if !has_affinity || unauthorized {
            add_companion(&mut response, &knobs);
            add_affinity(&mut response, world, &knobs, here);
        }
        if let Some(value) = renewed {
            let cookie = cookies::set(cookies::SESSION, &value, &knobs.cookie.session, here.secure);
            reply::add_cookie(&mut response, cookie);
        }
    }
    origin.mark(&mut response);
    response
}

/// What a session opens; nothing at all for an account without rights, where the knob says so (CONTRACT 8.8).
fn rights(grant: &Grant, knobs: &Knobs) -> Option<Grant> {
    if grant.account.spec.behaviour != Behaviour::InsufficientPermissions {
        return Some(grant.clone());
    }
    match knobs.login.no_permissions {
        NoPermissions::Refused => Some(grant.clone()),
        NoPermissions::Forbidden => None,
        NoPermissions::EmptyList => Some(grant.clone().emptied()),
    }
}

/// Ends the request's session and its cookie, and leads to the site (CONTRACT 8.2).
fn log_out(world: &World, headers: &HeaderMap, knobs: &Knobs, here: &Here) -> Response {
    for known in cookies::values(headers, cookies::SESSION).filter_map(|value| world.sessions.take(value)) {
        known.session.end();
    }
    let mut response = reply::redirect(&format!("{}/", here.origins.site));
    let shape = CookieShape { max_age_seconds: Some(0), ..knobs.cookie.session.clone() };
    reply::add_cookie(&mut response, cookies::set(cookies::SESSION, "", &shape, here.secure));
    response
}

/// Whether a path belongs to the API, which needs a session.
fn is_call(path: &str) -> bool {
    !path.starts_with("/oauth2/") && !path.starts_with("/login/")
}

/// The session of a request, with the cookie value that said so.
fn live_session(
    world: &World,
    headers: &HeaderMap,
    knobs: &Knobs,
    now: Millis,
) -> Option<(String, Arc<CabinetSession>)> {
    cookies::values(headers, cookies::SESSION).find_map(|value| {
        let known = world.sessions.get(value)?;
        let good = known.until.is_none_or(|until| now < until) && known.session.call(now, &knobs.session);
        good.then(|| (value.to_owned(), known.session))
    })
}

/// The value that a due renewal sets (CONTRACT 5, F3).
fn renew(
    world: &World,
    value: &str,
    session: &Arc<CabinetSession>,
    knobs: &Knobs,
    now: Millis,
) -> Option<String> {
    if knobs.session.renewal == Renewal::Off || !session.due_for_renewal(now, &knobs.session) {
        return None;
    }
    Some(match knobs.session.renewal {
        Renewal::Rotate => world.rotate_session(value, session, now),
        Renewal::Off | Renewal::Refresh => value.to_owned(),
    })
}

/// Whether a request already had `mc-session`.
#[derive(Clone, Copy)]
pub(super) struct HasAffinity(pub(super) bool);

/// Adds a cookie that stands before the wanted one (CONTRACT 3.1).
pub(super) fn add_companion(response: &mut Response, knobs: &Knobs) {
    if knobs.cookie.companions {
        reply::add_cookie(response, Some(HeaderValue::from_static("mc-trace=sandbox; Path=/; HttpOnly")));
    }
}

/// Adds `mc-session`: `<unix-sec>.<ms>.<digits>.<digits>|<32 hex>` (CONTRACT 3.1).
pub(super) fn add_affinity(response: &mut Response, world: &World, knobs: &Knobs, here: &Here) {
    let now = world.clock.now();
    let (seconds, millis) = (now / 1_000, now % 1_000);
    let (first, second) = (world.chance.below(1_000), world.chance.below(1_000_000));
    let value = format!("{seconds}.{millis:03}.{first}.{second}|{}", world.chance.hex());
    reply::add_cookie(response, cookies::set(cookies::AFFINITY, &value, &knobs.cookie.affinity, here.secure));
}

/// Who calls: a handler that takes this is answered 401 with an empty body without a live session (CONTRACT 4).
#[derive(Clone)]
pub(super) struct Caller(pub(super) Grant);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| reply::empty(StatusCode::UNAUTHORIZED))
    }
}

/// Parameters of a query, by name; the first of each name counts.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The value of a parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

/// A preflight has no session and no body.
pub(crate) fn is_preflight(request: &http::Request<Body>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
