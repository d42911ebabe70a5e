//! A portal that answers one small JSON and does nothing else: beside it, what the service adds can be seen.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Where it answers.
pub const PATH: &str = "/s/m";
/// What it answers there.
pub const BODY: &str =
    r#"{"merchants":[{"uid":"30000000","name":"Store 30000000","logoUrl":null,"roles":["OWNER"]}]}"#;

/// Starts it on a free port; it ends with the process.
pub async fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Without it small answers wait; a connection that cannot is only slower.
            let _ = stream.set_nodelay(true);
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    Ok(addr)
}

/// Only who comes with a session is answered: a gateway that lost the cookies must not look fast.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let cookies = request.headers().get_all(hyper::header::COOKIE);
    let has_session = cookies.iter().any(|value| value.to_str().is_ok_and(|text| text.contains("mc-sid=")));
    let status = match (request.uri().path() == PATH, has_session) {
        (true, true) => StatusCode::OK,
        (true, false) => StatusCode::UNAUTHORIZED,
        (false, _) => StatusCode::NOT_FOUND,
    };
    let mut response = Response::new(Full::new(Bytes::from_static(BODY.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}
