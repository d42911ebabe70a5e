//! Employees of a merchant (CONTRACT 4, 2.6): the list, and adding one by e-mail, who gets a login and a password by mail.
//! It must not take an e-mail over that has an account already.

use super::{
    entry::{Caller, Parameters},
    offers::merchant,
};
use crate::{
    account::{AccountSpec, CodeRule},
    inbox::Channel,
    reply,
    world::World,
};
use axum::{body::Bytes, extract::State, response::Response};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// Employees of one merchant.
const EMPLOYEES: usize = 1_000;
/// Longest e-mail.
const EMAIL_LENGTH: usize = 254;

/// `GET /user-assignments/api/v1/mc/users/registered?m=`.
pub(super) async fn registered(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
) -> Response {
    match merchant(&world, &grant, &parameters, "m") {
        Ok(merchant) => {
            let users = world.shops.employees.lock().get(&merchant.uid).cloned().unwrap_or_default();
            reply::ok(&users)
        }
        Err(refusal) => *refusal,
    }
}

/// `POST /user-assignments/api/v1/mc/users/add-email`.
pub(super) async fn add_email(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let field = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let uid = field("merchantUid").or(parameters.get("m"));
    let email = field("email").filter(|email| email.contains('@') && email.len() <= EMAIL_LENGTH);
    let (Some(uid), Some(email)) = (uid, email) else { return reply::empty(StatusCode::BAD_REQUEST) };
    let knobs = world.knobs();
    let Some(merchant) = grant.merchant(uid) else {
        return reply::empty(reply::status(knobs.cabinet.foreign_merchant_status));
    };
    let mut employees = world.shops.employees.lock();
    let own = employees.entry(uid.to_owned()).or_default();
    if own.len() >= EMPLOYEES || world.accounts.find(email).is_some() {
        return reply::empty(StatusCode::CONFLICT);
    }
    let fields = ["name", "email", "cityId", "roles", "pointName", "contactPhone"];
    own.push(
        fields
            .into_iter()
            .map(|name| (name.to_owned(), body.get(name).cloned().unwrap_or_default()))
            .collect(),
    );
    let password = world.chance.hex()[..12].to_owned();
    let code = if knobs.cabinet.employees_need_codes { CodeRule::UnlessRemembered } else { CodeRule::Never };
    let mut spec = AccountSpec::email(email).password(password.as_str()).code(code);
    spec.merchants.push(merchant.clone());
    world.add_account(spec);
    drop(employees);
    let text = format!("Логин: {email}<br>Пароль: {password}");
    world.inbox.put(
        Channel::Email,
        email,
        "Доступ в кабинет продавца (SANDBOX)",
        text,
        None,
        world.clock.now(),
    );
    reply::ok(&json!({ "email": email }))
}
