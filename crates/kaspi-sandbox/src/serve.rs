//! Accepting connections and sending each request to the host that it is for.
//! It must not know what the hosts answer.

use crate::{
    cabinet,
    counters::count,
    fault::FaultKind,
    host::{Here, Role},
    login, pages, reply, site,
    visitors::Peer,
    world::World,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request},
    response::Response,
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderValue, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use std::{
    convert::Infallible,
    future, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Largest body, in bytes.
const BODY: usize = 2 * 1_024 * 1_024;
/// How long open connections may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long the beginning of a broken body has to leave.
const FLUSH: Duration = Duration::from_millis(10);

/// The routers of the hosts.
pub(crate) struct Portal {
    world: Arc<World>,
    site: Router,
    own: Router,
    login: Router,
    cabinet: Router,
    metrics: Router,
}

impl Portal {
    /// For a world.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let limited = |router: Router| router.layer(DefaultBodyLimit::max(BODY));
        Self {
            world: Arc::clone(world),
            site: limited(site::router(world, Role::Site)),
            own: limited(site::router(world, Role::Own)),
            login: limited(login::router(Arc::clone(world))),
            cabinet: limited(cabinet::router(Arc::clone(world))),
            metrics: limited(login::assets::metrics(Arc::clone(world))),
        }
    }

    /// Answers a request, or makes it fail as a fault says.
    async fn answer(&self, mut request: Request) -> Response {
        let authority = request
            .uri()
            .authority()
            .map(http::uri::Authority::as_str)
            .or_else(|| request.headers().get(header::HOST)?.to_str().ok());
        let Some(here) = authority.and_then(|authority| self.world.hosts.read(authority)) else {
            return reply::empty(StatusCode::MISDIRECTED_REQUEST);
        };
        let path = request.uri().path();
        self.world.tally.call(request.method(), here.role, path);
        // A browser asks by itself before a call: the fault is for the call.
        let spared = here.role == Role::Own
            || path.starts_with("/sandbox/")
            || here.role == Role::Cabinet && cabinet::is_preflight(&request);
        let fault = if spared {
            None
        } else {
            self.world.faults.strike(request.method().as_str(), here.role.name(), path)
        };
        request.extensions_mut().insert(here.clone());
        let Some(fault) = fault else { return self.route(here, request).await };
        let origin = (here.role == Role::Cabinet).then(|| cabinet::Origin::of(request.headers(), &here));
        let mut response = self.fail(fault, here, request).await;
        if let Some(origin) = origin {
            origin.mark(&mut response);
        }
        response
    }

    async fn route(&self, here: Here, request: Request) -> Response {
        let Ok(response) = match here.role {
            Role::Site => self.site.clone().oneshot(request).await,
            Role::Own => self.own.clone().oneshot(request).await,
            Role::Login => self.login.clone().oneshot(request).await,
            Role::Metrics => self.metrics.clone().oneshot(request).await,
            Role::Cabinet => Ok(cabinet::enter(&self.world, self.cabinet.clone(), &here, request).await),
        };
        response
    }

    async fn fail(&self, fault: FaultKind, here: Here, request: Request) -> Response {
        count(&self.world.tally.faults);
        let login = format!("{}/login", here.origins.login);
        match fault {
            FaultKind::Status(status) => reply::empty(reply::status(status)),
            FaultKind::Json { status, body } => reply::json(reply::status(status), &body),
            FaultKind::Wall(status) => login::wall(reply::status(status)),
            FaultKind::Broken => {
                reply::html(StatusCode::INTERNAL_SERVER_ERROR, pages::BROKEN.render(&here.origins, ""))
            }
            FaultKind::LoginPage => {
                reply::html(StatusCode::OK, login::html(&self.world.knobs(), &here.origins, false, "none"))
            }
            FaultKind::RedirectToLogin => reply::redirect(&login),
            FaultKind::Delay(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                self.route(here, request).await
            }
            FaultKind::LostAnswer => {
                self.route(here, request).await;
                reply::empty(StatusCode::BAD_GATEWAY)
            }
            FaultKind::Hang => {
                self.world.stop.cancelled().await;
                reply::empty(StatusCode::SERVICE_UNAVAILABLE)
            }
            FaultKind::HangingBody => {
                let (head, body) = self.route(here, request).await.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
                let mut response = Response::from_parts(head, Body::from_stream(half(&body, &self.world)));
                response.headers_mut().remove(header::CONTENT_LENGTH);
                response
            }
            FaultKind::BrokenBody => {
                let response = self.route(here, request).await;
                response.map(|_| Body::from_stream(broken()))
            }
            FaultKind::Garbage => {
                let mut response = self.route(here, request).await.map(|_| Body::from("<<< not json >>>"));
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response.headers_mut().remove(header::CONTENT_LENGTH);
                response
            }
        }
    }
}

/// The beginning of a body, on the wire before the connection breaks: what is still in a buffer then would be lost with it.
fn broken() -> impl Stream<Item = io::Result<Bytes>> {
    let end = stream::once(async {
        tokio::time::sleep(FLUSH).await;
        Err(io::ErrorKind::ConnectionReset.into())
    });
    stream::iter([Ok(Bytes::from_static(b"{\""))]).chain(end)
}

/// The first half of a body; its end comes only with the sandbox's, and is broken then.
fn half(body: &Bytes, world: &World) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    let stop = world.stop.clone();
    let end = stream::once(async move {
        stop.cancelled().await;
        Err(io::ErrorKind::ConnectionReset.into())
    });
    stream::iter([Ok(body.slice(..body.len() / 2))]).chain(end)
}

/// The next connection of a listener; never without one.
async fn next(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => future::pending().await,
    }
}

/// Accepts connections, of a second listener too where there is one, until told to stop, then lets the open ones end.
pub(crate) async fn accept(
    listener: TcpListener,
    second: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    portal: Arc<Portal>,
    stop: CancellationToken,
) {
    let connections = Arc::new(GracefulShutdown::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            accepted = next(second.as_ref()) => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, from) = match accepted {
            Ok((stream, from)) => (stream, from.ip()),
            Err(error) => {
                // Most likely too many open files: let some connections end first.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (tls, portal, connections) = (tls.clone(), Arc::clone(&portal), connections.watcher());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, from, portal, connections).await,
                Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => serve(stream, from, portal, connections).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                },
            }
        });
    }
    drop((listener, second));
    if let Some(connections) = Arc::into_inner(connections) {
        let _ = tokio::time::timeout(GRACE, connections.shutdown()).await;
    }
}

async fn serve<S>(
    stream: S,
    from: IpAddr,
    portal: Arc<Portal>,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(Peer(from));
        let portal = Arc::clone(&portal);
        async move { Ok::<_, Infallible>(portal.answer(request.map(Body::new)).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        tracing::debug!(error, "a connection broke");
    }
}
