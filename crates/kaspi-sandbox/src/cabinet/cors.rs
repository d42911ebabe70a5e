//! CORS of the cabinet host: only the site's origin, with credentials (CONTRACT 4, 8.10: inferred).
//! It must not look at cookies.

use super::entry::is_preflight;
use crate::{host::Here, knobs::Knobs, reply};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};

/// The `Origin` of a request.
pub(crate) struct Origin {
    /// The site's, to be allowed.
    site: Option<HeaderValue>,
    foreign: bool,
}

impl Origin {
    /// Reads it.
    pub(crate) fn of(headers: &HeaderMap, here: &Here) -> Self {
        let origin = headers.get(header::ORIGIN);
        let site = origin.filter(|origin| {
            origin.as_bytes() == here.origins.site.as_bytes() || origin.as_bytes() == b"https://kaspi.kz"
        });
        Self { site: site.cloned(), foreign: origin.is_some() && site.is_none() }
    }

    /// The answer to a preflight, and to a foreign origin where that is refused.
    pub(super) fn answer(&self, request: &Request<axum::body::Body>, knobs: &Knobs) -> Option<Response> {
        let preflight = is_preflight(request);
        if self.foreign && (preflight || knobs.cabinet.refuse_foreign_origin) {
            return Some(reply::empty(StatusCode::FORBIDDEN));
        }
        if !preflight || self.site.is_none() {
            return None;
        }
        let mut response = reply::empty(StatusCode::OK);
        let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let headers = response.headers_mut();
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        );
        let default = HeaderValue::from_static("content-type, x-auth-version");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(default));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("1800"));
        self.mark(&mut response);
        Some(response)
    }

    /// Puts the headers on an answer for the site.
    pub(crate) fn mark(&self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(site) = &self.site {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, site.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}
