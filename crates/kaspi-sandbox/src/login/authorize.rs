//! `GET /oauth2/authorize` (CONTRACT 3.4): silent for a live login, otherwise to the login page with the request remembered.
//! It must not redirect to anything but a cabinet host of this sandbox.

use super::outcome::add_sso;
use crate::{
    account::Grant,
    clock::seconds,
    counters::count,
    host::{Here, Hosts},
    reply,
    session::{AuthorizationCode, Stage},
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
use url::Url;

/// How long a code may wait to be redeemed, in seconds.
const CODE_SECONDS: u64 = 300;
/// Longer requests are refused rather than remembered.
const QUERY_LENGTH: usize = 4_096;

/// The path of the cabinet's callback.
pub(crate) const CALLBACK: &str = "/login/oauth2/code/1";

/// The handler.
pub(super) async fn authorize(
    State(world): State<Arc<World>>,
    Extension(here): Extension<Here>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let Some(request) = Request::read(&query, &world.client_id, &world.hosts) else {
        return reply::json(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_request" }));
    };
    let (session, token) = world.login_session(&headers).unwrap_or_else(|| world.begin_login());
    let now = world.clock.now();
    let mut state = session.state.lock();
    if let Stage::SignedIn { grant, until } = &state.stage
        && now < *until
    {
        count(&world.tally.authorizations);
        return reply::redirect(&request.answer(&world, grant.clone(), now));
    }
    state.saved_request = Some(query.trim_end_matches("&continue").to_owned());
    drop(state);
    let mut response = reply::redirect(&format!("{}/login", here.origins.login));
    add_sso(&mut response, &token, &world.knobs(), here.secure);
    response
}

/// A well-formed authorization request.
struct Request {
    redirect_uri: Url,
    state: String,
    nonce: String,
    challenge: String,
}

impl Request {
    fn read(query: &str, client_id: &str, hosts: &Hosts) -> Option<Self> {
        if query.len() > QUERY_LENGTH {
            return None;
        }
        let value = |name: &str| {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        let is = |name: &str, wanted: &str| value(name).is_some_and(|value| value == wanted);
        let redirect_uri = Url::parse(&value("redirect_uri")?).ok()?;
        let good = is("response_type", "code")
            && is("client_id", client_id)
            && is("code_challenge_method", "S256")
            && value("scope")?.split(' ').any(|scope| scope == "openid")
            && redirect_uri.path() == CALLBACK
            && hosts.is_cabinet(redirect_uri.host_str()?);
        let challenge = value("code_challenge").filter(|challenge| challenge.len() == 43)?;
        let state = value("state").filter(|state| !state.is_empty())?;
        good.then(|| Self { redirect_uri, state, nonce: value("nonce").unwrap_or_default(), challenge })
    }

    /// The callback's address with a fresh code.
    fn answer(self, world: &World, grant: Grant, now: u64) -> String {
        let code = world.chance.token();
        let mut address = self.redirect_uri.clone();
        address.query_pairs_mut().append_pair("code", &code).append_pair("state", &self.state);
        world.codes.put(
            &code,
            AuthorizationCode {
                grant,
                challenge: self.challenge,
                redirect_uri: self.redirect_uri.to_string(),
                nonce: self.nonce,
                expires: now.saturating_add(seconds(CODE_SECONDS)),
            },
        );
        address.into()
    }
}
