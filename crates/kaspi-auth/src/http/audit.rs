//! Which requests are written into the audit log, and under which name: every one that a documented route of `/v1` or of the predecessor takes, by
//! construction. `GET /v1/audit` reads it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use kaspi_auth_core::Code;
use kaspi_auth_core::api_key::Scope;
use utoipa::openapi::{HttpMethod, OpenApi};

use super::authentication::Caller;
use super::extract::Query;
use super::model::{AuditPage, AuditQuery};
use super::openapi::Problems;
use super::problem::Problem;
use crate::auditing::Who;
use crate::wiring::Service;

/// What is asked often, by services that go about their work, and changes nothing that a person decides: added up as reads are.
const ADDED_UP: [&str; 2] = ["report_session", "validate_session"];
/// Beginnings of addresses that are audited.
const AUDITED: [&str; 2] = ["/v1/", "/api/kaspi/"];

/// What an answer says of itself, where its status does not: the cabinet's answers are no problems of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said(pub(super) &'static str);

/// An audited route: its places in the path, and the name of each method.
struct Route {
    /// Which part of the path names the store.
    store: Option<usize>,
    /// Which part of the path names something else.
    subject: Option<usize>,
    actions: Vec<(Method, Action)>,
}

#[derive(Debug, Clone)]
struct Action {
    name: Arc<str>,
    is_read: bool,
}

/// All audited routes, by their templates.
pub(super) struct Routes(HashMap<String, Route>);

/// What a request is about.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) action: Arc<str>,
    pub(super) store: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) is_read: bool,
}

impl Routes {
    /// From the API's description: a route that is described is audited.
    pub(super) fn of(document: &OpenApi) -> Self {
        let mut routes: HashMap<String, Route> = HashMap::new();
        for (path, item) in &document.paths.paths {
            if !AUDITED.iter().any(|beginning| path.starts_with(beginning)) {
                continue;
            }
            let template = template(path);
            let part = |names: &[&str]| template.split('/').position(|part| names.contains(&part));
            let operations = [
                (HttpMethod::Get, &item.get),
                (HttpMethod::Put, &item.put),
                (HttpMethod::Post, &item.post),
                (HttpMethod::Delete, &item.delete),
                (HttpMethod::Options, &item.options),
                (HttpMethod::Head, &item.head),
                (HttpMethod::Patch, &item.patch),
            ];
            let named = operations.into_iter().filter_map(|(method, operation)| {
                let name = operation.as_ref()?.operation_id.as_deref()?;
                let method = method_of(&method)?;
                let is_read = method.is_safe() || ADDED_UP.contains(&name);
                Some((method, Action { name: name.into(), is_read }))
            });
            let route = Route {
                store: part(&["{merchant_uid}", "{merchant_id}"]),
                subject: part(&["{id}"]),
                actions: Vec::new(),
            };
            routes.entry(template.clone()).or_insert(route).actions.extend(named);
        }
        Self(routes)
    }

    /// What a request is about; `None`: it is not audited.
    pub(super) fn find<'a>(&self, template: &str, method: &Method, path: &'a str) -> Option<Request<'a>> {
        let route = self.0.get(template)?;
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let known = route.actions.iter().find(|(known, _)| known == method || known == wanted);
        let action = known.map_or_else(
            || Action { name: format!("{method} {template}").into(), is_read: method.is_safe() },
            |(_, action)| action.clone(),
        );
        let part = |place: Option<usize>| place.and_then(|place| path.split('/').nth(place));
        let is_uid = |text: &&str| {
            (1..=64).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        let gateway = path.match_indices('/').nth(4).map(|(start, _)| &path[start..]);
        let subject = if template.ends_with("/{*path}") { gateway } else { part(route.subject) };
        Some(Request {
            action: action.name,
            store: part(route.store).filter(is_uid),
            subject,
            is_read: action.is_read,
        })
    }
}

/// The router's template of a described path: what it cannot say in its own words is described apart.
fn template(path: &str) -> String {
    path.replace("/cabinet/{path}", "/cabinet/{*path}").replace("{id}:check", "{id}")
}

fn method_of(method: &HttpMethod) -> Option<Method> {
    Some(match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Post => Method::POST,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => return None,
    })
}

/// What came of a request: `ok`, a problem's code, or what the answer says of itself.
pub(super) fn result(response: &Response) -> &'static str {
    if let Some(code) = response.extensions().get::<Code>() {
        return code.as_str();
    }
    match response.extensions().get::<Said>() {
        Some(Said("2xx" | "3xx")) => "ok",
        Some(Said(class)) => class,
        None if response.status() < StatusCode::BAD_REQUEST => "ok",
        None => "failed",
    }
}

/// What a request has made: the last part of where it lies.
pub(super) fn made(response: &Response) -> Option<&str> {
    response.headers().get(header::LOCATION)?.to_str().ok()?.rsplit('/').next()
}

/// Whether it is written before its answer goes out. A refusal of somebody who is not known changed nothing, and costs no write.
pub(super) fn is_written_at_once(request: &Request<'_>, who: &Who) -> bool {
    !request.is_read && !matches!(who, Who::Anonymous)
}

/// Read the audit log
///
/// Who read or changed what, newest first. Call again with `before` = `next_before` for what came earlier.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", operation_id = "list_audit", params(AuditQuery),
    responses((status = 200, description = "What was done before the cursor", body = AuditPage), Problems)
)]
pub(super) async fn list_audit(
    Shared(service): Shared<Arc<Service>>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Answer<AuditPage>, Problem> {
    caller.may(Scope::Admin)?;
    let mut filter = query.read()?;
    // This node's reads of the last moments stand in it, too.
    service.auditor.flush().await?;
    filter.limit += 1;
    let entries = service.records.audit_log(&filter).await?;
    Ok(Answer(AuditPage::new(&entries, filter.limit - 1)))
}
