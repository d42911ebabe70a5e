//! `/v1/stores/{merchant_uid}/cabinet/{path}`: a service's own call of the cabinet. Bodies pass as they come, both ways.

use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, TryStreamExt as _};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::{Code, Error};
use kaspi_auth_portal::CabinetBody;

use super::State;
use super::authentication::Caller;
use super::extract::PathPart as _;
use super::middleware::Limits;
use super::openapi::Problems;
use super::problem::Problem;
use crate::gateway::{self, Answered, Call, class};

/// Which session the call was made with.
const GENERATION: HeaderName = HeaderName::from_static("kaspi-auth-generation");
/// The caller's word that the call may be sent a second time.
const REPEAT: HeaderName = HeaderName::from_static("kaspi-auth-repeat");
/// The route. What passes it is bounded by silence, and by a time of its own in place of the usual one.
pub(super) const ROUTE: &str = "/v1/stores/{merchant_uid}/cabinet/{*path}";
/// Parts of the path before the cabinet's own: `/v1/stores/{merchant_uid}/cabinet`.
const OURS: usize = 4;

/// Call the cabinet
///
/// Any method, path, query, headers and body, as the cabinet takes them; the answer comes as the cabinet gives it, with `Kaspi-Auth-Generation`. Cookies and
/// credentials pass in neither direction. A session that the cabinet does not know is renewed, and the call repeated: `GET`, `HEAD` and `OPTIONS` by themselves,
/// others with the header `Kaspi-Auth-Repeat: true`. The key must have the scope `cabinet:call` and name the path.
#[utoipa::path(
    get, path = "/v1/stores/{merchant_uid}/cabinet/{path}", tag = "cabinet", operation_id = "call_cabinet",
    params(
        ("merchant_uid" = String, Path, description = "The portal's id of the merchant"),
        ("path" = String, Path, description = "The cabinet's path, slashes and all, with its query")
    ),
    responses((status = 200, description = "What the cabinet answers, whatever its status", body = String, content_type = "application/octet-stream"), Problems)
)]
pub(super) async fn call_cabinet(
    Shared(state): Shared<State>,
    caller: Result<Caller, Problem>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let answered = match caller {
        Ok(caller) => call(&state, &caller, request).await,
        Err(problem) => Err(problem),
    };
    match answered {
        Ok(response) => {
            gateway::count(class(response.status()), started.elapsed());
            response
        }
        Err(problem) => {
            gateway::count(problem.code().as_str(), started.elapsed());
            problem.into_response()
        }
    }
}

async fn call(state: &State, caller: &Caller, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (uid, rest) =
        parts.uri.path_and_query().and_then(|text| split(text.as_str())).ok_or(Code::NotFound)?;
    let who = gateway::Caller { tenant: caller.tenant(), key: caller.key() };
    let gateway = &state.service.gateway;
    let path = gateway.allowed(who, &parts.method, rest)?;
    let uid = MerchantUid::read(uid).ok_or(MerchantUid::UNKNOWN)?;
    if parts.headers.contains_key(header::UPGRADE) {
        let detail = "The gateway passes requests and answers, and no upgrades such as WebSocket.";
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    let body = read(body, &parts.headers, &state.limits).await?;
    let is_head = parts.method == Method::HEAD;
    let call = Call { method: parts.method, headers: parts.headers, body };
    let answered = gateway.call(caller.tenant(), &uid, path, call).await?;
    Ok(respond(answered, is_head))
}

/// The uid and the cabinet's own path with its query, as they came.
fn split(path_and_query: &str) -> Option<(&str, &str)> {
    let (start, _) = path_and_query.match_indices('/').nth(OURS)?;
    let uid = path_and_query.split('/').nth(OURS - 1)?;
    Some((uid, &path_and_query[start..]))
}

async fn read(body: Body, headers: &HeaderMap, limits: &Limits) -> Result<Option<gateway::Body>, Problem> {
    let limit = limits.repeat();
    let may_repeat = match headers.get(REPEAT).map(HeaderValue::as_bytes) {
        None | Some(b"false") => false,
        Some(b"true") => true,
        Some(_) => return Err(Problem::new(Code::InvalidValue, "Kaspi-Auth-Repeat is true or false.")),
    };
    if may_repeat {
        let too_large = || {
            Problem::new(
                Code::PayloadTooLarge,
                format!(
                    "A body that may be repeated has {limit} bytes at most. Send it without Kaspi-Auth-Repeat."
                ),
            )
        };
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        // What is held in memory has no longer than any other body.
        let whole = tokio::time::timeout(limits.timeout(), axum::body::to_bytes(body, limit)).await;
        let whole = whole.map_err(|_| Problem::of(Code::RequestTimeout))?;
        return whole.map(|bytes| Some(gateway::Body::Again(bytes))).map_err(|error| {
            let is_long = std::error::Error::source(&error)
                .is_some_and(|source| source.to_string().contains("length limit"));
            if is_long {
                too_large()
            } else {
                Problem::new(Code::InvalidRequest, "The body could not be read to its end.")
            }
        });
    }
    if body.is_end_stream() {
        return Ok(None);
    }
    let length = body.size_hint().exact();
    let stream = body.into_data_stream().map_err(Into::into).boxed();
    Ok(Some(gateway::Body::Once(CabinetBody::Stream { length, stream })))
}

fn respond(answered: Answered, is_head: bool) -> Response {
    let Answered { answer, generation } = answered;
    let is_empty = is_head || matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if is_empty { Body::empty() } else { Body::from_stream(answer.body) };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    let headers = response.headers_mut();
    if answer.status == StatusCode::NO_CONTENT {
        headers.remove(header::CONTENT_LENGTH);
    }
    headers.insert(GENERATION, HeaderValue::from(generation));
    // It was made for one store, whatever the cabinet says of its own caches: none between us and the caller may keep it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A page of the cabinet is no page of ours: should a browser show it, its scripts do not run.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    response.extensions_mut().insert(super::audit::Said(class(answer.status)));
    response
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Error::of(code).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cabinets_own_path_is_cut_off_as_it_came() {
        let prefix = "/v1/stores/30000001/cabinet";
        for own in ["/s/m", "/a%20b?x=1/2", "//evil.test/", "/", "/mc/?u=/v1/stores/1/cabinet/x"] {
            assert_eq!(split(&format!("{prefix}{own}")), Some(("30000001", own)));
        }
        assert_eq!(split(prefix), None);
    }
}
