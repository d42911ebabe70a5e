//! `/v1/logins`: start, read and wait, answer, resend, cancel.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::login::{Login, LoginState};
use kaspi_auth_core::logins::Started;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error};

use super::State;
use super::authentication::Caller;
use super::extract::{IdempotencyKey, Json, Path, Wait, longest_wait};
use super::model::{AnswerBody, LoginView, NewLoginBody};
use super::openapi::Problems;
use super::problem::{Problem, to_the_end};

/// Start a login
///
/// One login an account at a time: a second caller gets the running one with status 200. With `wait`, the answer comes when
/// the login has ended or needs you.
#[utoipa::path(
    post, path = "/v1/logins", tag = "logins", operation_id = "start_login", request_body = NewLoginBody,
    params(("wait" = Option<String>, Query, pattern = "^[0-9]{1,9}(ms|s|m)?$", description = "How long to wait for the next state that needs you: `30s`, at most 60s")),
    responses(
        (status = 201, description = "The login", body = LoginView, headers(("Location" = String, description = "Where it is read"))),
        (status = 200, description = "The account's running login", body = LoginView),
        Problems
    )
)]
pub(super) async fn start_login(
    Shared(state): Shared<State>,
    caller: Caller,
    Wait(until): Wait,
    Json(body): Json<NewLoginBody>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::LoginsWrite)?;
    let (service, asker, new) = (Arc::clone(&state.service), tenant.clone(), body.read()?);
    let started = to_the_end(async move { service.logins.start(&asker, new).await }).await?;
    let status = if matches!(started, Started::New(_)) { StatusCode::CREATED } else { StatusCode::OK };
    let mut login = started.login();
    if until.is_some() {
        login = waited(&state, tenant, login.id, until).await?;
        refuse_taken(&login)?;
    }
    let mut response = (status, Answer(LoginView::from(&login))).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/logins/{}", login.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Read a login
///
/// With `wait`, the answer comes when the login has ended or needs you.
#[utoipa::path(
    get, path = "/v1/logins/{id}", tag = "logins", operation_id = "get_login",
    params(
        ("id" = uuid::Uuid, Path, description = "The login"),
        ("wait" = Option<String>, Query, pattern = "^[0-9]{1,9}(ms|s|m)?$", description = "How long to wait for the next state that needs you: `30s`, at most 60s")
    ),
    responses((status = 200, description = "The login", body = LoginView), Problems)
)]
pub(super) async fn get_login(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<LoginId>,
    Wait(until): Wait,
) -> Result<Answer<LoginView>, Problem> {
    let tenant = caller.may(Scope::StoresRead).or_else(|_| caller.may(Scope::LoginsWrite))?;
    Ok(Answer((&waited(&state, tenant, id, until).await?).into()))
}

/// Answer a challenge
///
/// A wrong code leaves the login in `awaiting_code` with fewer `attempts_left`. The same `Idempotency-Key` with the same answer
/// does nothing twice.
#[utoipa::path(
    post, path = "/v1/logins/{id}/answer", tag = "logins", operation_id = "answer_login", request_body = AnswerBody,
    params(
        ("id" = uuid::Uuid, Path, description = "The login"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "A name of your own for this answer, 1 to 255 characters"),
        ("wait" = Option<String>, Query, pattern = "^[0-9]{1,9}(ms|s|m)?$", description = "How long to wait for the next state that needs you: `30s`, at most 60s")
    ),
    responses((status = 200, description = "The login", body = LoginView), Problems)
)]
pub(super) async fn answer_login(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<LoginId>,
    IdempotencyKey(key): IdempotencyKey,
    Wait(until): Wait,
    Json(body): Json<AnswerBody>,
) -> Result<Answer<LoginView>, Problem> {
    let tenant = caller.may(Scope::LoginsWrite)?;
    let (service, asker, answer) = (Arc::clone(&state.service), tenant.clone(), body.read()?);
    let mut login = to_the_end(async move { service.logins.answer(&asker, id, answer, key).await }).await?;
    if until.is_some() {
        login = waited(&state, tenant, id, until).await?;
        refuse_taken(&login)?;
    }
    Ok(Answer((&login).into()))
}

/// Ask for another code
#[utoipa::path(
    post, path = "/v1/logins/{id}/resend", tag = "logins", operation_id = "resend_code",
    params(("id" = uuid::Uuid, Path, description = "The login")),
    responses((status = 200, description = "The login, with the new challenge", body = LoginView), Problems)
)]
pub(super) async fn resend_code(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<LoginId>,
) -> Result<Answer<LoginView>, Problem> {
    let tenant = caller.may(Scope::LoginsWrite)?.clone();
    let (service, until) = (Arc::clone(&state.service), longest_wait(&state));
    let login = to_the_end(async move { service.logins.resend(&tenant, id, until).await }).await?;
    Ok(Answer((&login).into()))
}

/// Give a login up
///
/// While a password or a code is with the portal, its word is waited for first.
#[utoipa::path(
    delete, path = "/v1/logins/{id}", tag = "logins", operation_id = "cancel_login",
    params(("id" = uuid::Uuid, Path, description = "The login")),
    responses((status = 200, description = "The cancelled login", body = LoginView), Problems)
)]
pub(super) async fn cancel_login(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<LoginId>,
) -> Result<Answer<LoginView>, Problem> {
    let tenant = caller.may(Scope::LoginsWrite)?.clone();
    let (service, until) = (Arc::clone(&state.service), longest_wait(&state));
    let login = to_the_end(async move { service.logins.cancel(&tenant, id, until).await }).await?;
    Ok(Answer((&login).into()))
}

/// Reads a login, waiting while it runs. A service that is told to stop keeps nobody waiting: what it says then is how the
/// login stands, and whoever needs its end asks the next node.
async fn waited(
    state: &State,
    tenant: &Tenant,
    id: LoginId,
    until: Option<Timestamp>,
) -> Result<Login, Error> {
    let logins = &state.service.logins;
    tokio::select! {
        login = logins.get(tenant, id, until) => login,
        () = state.stopping.cancelled() => logins.get(tenant, id, None).await,
    }
}

/// Who waited for a login hears of a store that another user holds as a conflict of this very call.
fn refuse_taken(login: &Login) -> Result<(), Problem> {
    match &login.state {
        LoginState::Failed { failure } if failure.code == Code::StoreTaken => {
            Err(Problem::of(Code::StoreTaken))
        }
        _ => Ok(()),
    }
}
