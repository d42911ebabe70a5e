//! The four endpoints of the Python predecessor, same paths, bodies and statuses, so that its clients run unchanged.
//!
//! They call the same use cases as `/v1`. `partial_session` is a login id, never a password or cookies.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::id::{LoginId, MerchantUid};
use kaspi_auth_core::keeping::Origin;
use kaspi_auth_core::login::{Answer as LoginAnswer, Challenge, Login, LoginState, WhenSeveral};
use kaspi_auth_core::logins::NewLogin;
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;
use super::authentication::Caller;
use super::extract::{Json, Path, longest_wait};
use super::openapi::Problems;
use super::problem::{Problem, to_the_end};

/// The predecessor's login request.
#[derive(Deserialize, ToSchema)]
pub(super) struct LoginBody {
    #[schema(min_length = 3, max_length = 254, pattern = "^[^@\\s]+@[^@\\s]+$")]
    email: String,
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    password: SecretString,
    /// The merchant that is wanted; the account's first when left out.
    merchant_id: Option<String>,
}

/// The predecessor's refresh request.
#[derive(Deserialize, ToSchema)]
pub(super) struct RefreshBody {
    #[schema(min_length = 3, max_length = 254, pattern = "^[^@\\s]+@[^@\\s]+$")]
    email: String,
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    password: SecretString,
}

/// The predecessor's code request.
#[derive(Deserialize, ToSchema)]
pub(super) struct VerifyBody {
    /// What the 202 said; not looked at.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    #[expect(dead_code, reason = "part of the predecessor's body: the login already knows")]
    merchant_id: Option<serde_json::Value>,
    /// 4 to 6 characters.
    #[schema(value_type = String, pattern = "^\\s*[A-Za-z0-9]{4,6}\\s*$")]
    sms_code: SecretString,
    /// What the 202 said.
    partial_session: PartialSession,
}

/// Names the login that waits. Opaque to callers.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PartialSession {
    /// As the 202 gives it.
    Object {
        /// The login.
        login_id: Uuid,
    },
    /// The bare id, or the object as JSON: what a client keeps in a column of text.
    Text(String),
}

impl PartialSession {
    /// Which login it names, if it is one of ours.
    fn login(&self) -> Option<LoginId> {
        let id = match self {
            Self::Object { login_id } => *login_id,
            Self::Text(text) => match serde_json::from_str(text) {
                Ok(Self::Object { login_id }) => login_id,
                _ => text.trim().parse().ok()?,
            },
        };
        Some(LoginId(id))
    }
}

/// The predecessor's answer to a login.
#[derive(Serialize, ToSchema)]
pub(super) struct LoginAnswerView {
    success: bool,
    merchant_uid: Option<String>,
    shop_name: Option<String>,
    requires_sms: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_session: Option<PartialSession>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_id: Option<String>,
}

/// The predecessor's word on a session.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionAnswerView {
    is_valid: bool,
    merchant_uid: String,
    shop_name: Option<String>,
    message: String,
}

/// Sign in (predecessor)
#[utoipa::path(
    post, path = "/api/kaspi/auth/login", tag = "predecessor", operation_id = "predecessor_login", request_body = LoginBody,
    responses(
        (status = 200, description = "Signed in", body = LoginAnswerView),
        (status = 202, description = "A code was sent", body = LoginAnswerView),
        Problems
    )
)]
pub(super) async fn login(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(body): Json<LoginBody>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::LoginsWrite)?;
    let wanted = body.merchant_id.as_deref().filter(|id| !id.is_empty()).map(MerchantUid::parse).transpose();
    let wanted = wanted.map_err(|error| Error::new(Code::InvalidValue, error.0))?;
    sign_in(&state, tenant, &body.email, body.password, wanted).await
}

/// Answer the code (predecessor)
#[utoipa::path(
    post, path = "/api/kaspi/auth/verify-sms", tag = "predecessor", operation_id = "predecessor_verify_sms", request_body = VerifyBody,
    responses((status = 200, description = "Signed in", body = LoginAnswerView), Problems)
)]
pub(super) async fn verify_sms(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(body): Json<VerifyBody>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::LoginsWrite)?;
    let code = body.sms_code.expose_secret().trim();
    if !(4..=6).contains(&code.chars().count()) {
        return Err(Problem::new(Code::InvalidValue, "sms_code has 4 to 6 characters."));
    }
    let answer = LoginAnswer::code(code).map_err(|error| Error::new(Code::InvalidValue, error.0))?;
    let unfit = || Problem::new(Code::InvalidValue, "partial_session is not what a login answered.");
    let id = body.partial_session.login().ok_or_else(unfit)?;
    let (service, asker) = (Arc::clone(&state.service), tenant.clone());
    to_the_end(async move { service.logins.answer(&asker, id, answer, None).await }).await?;
    let login = state.service.logins.get(tenant, id, Some(longest_wait(&state))).await?;
    match &login.state {
        // The predecessor says 400 to any code that does not do, the last one as well.
        LoginState::Awaiting { challenge: Challenge::Code(code) } => {
            let last = code.last_error.as_ref();
            let code = last.map_or(Code::CodeRejected, |error| error.code);
            Err(Error::of(code)
                .with_portal_message(last.and_then(|error| error.portal_message.clone()))
                .into())
        }
        LoginState::Failed { failure } if failure.code == Code::CodeAttemptsExhausted => {
            Err(Error::new(Code::CodeRejected, failure.detail.clone())
                .with_portal_message(failure.portal_message.clone())
                .into())
        }
        _ => settled(&login),
    }
}

/// Whether a session is valid (predecessor)
///
/// Asks the cabinet on every call, as the predecessor does. When the cabinet does not answer, the last known word stands.
#[utoipa::path(
    get, path = "/api/kaspi/auth/session/{merchant_id}", tag = "predecessor", operation_id = "predecessor_get_session",
    params(("merchant_id" = String, Path, description = "The portal's id of the merchant")),
    responses((status = 200, description = "What was found", body = SessionAnswerView), Problems)
)]
pub(super) async fn get_session(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
) -> Result<Answer<SessionAnswerView>, Problem> {
    let tenant = caller.may(Scope::SessionsRead)?;
    let found = state.service.sessions.validate(tenant, &uid).await?;
    let store = state.service.stores.get(tenant, &uid).await?;
    Ok(Answer(SessionAnswerView {
        is_valid: found.known != Validity::Dead,
        merchant_uid: uid.to_string(),
        shop_name: store.name,
        message: found.reason,
    }))
}

/// Sign in again (predecessor)
#[utoipa::path(
    post, path = "/api/kaspi/auth/session/{merchant_id}/refresh", tag = "predecessor", operation_id = "predecessor_refresh_session",
    request_body = RefreshBody,
    params(("merchant_id" = String, Path, description = "The portal's id of the merchant")),
    responses(
        (status = 200, description = "Signed in", body = LoginAnswerView),
        (status = 202, description = "A code was sent", body = LoginAnswerView),
        Problems
    )
)]
pub(super) async fn refresh_session(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(uid): Path<MerchantUid>,
    Json(body): Json<RefreshBody>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::LoginsWrite)?;
    state.service.stores.get(tenant, &uid).await?;
    sign_in(&state, tenant, &body.email, body.password, Some(uid)).await
}

async fn sign_in(
    state: &State,
    tenant: &Tenant,
    email: &str,
    password: SecretString,
    wanted: Option<MerchantUid>,
) -> Result<Response, Problem> {
    let credentials = Credentials::password(email, password)
        .map_err(|error| Error::new(Code::InvalidValue, format!("The account cannot be used: {error}.")))?;
    let new = NewLogin {
        origin: Origin::Caller,
        code_source: None,
        credentials,
        user_id: None,
        engine: None,
        store_password: true,
        wanted,
        when_several: WhenSeveral::First,
    };
    let (service, asker) = (Arc::clone(&state.service), tenant.clone());
    let login = to_the_end(async move { service.logins.start(&asker, new).await }).await?.login();
    settled(&state.service.logins.get(tenant, login.id, Some(longest_wait(state))).await?)
}

/// The predecessor's answer for where a login has come to.
fn settled(login: &Login) -> Result<Response, Problem> {
    match &login.state {
        LoginState::Succeeded { store } => Ok(Answer(LoginAnswerView {
            success: true,
            merchant_uid: Some(store.merchant_uid.to_string()),
            shop_name: store.shop_name.clone(),
            requires_sms: false,
            message: "Signed in.".to_owned(),
            partial_session: None,
            merchant_id: None,
        })
        .into_response()),
        LoginState::Awaiting { challenge: Challenge::Code(_) } => {
            let body = LoginAnswerView {
                success: false,
                merchant_uid: None,
                shop_name: None,
                requires_sms: true,
                message: Code::SmsRequired.advice().to_owned(),
                partial_session: Some(PartialSession::Object { login_id: login.id.0 }),
                // The predecessor's clients send it back: it must be there, also when nobody knows the merchant yet.
                merchant_id: Some(
                    login.wanted.as_ref().map_or_else(|| login.id.to_string(), ToString::to_string),
                ),
            };
            Ok((StatusCode::ACCEPTED, Answer(body)).into_response())
        }
        LoginState::Failed { failure } => Err(Error::from(failure).into()),
        LoginState::Expired => Err(Problem::of(Code::LoginExpired)),
        LoginState::Cancelled => Err(Problem::of(Code::LoginCancelled)),
        LoginState::Awaiting { .. } => Err(Problem::new(
            Code::KaspiAuthError,
            "The portal asks for a person; go on with this login under /v1/logins.",
        )),
        _ => Err(Problem::of(Code::RequestTimeout)),
    }
}
