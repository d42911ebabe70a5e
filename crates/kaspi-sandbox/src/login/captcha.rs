//! The captcha that a person can pass: its frame, its picture, and what the page's script asks about it.
//! It must not guard anything: the login endpoint asks whether it was passed.

use crate::{
    host::Here,
    knobs::{Captcha, Knobs},
    pages, reply,
    session::LoginState,
    world::World,
};
use axum::{
    Extension, Json,
    body::Body,
    extract::{State, rejection::JsonRejection},
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, sync::Arc};

/// Letters of a picture: none of them looks like another.
const LETTERS: &[u8; 16] = b"ACDEFHKMNPRTWXY3";
/// How many letters a picture has.
const LENGTH: usize = 5;

/// Whether a login must not go on yet.
pub(super) fn stops(world: &World, knobs: &Knobs, headers: &HeaderMap) -> bool {
    match knobs.login.captcha {
        Captcha::Off => false,
        Captcha::Unpassable => true,
        Captcha::Passable | Captcha::Picture => {
            !world.login_session(headers).is_some_and(|(session, _)| session.state.lock().is_human)
        }
    }
}

/// `GET /captcha`: the frame with the box to tick.
pub(super) async fn frame(State(world): State<Arc<World>>, Extension(here): Extension<Here>) -> Response {
    world.tally.page("captcha");
    reply::html(StatusCode::OK, pages::CAPTCHA.render(&here.origins, ""))
}

/// `GET /captcha/picture`: the word to type, as a picture.
pub(super) async fn picture(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    let Some((session, token)) = world.login_session(&headers) else {
        return reply::empty(StatusCode::NOT_FOUND);
    };
    world.tally.load("image");
    let shown = drawn(&word(&mut session.state.lock(), &token));
    let mut response = Response::new(Body::from(shown));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The body of an answer.
#[derive(Deserialize)]
pub(super) struct Answer {
    /// The box is ticked.
    #[serde(default)]
    checked: bool,
    /// The picture's word.
    #[serde(default)]
    word: String,
}

/// `POST /captcha/answer`: `{"checked": true}` or `{"word": "…"}`.
pub(super) async fn answer(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    answer: Result<Json<Answer>, JsonRejection>,
) -> Response {
    let session = world.login_session(&headers).map(|(session, _)| session);
    let (Some(session), Ok(Json(answer))) = (session, answer) else {
        return reply::json(StatusCode::BAD_REQUEST, &json!({ "passed": false }));
    };
    let passed = {
        let mut state = session.state.lock();
        let right = match world.knobs().login.captcha {
            Captcha::Off => true,
            Captcha::Unpassable => false,
            Captcha::Passable => answer.checked,
            Captcha::Picture => state
                .captcha_word
                .as_deref()
                .is_some_and(|word| word.eq_ignore_ascii_case(answer.word.trim())),
        };
        state.is_human |= right;
        right
    };
    if passed {
        world.captchas.send_modify(|passed| *passed += 1);
    }
    let status = if passed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    reply::json(status, &json!({ "passed": passed }))
}

/// `GET /captcha/state`: answers when the captcha was passed, by whomever.
pub(super) async fn state(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    let Some((session, _)) = world.login_session(&headers) else {
        return reply::empty(StatusCode::NOT_FOUND);
    };
    let mut passed = world.captchas.subscribe();
    let is_passed = passed.wait_for(|_| session.state.lock().is_human);
    tokio::select! {
        seen = is_passed => reply::ok(&json!({ "passed": seen.is_ok() })),
        () = world.stop.cancelled() => reply::empty(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The word of a session, the same for each look.
fn word(state: &mut LoginState, token: &str) -> String {
    let made = || {
        let digest = Sha256::digest(token);
        digest.iter().take(LENGTH).map(|byte| char::from(LETTERS[usize::from(byte % 16)])).collect()
    };
    state.captcha_word.get_or_insert_with(made).clone()
}

fn drawn(word: &str) -> String {
    let mut letters = String::new();
    for (at, letter) in word.chars().enumerate() {
        let (x, turn) = (24 + at * 32, if at % 2 == 0 { -12 } else { 9 });
        let _ = write!(letters, r#"<text x="{x}" y="44" transform="rotate({turn} {x} 40)">{letter}</text>"#);
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="64" viewBox="0 0 200 64"><rect width="200" height="64" fill="#eef1f4"/><g font-family="monospace" font-size="34" font-weight="700" fill="#24333f">{letters}</g><path d="M6 50 C 60 10, 120 60, 194 18" fill="none" stroke="#35685d" stroke-width="2"/></svg>"##
    )
}
