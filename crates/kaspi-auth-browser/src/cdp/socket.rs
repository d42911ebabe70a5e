//! The protocol over a WebSocket, with TLS where the address says so. Must not print the address: it may hold a token.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt, StreamExt};
use percent_encoding::percent_decode_str;
use rustls::{ClientConfig, pki_types::ServerName};
use rustls_platform_verifier::ConfigVerifierExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message, Utf8Bytes,
        client::IntoClientRequest,
        http::{HeaderValue, header::AUTHORIZATION},
        protocol::WebSocketConfig,
    },
};
use url::Url;

use super::Connection;
use crate::FarmError;

/// No message of the protocol that we ask for is as large.
const LARGEST: usize = 64 << 20;

/// Connects and speaks until the socket closes.
///
/// # Errors
///
/// [`FarmError::BrowserLost`] when there is no way there, or no WebSocket.
pub async fn over_socket(endpoint: &SecretString, patience: Duration) -> Result<Connection, FarmError> {
    let url = Url::parse(endpoint.expose_secret()).map_err(|_| lost("its endpoint is no address"))?;
    let host = url.host_str().ok_or_else(|| lost("its endpoint names no host"))?.to_owned();
    let port = url.port_or_known_default().ok_or_else(|| lost("its endpoint names no port"))?;
    let connecting = async {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, port)).await.map_err(|error| lost(error.kind()))?;
        stream.set_nodelay(true).map_err(|error| lost(error.kind()))?;
        match url.scheme() {
            "ws" => shake_hands(&url, stream, patience).await,
            "wss" => {
                let config =
                    ClientConfig::with_platform_verifier().map_err(|_| lost("no certificates are known"))?;
                let name = ServerName::try_from(bare.to_owned()).map_err(|_| lost("its host has no name"))?;
                let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
                shake_hands(&url, stream.map_err(|error| lost(format!("TLS: {error}")))?, patience).await
            }
            _ => Err(lost("its endpoint is neither ws: nor wss:")),
        }
    };
    tokio::time::timeout(patience, connecting).await.map_err(|_| lost("it took too long to connect"))?
}

async fn shake_hands<S>(url: &Url, stream: S, patience: Duration) -> Result<Connection, FarmError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let mut request = url.as_str().into_client_request().map_err(|_| lost("its endpoint is no address"))?;
    if let Some(authorization) = basic(url) {
        request.headers_mut().insert(AUTHORIZATION, authorization);
    }
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(speak(socket, patience)),
        Err(Error::Http(answer)) => {
            Err(lost(format!("it answered {} instead of a WebSocket", answer.status())))
        }
        Err(_) => Err(lost("it does not speak WebSocket")),
    }
}

/// A user and a password in the address.
fn basic(url: &Url) -> Option<HeaderValue> {
    let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let password = url.password().unwrap_or_default();
    let value = STANDARD.encode(format!("{}:{}", decoded(url.username()), decoded(password)));
    let mut value =
        HeaderValue::try_from(format!("Basic {value}")).ok().filter(|_| !url.username().is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

fn speak<S>(socket: WebSocketStream<S>, patience: Duration) -> Connection
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (connection, mut to_write) = Connection::new(patience);
    let (mut sink, mut stream) = socket.split();
    let writer = connection.clone();
    tokio::spawn(async move {
        let mut ended = std::pin::pin!(writer.ended());
        loop {
            let message = tokio::select! {
                message = to_write.recv() => message,
                _ = &mut ended => None,
            };
            let Some(message) = message.and_then(|message| Utf8Bytes::try_from(message).ok()) else {
                let _ = tokio::time::timeout(patience, sink.close()).await;
                return;
            };
            let written = tokio::select! {
                written = sink.send(Message::Text(message)) => written,
                _ = &mut ended => return,
            };
            if written.is_err() {
                return writer.end(lost("its socket takes nothing more"));
            }
        }
    });
    let reader = connection.clone();
    tokio::spawn(async move {
        let mut ended = std::pin::pin!(reader.ended());
        loop {
            let message = tokio::select! {
                message = stream.next() => message,
                _ = &mut ended => return,
            };
            match message {
                Some(Ok(Message::Text(text))) => reader.received(text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => reader.received(&bytes),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return reader.end(lost("its socket closed")),
                Some(Ok(_)) => {}
            }
        }
    });
    connection
}

fn lost(how: impl std::fmt::Display) -> FarmError {
    FarmError::BrowserLost { reason: how.to_string() }
}
