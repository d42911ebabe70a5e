//! The description of the API (OpenAPI 3.1), generated from the handlers, and the pages that show it. All assets are embedded.

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use kaspi_auth_core::Code;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use super::model::PageFixture;
use super::problem::{Problem, ProblemBody};
use super::{State, problem_pages};

/// What every operation may answer besides its own.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum Problems {
    /// A problem (RFC 9457): see `code`, and its page under `/docs/problems/{code}`
    #[response(status = "default", content_type = "application/problem+json")]
    Problem(ProblemBody),
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "kaspi-auth",
        description = "Signs Kaspi merchants in to their own merchant cabinet, keeps the session alive, and serves it.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    modifiers(&Bearer, &AnyMethod),
    // Routed by hand.
    paths(super::egresses::check_egress, super::gateway::call_cabinet),
    // Named by a response that stands for all others: the macro does not collect it from there.
    components(schemas(ProblemBody, PageFixture)),
    security(("bearer" = [])),
    tags(
        (name = "logins", description = "Sign a merchant in"),
        (name = "stores", description = "What is held"),
        (name = "sessions", description = "Live sessions"),
        (name = "batches", description = "Many stores at once"),
        (name = "cabinet", description = "Calls of the cabinet with a session that the caller never sees"),
        (name = "egresses", description = "The ways out to the portal"),
        (name = "events", description = "What an operator should hear of"),
        (name = "audit", description = "Who read or changed what"),
        (name = "jobs", description = "Work in the background"),
        (name = "api-keys", description = "Keys of the services that call"),
        (name = "predecessor", description = "The Python predecessor's four endpoints"),
        (name = "health", description = "Health and figures")
    )
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        let scheme = SecurityScheme::Http(
            Http::builder()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("An API key (`ka_…`), or a JWT whose `sub` is the `user_id`."))
                .build(),
        );
        components.add_security_scheme("bearer", scheme);
    }
}

/// A call of the cabinet takes any method.
struct AnyMethod;

impl Modify for AnyMethod {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let Some(item) = document.paths.paths.get_mut("/v1/stores/{merchant_uid}/cabinet/{path}") else {
            return;
        };
        let Some(get) = item.get.clone() else { return };
        let with = |method: &str| {
            let mut operation = get.clone();
            operation.operation_id = get.operation_id.as_ref().map(|id| format!("{id}_{method}"));
            Some(operation)
        };
        (item.post, item.put) = (with("post"), with("put"));
        (item.patch, item.delete) = (with("patch"), with("delete"));
    }
}

/// Puts the general part before the routes' own descriptions.
pub(super) fn with_description(routes: OpenApiRouter<State>) -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(Description::openapi()).merge(routes)
}

/// The whole document.
pub fn document() -> utoipa::openapi::OpenApi {
    with_description(super::described()).into_openapi()
}

/// `/openapi.json`, `/docs` and the pages of the problems.
pub(super) fn pages(document: utoipa::openapi::OpenApi) -> Router<State> {
    Router::from(SwaggerUi::new("/docs").url("/openapi.json", document))
        .layer(map_response(nothing_there))
        .route("/", get(|| async { Redirect::to("/docs/") }))
        .route("/docs/problems/{code}", get(problem_page))
}

/// An asset that there is not: a problem like any other.
async fn nothing_there(answer: Response) -> Response {
    if answer.status() == StatusCode::NOT_FOUND {
        Problem::of(Code::NotFound).into_response()
    } else {
        answer
    }
}

/// What a code means: the `type` of every problem leads here.
async fn problem_page(code: Result<Path<String>, PathRejection>) -> Response {
    let code = code.ok().and_then(|Path(code)| Code::parse(&code));
    let Some(page) = code.and_then(problem_pages::page) else {
        return Problem::of(Code::NotFound).into_response();
    };
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/markdown; charset=utf-8"))], page).into_response()
}
