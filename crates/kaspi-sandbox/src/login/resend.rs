//! `POST /api/p/mfa/send`: another code for a login that waits for one (CONTRACT 1, 3.6). Its body is unknown, and
//! not read unless a knob says so.
//! It must not begin a login.

use super::{
    Attempt,
    body::LoginBody,
    code::{is_for, retire},
    outcome::Outcome,
};
use crate::{
    account::masked_email,
    clock::seconds,
    host::Here,
    inbox::Channel,
    knobs::{ResendAnswer, ResendBody},
    reply,
    session::Stage,
    world::World,
};
use axum::{Extension, body::Bytes, extract::State, response::Response};
use http::HeaderMap;
use std::sync::Arc;

/// The handler.
pub(super) async fn resend(
    State(world): State<Arc<World>>,
    Extension(here): Extension<Here>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let knobs = world.knobs();
    let wanted = match knobs.code.resend_body {
        ResendBody::Lenient => None,
        ResendBody::Strict => match LoginBody::parse(&body) {
            Some(body) => Some(body),
            None => return reply::server_error("/api/p/mfa/send"),
        },
    };
    let now = world.clock.now();
    let attempt = Attempt { world: &world, knobs: &knobs, origins: &here.origins, headers: &headers, now };
    send(&attempt, wanted.as_ref()).into_response(&knobs, here.secure)
}

/// Sends; `body` is the one that has to name the account.
fn send(attempt: &Attempt<'_>, body: Option<&LoginBody>) -> Outcome {
    let Some(session) = attempt.known_session() else { return Outcome::failed() };
    let mut state = session.state.lock();
    let Stage::Code(challenge) = &mut state.stage else { return Outcome::failed() };
    if body.is_some_and(|body| !is_for(attempt, challenge, body)) {
        return Outcome::failed();
    }
    let knobs = &attempt.knobs.code;
    if attempt.now >= challenge.since.saturating_add(seconds(knobs.login_seconds)) {
        state.stage = Stage::Anonymous;
        return Outcome::error(knobs.error_status, "TIMEOUT_EXCEEDED");
    }
    if let Some(account) = challenge.account.clone() {
        if let Some(wait) = account.state.lock().flooded(attempt.now, knobs) {
            return Outcome::flood("MFA_CODE_TOO_MANY_SEND", wait);
        }
        let code = attempt.send(challenge.channel, &account, &challenge.to);
        let old = std::mem::replace(&mut challenge.code, code);
        retire(challenge, old);
        challenge.attempts_left = knobs.attempts.max(1);
    }
    challenge.sent_at = attempt.now;
    match (knobs.resend_answer, challenge.channel) {
        (ResendAnswer::Destination, Channel::Sms) => Outcome::texted(&challenge.to),
        (ResendAnswer::Destination, Channel::Email) if knobs.mask_email => {
            Outcome::mailed(&masked_email(&challenge.to))
        }
        (ResendAnswer::Destination, Channel::Email) => Outcome::mailed(&challenge.to),
        (ResendAnswer::Object, _) => Outcome::object(),
        (ResendAnswer::Empty, _) => Outcome::nothing(),
    }
}
