//! The HTTP API: router, server loop. Rooms: one file a resource, wire types in [`model`], errors in [`problem`].
//!
//! A handler extracts, calls one use case, converts. Must not hold a rule.

pub mod openapi;

mod api_keys;
mod audit;
mod authentication;
mod batches;
mod egresses;
mod events;
mod evidence;
mod extract;
mod gateway;
mod health;
mod jobs;
mod logins;
mod middleware;
pub(crate) mod model;
mod predecessor;
mod problem;
mod problem_pages;
mod server;
mod sessions;
mod stores;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, post};
use kaspi_auth_core::Code;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::problem::Problem;
pub use self::tokens::TokensError;
use crate::config::Config;
use crate::wiring::Service;

/// What handlers share.
#[derive(Clone)]
pub struct State {
    service: Arc<Service>,
    tokens: Arc<tokens::Tokens>,
    metrics: PrometheusHandle,
    limits: middleware::Limits,
    /// The service has been told to stop.
    stopping: CancellationToken,
}

impl axum::extract::FromRef<State> for Arc<Service> {
    fn from_ref(state: &State) -> Self {
        Arc::clone(&state.service)
    }
}

/// Every documented route with its description.
fn described() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(logins::start_login))
        .routes(routes!(logins::get_login, logins::cancel_login))
        .routes(routes!(logins::answer_login))
        .routes(routes!(logins::resend_code))
        .routes(routes!(stores::list_stores))
        .routes(routes!(stores::get_store, stores::change_store, stores::delete_store))
        .routes(routes!(stores::get_timeline))
        .routes(routes!(stores::get_calls))
        .routes(routes!(stores::explain_store))
        .routes(routes!(sessions::get_session))
        .routes(routes!(sessions::validate_session))
        .routes(routes!(sessions::refresh_session))
        .routes(routes!(sessions::report_session))
        .routes(routes!(batches::validate_sessions))
        .routes(routes!(batches::refresh_sessions))
        .routes(routes!(batches::get_batch))
        .routes(routes!(batches::list_batch_stores))
        .routes(routes!(evidence::get_evidence))
        .routes(routes!(evidence::get_evidence_screenshot))
        .routes(routes!(evidence::get_evidence_picture))
        .routes(routes!(evidence::get_challenge_picture))
        .routes(routes!(egresses::list_egresses, egresses::add_egress))
        .routes(routes!(egresses::get_egress, egresses::change_egress, egresses::delete_egress))
        // The router takes a whole part of a path only: `{id}` with its `:check` is read by the handler, and described apart.
        .route("/v1/egresses/{id}", post(egresses::check_egress))
        .routes(routes!(events::list_events))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(audit::list_audit))
        // Any method, and a path with slashes: described apart.
        .route(gateway::ROUTE, any(gateway::call_cabinet))
        .routes(routes!(api_keys::list_api_keys, api_keys::create_api_key))
        .routes(routes!(api_keys::revoke_api_key))
        .routes(routes!(predecessor::login))
        .routes(routes!(predecessor::verify_sms))
        .routes(routes!(predecessor::get_session))
        .routes(routes!(predecessor::refresh_session))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// The whole router.
fn router(state: State) -> Router {
    let (routes, document) = openapi::with_description(described()).split_for_parts();
    let here = middleware::Surroundings {
        limits: state.limits,
        clock: Arc::clone(&state.service.clock),
        auditor: Arc::clone(&state.service.auditor),
        audited: Arc::new(audit::Routes::of(&document)),
    };
    routes
        .merge(openapi::pages(document))
        .fallback(|| async { Problem::of(Code::NotFound) })
        .method_not_allowed_fallback(|| async { Problem::of(Code::MethodNotAllowed) })
        .with_state(state)
        .layer(axum::middleware::from_fn_with_state(here, middleware::around))
}

/// Serves the API until `stop`, then finishes open requests.
///
/// # Errors
/// The JWT settings cannot be used, or the listener fails.
pub async fn serve(
    service: Arc<Service>,
    config: &Config,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let tokens = tokens::Tokens::new(&config.auth, Arc::clone(&service.clock))?;
    let state = State {
        service,
        tokens: Arc::new(tokens),
        metrics: crate::process::metrics(),
        limits: middleware::Limits::new(config),
        stopping: stop.clone(),
    };
    server::run(router(state), listener, stop, &config.server).await;
    Ok(())
}

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The JWT settings.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}
