//! A service's own call of the cabinet, made with a session that the service never sees: headers cleaned both ways, cookies put in
//! and taken out, bodies passed on as they come. Must not follow a redirect, repeat a call, or reach any host but the cabinet.

mod coming;
mod headers;
mod path;
mod upload;
mod verdict;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::session::Cookie;
use kaspi_auth_core::{Code, Error};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use url::Url;

use self::coming::{Coming, Ending};
pub use self::path::{CabinetPath, cabinet_path};
pub use self::upload::{BodyError, CabinetBody};
use self::upload::{Upload, Watch};
pub use self::verdict::CabinetVerdict;
use super::renewed::Renewed;
use crate::direct::{DirectEngine, Portal};
use crate::http::unavailable;
use crate::jar;
use crate::settings::HostRole;

/// How much of a page is looked at.
const PEEK: usize = 64 * 1024;
/// An answer may take as long as it comes on; this only ends what would never end.
const LONGEST_ANSWER: Duration = Duration::from_hours(24);

/// A call of the cabinet.
pub struct CabinetCall {
    /// The method; `CONNECT` and `TRACE` are refused.
    pub method: Method,
    /// What is called.
    pub path_and_query: CabinetPath,
    /// The caller's headers, as they came.
    pub headers: HeaderMap,
    /// The caller's body.
    pub body: Option<CabinetBody>,
}

/// The cabinet's answer. No `Debug`: it may hold anything.
pub struct CabinetAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers that pass on. `Content-Length` is among them where it is true of the body.
    pub headers: HeaderMap,
    /// All of the session's cookies after the answer, where it changed any.
    pub cookies: Option<Vec<Cookie>>,
    /// Whether the answer brought another value of `mc-sid`: a new session.
    pub replaced: bool,
    /// How the answer bears on the session.
    pub verdict: CabinetVerdict,
    /// When the portal wants to be asked again, where it says so.
    pub retry_at: Option<Timestamp>,
    /// The body, from its first byte on. It ends with `portal_unavailable` where the portal breaks off or falls silent.
    pub body: BoxStream<'static, Result<Bytes, Error>>,
}

impl DirectEngine {
    /// Calls the cabinet with a session's cookies over its way out, once.
    ///
    /// # Errors
    /// `portal_unavailable`: no answer, or the host is left alone for a while (`retry_at`). `payload_too_large`: a body beyond
    /// `PortalSettings::request_limit`. `invalid_request`: the caller's body broke off. `request_timeout`: the caller fell silent.
    /// `method_not_allowed`: no method of the cabinet's. `egress_unusable`: a proxy that cannot be written as an address.
    pub async fn call_cabinet(
        &self,
        route: &Route,
        cookies: &[Cookie],
        call: CabinetCall,
    ) -> Result<CabinetAnswer, Error> {
        self.over(route)?.call_cabinet(cookies, call).await
    }
}

/// The headers of the cabinet's script, ready to be sent.
pub(crate) fn ready_headers(told: Vec<(&'static str, String)>) -> HeaderMap {
    let pair = |(name, value): (&'static str, String)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::try_from(value).ok()?))
    };
    told.into_iter().filter_map(pair).collect()
}

impl Portal {
    async fn call_cabinet(&self, cookies: &[Cookie], call: CabinetCall) -> Result<CabinetAnswer, Error> {
        let CabinetCall { method, path_and_query: path, headers, body } = call;
        if method == Method::CONNECT || method == Method::TRACE {
            return Err(Error::new(Code::MethodNotAllowed, "The cabinet is not called with this method."));
        }
        let origin = self.http.origins.of(HostRole::Cabinet);
        let url = path.at(origin)?;
        let mut headers = headers::inward(headers, &self.script_headers);
        let host = origin.host_str().unwrap_or_default();
        if let Some(line) = jar::line(cookies, host, path.path(), self.http.now()) {
            headers.insert(header::COOKIE, line);
        }
        let request = self.http.client.request(method, url.clone()).timeout(LONGEST_ANSWER);
        let (request, watch) = self.with_body(request, &mut headers, body)?;
        let permit = self.http.permit(HostRole::Cabinet)?;
        let part = path.part();
        let started = Instant::now();
        let answered = self.head(request.headers(headers), watch.as_deref(), part).await;
        let (elapsed, observer) = (started.elapsed(), self.http.observer.clone());
        let ending = |status| Ending { observer, part, status, elapsed };
        let mut response = match answered {
            Ok(response) => response,
            Err(error) => {
                // What the caller did says nothing about the portal.
                if error.code() == Code::PortalUnavailable {
                    self.http.settle(permit, false);
                    drop(ending(None));
                }
                return Err(error);
            }
        };
        let status = response.status();
        let ending = ending(Some(status.as_u16()));
        match status.as_u16() {
            // A call that the cabinet cannot work with: that is its caller's, and must not keep all others from the portal.
            500 | 501 | 505.. => drop(permit),
            status => self.http.settle(permit, status < 500),
        }
        let told = std::mem::take(response.headers_mut());
        let mut coming = Coming::new(response, self.http.stall, ending);
        let page = if verdict::is_telling_page(status, &told) {
            verdict::page_of(&coming.peek(PEEK).await, &told)
        } else {
            None
        };
        let (verdict, retry_at) = self.bearing(status, &told, page.as_ref(), &url);
        let Renewed { cookies, replaced } = self.renewed(cookies, &told, &url, verdict);
        let headers = headers::outward(told);
        Ok(CabinetAnswer { status, headers, cookies, replaced, verdict, retry_at, body: coming.stream() })
    }

    fn renewed(&self, cookies: &[Cookie], told: &HeaderMap, url: &Url, verdict: CabinetVerdict) -> Renewed {
        let mut renewed = Renewed::by(cookies, told, url, &self.http.origins);
        // Whoever is not let in is given no session.
        renewed.replaced &= verdict != CabinetVerdict::Unauthorized;
        renewed
    }

    fn with_body(
        &self,
        request: RequestBuilder,
        headers: &mut HeaderMap,
        body: Option<CabinetBody>,
    ) -> Result<(RequestBuilder, Option<Arc<Watch>>), Error> {
        let limit = self.http.request_limit;
        let fits = |length: u64| if length > limit { Err(upload::too_large(limit)) } else { Ok(()) };
        match body {
            None => Ok((request, None)),
            Some(CabinetBody::Whole(bytes)) => {
                fits(bytes.len() as u64)?;
                Ok((request.body(bytes), None))
            }
            Some(CabinetBody::Stream { length, stream }) => {
                if let Some(length) = length {
                    fits(length)?;
                    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
                }
                let (upload, watch) = Upload::new(stream, length, limit);
                Ok((request.body(reqwest::Body::wrap_stream(upload)), Some(watch)))
            }
        }
    }

    /// Sends the request and waits for the head of the answer: as long as the body goes on, and then one time-out.
    async fn head(
        &self,
        request: RequestBuilder,
        watch: Option<&Watch>,
        part: &'static str,
    ) -> Result<Response, Error> {
        let mut sending = pin!(request.send());
        let mut sent = 0;
        loop {
            let waited = tokio::time::timeout(self.http.stall, &mut sending).await;
            if let Some(fault) = watch.and_then(|watch| watch.fault(self.http.request_limit)) {
                return Err(fault);
            }
            match (waited, watch) {
                (Ok(Ok(response)), _) => return Ok(response),
                (Ok(Err(error)), _) => return Err(unavailable(error, part)),
                (Err(_), Some(watch)) if watch.sent() > sent => sent = watch.sent(),
                (Err(_), Some(watch)) if watch.waits_for_caller() => {
                    let detail = "The rest of the request's body did not come in time.";
                    return Err(Error::new(Code::RequestTimeout, detail));
                }
                (Err(_), _) => {
                    let detail = format!("The portal did not answer in time ({part}). Try again later.");
                    return Err(Error::new(Code::PortalUnavailable, detail));
                }
            }
        }
    }
}
