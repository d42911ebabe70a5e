//! A loopback door to SOCKS proxies that ask for credentials, which Chromium cannot give. On its side an HTTP proxy that
//! only lets in who knows the farm's own secret; names are resolved by the proxy behind it. Must not print a credential.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kaspi_auth_core::egress::{Proxy, Route, Way};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_socks::tcp::Socks5Stream;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{FarmError, shard::Door};

/// No request's head is as long.
const HEAD: usize = 32 << 10;
/// How long a head, or the way through the proxy, may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The relay of a farm. It listens from the first route that needs it until the farm stops.
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    /// One for the whole farm: no other process knows it.
    password: SecretString,
    /// By the name that a browser gives.
    proxies: Mutex<HashMap<String, Proxy>>,
}

/// What a browser asks for.
struct Wish {
    host: String,
    port: u16,
    /// What is sent on; nothing for a tunnel.
    head: Option<Vec<u8>>,
}

/// What is wrong with a request.
enum Refusal {
    WhoAreYou,
    Unreadable,
}

impl Relay {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    ///
    /// [`FarmError::UnfitRoute`] when it cannot.
    pub async fn start(stopping: CancellationToken) -> Result<Self, FarmError> {
        let unfit = |what: &str| FarmError::UnfitRoute(format!("the relay to SOCKS proxies {what}"));
        let mut secret = [0; 24];
        getrandom::fill(&mut secret).map_err(|_| unfit("has no randomness"))?;
        let password = SecretString::from(STANDARD.encode(secret));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|_| unfit("has no port"))?;
        let port = listener.local_addr().map_err(|_| unfit("has no port"))?.port();
        let shared = Arc::new(Shared { password, proxies: Mutex::default() });
        let serving = shared.clone();
        tokio::spawn(async move {
            let accepting = async {
                loop {
                    let Ok((stream, _)) = listener.accept().await else { continue };
                    let (shared, stopping) = (serving.clone(), stopping.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            _ = shared.relay(stream) => {}
                            () = stopping.cancelled() => {}
                        }
                    });
                }
            };
            tokio::select! {
                () = accepting => {}
                () = stopping.cancelled() => {}
            }
        });
        Ok(Self { port, shared })
    }

    /// The door to a route.
    pub fn door(&self, route: &Route) -> Door {
        let Way::Proxy(proxy) = &route.way else { return Door::default() };
        let name = format!("{}.{}", route.id, route.revision);
        self.shared.proxies.lock().insert(name.clone(), proxy.clone());
        let server = format!("http://127.0.0.1:{}", self.port);
        Door { server: Some(server), credentials: Some((name, self.shared.password.clone())) }
    }
}

impl Shared {
    async fn relay(&self, mut stream: TcpStream) -> io::Result<()> {
        let Ok(read) = tokio::time::timeout(PATIENCE, read_head(&mut stream)).await else { return Ok(()) };
        let (head, rest) = read?;
        let (proxy, wish) = match self.understand(&head) {
            Ok(understood) => understood,
            Err(Refusal::WhoAreYou) => {
                let answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\
                              Proxy-Authenticate: Basic realm=\"relay\"\r\n\
                              Content-Length: 0\r\nConnection: close\r\n\r\n";
                return stream.write_all(answer.as_bytes()).await;
            }
            Err(Refusal::Unreadable) => return refuse(&mut stream, "400 Bad Request").await,
        };
        let Ok(Ok(mut through)) = tokio::time::timeout(PATIENCE, connect(&proxy, &wish)).await else {
            return refuse(&mut stream, "502 Bad Gateway").await;
        };
        match wish.head {
            None => stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
            Some(head) => through.write_all(&head).await?,
        }
        through.write_all(&rest).await?;
        tokio::io::copy_bidirectional(&mut stream, &mut through).await.map(drop)
    }

    fn understand(&self, head: &[u8]) -> Result<(Proxy, Wish), Refusal> {
        let head = str::from_utf8(head).map_err(|_| Refusal::Unreadable)?;
        let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
        let mut request = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target)) = (request.next(), request.next()) else {
            return Err(Refusal::Unreadable);
        };
        let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
        let who = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
        let proxy = who.and_then(|(_, value)| self.let_in(value.trim())).ok_or(Refusal::WhoAreYou)?;
        let wish = if method == "CONNECT" {
            let url = Url::parse(&format!("tunnel://{target}")).map_err(|_| Refusal::Unreadable)?;
            let host = url.host_str().ok_or(Refusal::Unreadable)?.to_owned();
            Wish { host, port: url.port().ok_or(Refusal::Unreadable)?, head: None }
        } else {
            plain(method, target, &headers)?
        };
        Ok((proxy, wish))
    }

    /// The proxy of who knows the secret.
    fn let_in(&self, authorization: &str) -> Option<Proxy> {
        let (scheme, value) = authorization.split_once(' ')?;
        let decoded = STANDARD.decode(value.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let decoded = String::from_utf8(decoded).ok()?;
        let (name, password) = decoded.split_once(':')?;
        let right = same(password.as_bytes(), self.password.expose_secret().as_bytes());
        right.then(|| self.proxies.lock().get(name).cloned()).flatten()
    }
}

/// In a time that does not tell how much of it was right.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

/// A request without a tunnel. Each gets a connection of its own: the next one may be for another host.
fn plain(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Wish, Refusal> {
    let url = Url::parse(target).ok().filter(|url| url.scheme() == "http").ok_or(Refusal::Unreadable)?;
    let host = url.host_str().ok_or(Refusal::Unreadable)?.to_owned();
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in headers {
        let ours = ["proxy-authorization", "proxy-connection", "connection"];
        if !ours.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            head.extend([*name, ":", *value, "\r\n"]);
        }
    }
    head.push_str("Connection: close\r\n\r\n");
    Ok(Wish { host, port: url.port_or_known_default().unwrap_or(80), head: Some(head.into_bytes()) })
}

async fn connect(proxy: &Proxy, wish: &Wish) -> io::Result<TcpStream> {
    let host = wish.host.trim_start_matches('[').trim_end_matches(']');
    let server = TcpStream::connect((proxy.host.as_str(), proxy.port)).await?;
    server.set_nodelay(true)?;
    let username = proxy.username.as_deref().unwrap_or_default();
    let password = proxy.password.as_ref().map_or("", ExposeSecret::expose_secret);
    let through =
        Socks5Stream::connect_with_password_and_socket(server, (host, wish.port), username, password).await;
    through.map(Socks5Stream::into_inner).map_err(io::Error::other)
}

async fn refuse(stream: &mut TcpStream, status: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await
}

/// A request's head, and what came after it.
async fn read_head(stream: &mut TcpStream) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Ok((read, rest));
        }
        let count = stream.read(&mut buffer).await?;
        if count == 0 || read.len() > HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        read.extend_from_slice(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Shared {
        Shared { password: SecretString::from("secret".to_owned()), proxies: Mutex::default() }
    }

    #[test]
    fn who_does_not_know_the_secret_is_not_let_in() {
        let shared = shared();
        for who in ["Basic YTpi", "Basic", "Bearer secret", "Basic OnNlY3JldA=="] {
            assert!(shared.let_in(who).is_none(), "{who}");
        }
    }

    #[test]
    fn a_plain_request_is_for_one_connection_and_says_nothing_of_us() {
        let headers =
            [("Host", " a.test"), ("Proxy-Authorization", " Basic x"), ("Proxy-Connection", " keep-alive")];
        let wish = plain("GET", "http://a.test:8080/p?q=1", &headers).ok().unwrap();
        let head = String::from_utf8(wish.head.unwrap()).unwrap();
        assert_eq!((wish.host.as_str(), wish.port), ("a.test", 8080));
        assert_eq!(head, "GET /p?q=1 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    }
}
