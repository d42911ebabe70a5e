//! The cabinet's side of OAuth2 (CONTRACT 3.4): the kick-off, and the callback that opens the session.
//! It must not accept a code without the request's cookie, its state and its verifier.

use super::entry::{HasAffinity, Parameters, add_affinity, add_companion};
use crate::{
    clock::seconds,
    cookies,
    host::Here,
    login::authorize::CALLBACK,
    reply,
    session::{AuthorizationCode, AuthorizationRequest},
    world::World,
};
use axum::{Extension, extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use url::Url;

/// How long a kick-off may wait for its callback, in seconds: a person may look for a code in between.
const REQUEST_SECONDS: u64 = 3_600;
/// Longer targets are not remembered.
const TARGET_LENGTH: usize = 2_048;

/// `GET /oauth2/authorization/1[?redirectUrl=…]`: to the login host, with the request's cookie last.
pub(super) async fn kick_off(
    State(world): State<Arc<World>>,
    Extension(here): Extension<Here>,
    Extension(HasAffinity(has_affinity)): Extension<HasAffinity>,
    parameters: Parameters,
) -> Response {
    let verifier = world.chance.token();
    let challenge = challenge_of(&verifier);
    let request = AuthorizationRequest {
        state: world.chance.token(),
        nonce: world.chance.token(),
        verifier,
        redirect_uri: format!("{}{CALLBACK}", here.origins.cabinet),
        target: target(&world, &here, parameters.get("redirectUrl")),
        expires: world.clock.now().saturating_add(seconds(REQUEST_SECONDS)),
    };
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", &world.client_id)
        .append_pair("scope", "openid")
        .append_pair("state", &request.state)
        .append_pair("redirect_uri", &request.redirect_uri)
        .append_pair("nonce", &request.nonce)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .finish();
    let value = world.chance.uuid();
    world.requests.put(&value, Arc::new(request));
    let knobs = world.knobs();
    let mut response = reply::redirect(&format!("{}/oauth2/authorize?{query}", here.origins.login));
    add_companion(&mut response, &knobs);
    if !has_affinity {
        add_affinity(&mut response, &world, &knobs, &here);
    }
    let name = &knobs.cookie.request_name;
    reply::add_cookie(&mut response, cookies::set(name, &value, &knobs.cookie.request, here.secure));
    response
}

fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// Where the callback leads: the cabinet's shell, or `redirectUrl` when it is on the site.
fn target(world: &World, here: &Here, wanted: Option<&str>) -> String {
    let is_good = |wanted: &&str| {
        wanted.len() <= TARGET_LENGTH
            && Url::parse(wanted).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.host_str().is_some_and(|host| world.hosts.is_site(host))
            })
    };
    wanted.filter(is_good).map_or_else(|| format!("{}/mc/", here.origins.site), str::to_owned)
}

/// `GET /login/oauth2/code/1?code&state`: redeems the code and opens the session; 401 when anything does not fit.
pub(super) async fn callback(
    State(world): State<Arc<World>>,
    Extension(here): Extension<Here>,
    Extension(HasAffinity(has_affinity)): Extension<HasAffinity>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Response {
    let Some((code, request)) = redeem(&world, &parameters, &headers) else {
        return reply::empty(StatusCode::UNAUTHORIZED);
    };
    let session = world.open_session(code.grant);
    let knobs = world.knobs();
    let mut response = reply::redirect(&request.target);
    add_companion(&mut response, &knobs);
    if !has_affinity {
        add_affinity(&mut response, &world, &knobs, &here);
    }
    reply::add_cookie(
        &mut response,
        cookies::set(cookies::SESSION, &session, &knobs.cookie.session, here.secure),
    );
    response
}

/// Matches the callback with its request, then redeems the code as the cabinet does with the login host, server to server.
fn redeem(
    world: &World,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Option<(AuthorizationCode, Arc<AuthorizationRequest>)> {
    let (code, state) = (parameters.get("code")?, parameters.get("state")?);
    let knobs = world.knobs();
    let now = world.clock.now();
    let cookie = cookies::values(headers, &knobs.cookie.request_name).find(|value| {
        world.requests.get(value).is_some_and(|request| request.state == state && now < request.expires)
    })?;
    let request = world.requests.take(cookie)?;
    let code = world.codes.take(code)?;
    let proven = code.challenge == challenge_of(&request.verifier)
        && code.redirect_uri == request.redirect_uri
        && code.nonce == request.nonce
        && now < code.expires;
    proven.then_some((code, request))
}
