//! Traces over OTLP, where the configuration names a collector: what is exported, and how it gets out.
//!
//! Only spans of [`TARGET`] leave the process, each made here with attributes that are listed here: no span of a library, no line of
//! the log. Must not take a secret, an account or a path with an id as an attribute.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, Method};
use jiff::Timestamp;
use kaspi_auth_core::login::Driver;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::config;

/// The target of every span that may be exported, and of nothing else.
pub const TARGET: &str = "kaspi_auth::trace";

/// How long a stopping process waits for the collector.
const LAST_WORDS: Duration = Duration::from_secs(5);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Prepares the way out. `None`: no collector is configured, or traces are set up already.
///
/// # Errors
/// The client of the collector cannot be built.
pub fn start(settings: &config::Telemetry) -> Result<Option<SdkTracer>, ExporterBuildError> {
    let Some(endpoint) = settings.traces_url().filter(|_| PROVIDER.get().is_none()) else { return Ok(None) };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.as_str())
        .with_timeout(LAST_WORDS)
        .build()?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio)));
    let resource = Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("kaspi-auth");
    // Set between the look above and here: two tests in one process; the first stays.
    let _ = PROVIDER.set(provider);
    Ok(Some(tracer))
}

/// Sends what is still here, and ends. Blocks for some seconds at most.
pub fn stop() {
    let Some(provider) = PROVIDER.get() else { return };
    if let Err(error) = provider.shutdown_with_timeout(LAST_WORDS) {
        tracing::warn!(%error, "the last traces could not be sent");
    }
}

/// A request to the API. `route`: as the router has it, never the path that was called.
pub fn request(method: &Method, route: Option<&str>, headers: &HeaderMap) -> Span {
    // Most installations trace nothing, and are asked often.
    if PROVIDER.get().is_none() {
        return Span::none();
    }
    let name = route.map_or_else(|| method.to_string(), |route| format!("{method} {route}"));
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = name,
        otel.kind = "server",
        http.request.method = method.as_str(),
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
    );
    let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    // Fails where another subscriber was installed before ours: then nothing is exported.
    let _ = span.set_parent(caller);
    span
}

/// Says how the request was answered.
pub fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// What is carried out of a login in one go, from its begin or its answer to where it waits or ends.
pub fn drive(id: kaspi_auth_core::id::LoginId) -> Span {
    tracing::info_span!(target: TARGET, "login drive", login.id = %id)
}

/// A refresh of a session, all its rungs.
pub fn refresh() -> Span {
    tracing::info_span!(target: TARGET, "refresh")
}

/// A call through the gateway to the cabinet.
pub fn gateway(method: &Method) -> Span {
    tracing::info_span!(target: TARGET, "gateway call", otel.kind = "client", http.request.method = method.as_str())
}

/// A step of a login, that has just ended.
pub fn stepped(step: &'static str, driver: Driver, outcome: &'static str, took: Duration, now: Timestamp) {
    let attributes = [
        KeyValue::new("login.step", step),
        KeyValue::new("login.engine", driver.as_str()),
        KeyValue::new("outcome", outcome),
    ];
    done(("login", step), SpanKind::Internal, outcome != "ok", attributes, took, now);
}

/// An exchange with the portal, that has just ended. `status`: `None` when there was no answer.
pub fn exchanged(host: &'static str, status: Option<u16>, took: Duration, now: Timestamp) {
    let attributes = [
        KeyValue::new("portal.host", host),
        KeyValue::new("http.response.status_code", i64::from(status.unwrap_or_default())),
    ];
    let failed = status.is_none_or(|status| status >= 500);
    done(("portal exchange", host), SpanKind::Client, failed, attributes, took, now);
}

/// A span whose end is now, below the one that is open here.
fn done<const N: usize>(
    (what, part): (&'static str, &'static str),
    kind: SpanKind,
    failed: bool,
    attributes: [KeyValue; N],
    took: Duration,
    now: Timestamp,
) {
    let Some(provider) = PROVIDER.get() else { return };
    let end = SystemTime::from(now);
    let parent = Span::current().context();
    let tracer = provider.tracer("kaspi-auth");
    let builder = tracer
        .span_builder(format!("{what} {part}"))
        .with_kind(kind)
        .with_attributes(attributes)
        .with_start_time(end.checked_sub(took).unwrap_or(end));
    let mut span = builder.start_with_context(&tracer, &parent);
    if failed {
        span.set_status(Status::error(""));
    }
    span.end_with_timestamp(end);
}

/// What W3C's `traceparent` is read from.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}
