//! The control API over HTTP: JSON under `/sandbox/control`, on the site and on `localhost`.
//! It must not do what `Control` cannot.

use super::Control;
use crate::{account::AccountSpec, fault::Fault, fixture::Fixture, reply, world::World};
use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// The paths.
pub(crate) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/sandbox/control/clock", get(read_clock).post(advance_clock))
        .route("/sandbox/control/faults", get(read_faults).post(add_faults).delete(clear_faults))
        .route("/sandbox/control/reset", post(reset))
        .route("/sandbox/control/sessions/kill", post(kill))
        .route("/sandbox/control/accounts", post(add_accounts))
        .route("/sandbox/control/knobs", get(read_knobs).post(change_knobs))
        .route("/sandbox/control/counters", get(read_counters))
        .route("/sandbox/control/fixture", get(read_fixture).post(set_fixture).delete(clear_fixture))
        .route("/sandbox/control/captchas", get(read_captchas))
        .route("/sandbox/control/captchas/pass", post(pass_captchas))
}

type Sandbox = State<Arc<World>>;

fn control(State(world): Sandbox) -> Control {
    Control { world }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    serde_json::from_slice(body).map_err(|error| Box::new(bad(&error.to_string())))
}

fn bad(message: &str) -> Response {
    reply::json(StatusCode::BAD_REQUEST, &json!({ "error": message }))
}

fn done() -> Response {
    reply::ok(&json!({ "ok": true }))
}

/// One thing or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn each(self, act: impl FnMut(T)) {
        match self {
            Self::Many(list) => list.into_iter().for_each(act),
            Self::One(one) => std::iter::once(one).for_each(act),
        }
    }
}

async fn read_clock(sandbox: Sandbox) -> Response {
    reply::ok(&json!({ "now": control(sandbox).now() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: f64,
}

async fn advance_clock(sandbox: Sandbox, body: Bytes) -> Response {
    let advance: Advance = match read(&body) {
        Ok(advance) => advance,
        Err(refusal) => return *refusal,
    };
    match Duration::try_from_secs_f64(advance.advance_seconds) {
        Ok(by) => {
            let control = control(sandbox);
            control.advance_clock(by);
            reply::ok(&json!({ "now": control.now() }))
        }
        Err(error) => bad(&error.to_string()),
    }
}

async fn read_faults(sandbox: Sandbox) -> Response {
    reply::ok(&json!({ "faults": control(sandbox).faults() }))
}

async fn add_faults(sandbox: Sandbox, body: Bytes) -> Response {
    match read::<OneOrMany<Fault>>(&body) {
        Ok(faults) => {
            let control = control(sandbox);
            faults.each(|fault| control.set_fault(fault));
            done()
        }
        Err(refusal) => *refusal,
    }
}

async fn clear_faults(sandbox: Sandbox) -> Response {
    control(sandbox).clear_faults();
    done()
}

async fn reset(sandbox: Sandbox) -> Response {
    control(sandbox).reset();
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kill {
    /// All merchants without.
    #[serde(default)]
    merchant_uid: Option<String>,
    #[serde(default)]
    what: What,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    #[default]
    Session,
    Sso,
    All,
}

async fn kill(sandbox: Sandbox, body: Bytes) -> Response {
    let body = if body.is_empty() { Bytes::from_static(b"{}") } else { body };
    match read::<Kill>(&body) {
        Ok(Kill { merchant_uid, what }) => {
            let control = control(sandbox);
            if matches!(what, What::Session | What::All) {
                control.kill_sessions(merchant_uid.as_deref());
            }
            if matches!(what, What::Sso | What::All) {
                control.kill_sso(merchant_uid.as_deref());
            }
            done()
        }
        Err(refusal) => *refusal,
    }
}

async fn add_accounts(sandbox: Sandbox, body: Bytes) -> Response {
    let accounts: OneOrMany<AccountSpec> = match read(&body) {
        Ok(accounts) => accounts,
        Err(refusal) => return *refusal,
    };
    let control = control(sandbox);
    accounts.each(|account| control.add_account(account));
    done()
}

async fn read_knobs(sandbox: Sandbox) -> Response {
    reply::ok(&control(sandbox).knobs())
}

async fn change_knobs(sandbox: Sandbox, body: Bytes) -> Response {
    let change: Value = match read(&body) {
        Ok(change) => change,
        Err(refusal) => return *refusal,
    };
    let control = control(sandbox);
    match control.knobs().changed(&change) {
        Ok(knobs) => {
            control.set_knobs(knobs);
            reply::ok(&control.knobs())
        }
        Err(error) => bad(&error.to_string()),
    }
}

async fn read_fixture(sandbox: Sandbox) -> Response {
    reply::ok(&json!({ "fixture": control(sandbox).fixture() }))
}

async fn set_fixture(sandbox: Sandbox, body: Bytes) -> Response {
    match Fixture::read(&body) {
        Ok(fixture) => {
            control(sandbox).set_fixture(Some(fixture));
            done()
        }
        Err(error) => bad(&error.to_string()),
    }
}

async fn clear_fixture(sandbox: Sandbox) -> Response {
    control(sandbox).set_fixture(None);
    done()
}

async fn read_captchas(sandbox: Sandbox) -> Response {
    reply::ok(&json!({ "words": control(sandbox).captcha_words() }))
}

async fn pass_captchas(sandbox: Sandbox) -> Response {
    control(sandbox).pass_captchas();
    done()
}

async fn read_counters(sandbox: Sandbox, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let account = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "account");
    let control = control(sandbox);
    match account {
        Some((_, id)) => control.account_counters(&id).map_or_else(
            || reply::json(StatusCode::NOT_FOUND, &json!({ "error": "no such account" })),
            |counters| reply::ok(&counters),
        ),
        None => reply::ok(&control.counters()),
    }
}
