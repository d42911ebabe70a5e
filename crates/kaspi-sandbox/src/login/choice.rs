//! The choice of a merchant during the login: the answer `su`, and `_s_m` or `_s_u` (CONTRACT 3.2, 3.3, 8.5).
//! It must not offer a merchant that the account does not have.

use super::{Attempt, body::LoginBody, outcome::Outcome};
use crate::{account::Grant, clock::seconds, knobs::ChoiceShape, session::Stage};
use serde_json::{Value, json};

/// What stands in `su`.
pub(super) fn offer(grant: &Grant, shape: ChoiceShape) -> Value {
    let merchants: Vec<Value> =
        grant.merchants().map(|merchant| json!({ "uid": merchant.uid, "name": merchant.name })).collect();
    let users = grant.merchants().map(|merchant| (user_id(&merchant.uid), merchant));
    match shape {
        ChoiceShape::Merchants => json!(merchants),
        ChoiceShape::Users => users
            .map(|(id, merchant)| {
                json!({
                    "id": id,
                    "name": merchant.name,
                    "merchants": [{ "uid": merchant.uid, "name": merchant.name }],
                })
            })
            .collect(),
        ChoiceShape::Object => {
            let users: Vec<Value> =
                users.map(|(id, merchant)| json!({ "id": id, "name": merchant.name })).collect();
            json!({ "merchants": merchants, "users": users })
        }
    }
}

fn user_id(uid: &str) -> String {
    format!("user-{uid}")
}

/// `{"_s_m"}` or `{"_s_u"}`.
pub(super) fn choose(attempt: &Attempt<'_>, body: &LoginBody) -> Outcome {
    let Some(session) = attempt.known_session() else { return Outcome::failed() };
    let mut state = session.state.lock();
    let Stage::Choice { grant, since } = &state.stage else { return Outcome::failed() };
    if attempt.now >= since.saturating_add(seconds(attempt.knobs.code.login_seconds)) {
        state.stage = Stage::Anonymous;
        return Outcome::error(attempt.knobs.code.error_status, "TIMEOUT_EXCEEDED");
    }
    let chosen = body.chosen().unwrap_or_default();
    let uid = grant
        .merchants()
        .map(|merchant| merchant.uid.as_str())
        .find(|uid| *uid == chosen || user_id(uid) == chosen)
        .map(str::to_owned);
    let Some(uid) = uid else { return Outcome::failed() };
    let grant = Grant { account: std::sync::Arc::clone(&grant.account), chosen: Some(uid) };
    attempt.sign_in(&session, &mut state, grant)
}
