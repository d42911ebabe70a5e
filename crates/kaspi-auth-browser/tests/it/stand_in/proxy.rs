//! Proxies that ask for credentials. Every name leads to loopback: nothing leaves this machine.

use std::{io, sync::Arc};

use kaspi_auth_core::egress::{EgressId, Proxy, ProxyScheme, Route, Way};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use url::Url;
use uuid::Uuid;

use super::{read_head, says};

const USERNAME: &str = "merchant";
const PASSWORD: &str = "a:pass word";

/// What a proxy saw.
#[derive(Default)]
struct Seen {
    hosts: Mutex<Vec<String>>,
    refused: Mutex<usize>,
}

/// An HTTP proxy.
pub struct HttpProxy {
    port: u16,
    seen: Arc<Seen>,
}

/// A SOCKS 5 proxy.
pub struct SocksProxy {
    port: u16,
    seen: Arc<Seen>,
}

impl HttpProxy {
    pub async fn start() -> Self {
        let (port, seen) = serve(|seen, stream| Box::pin(http(seen, stream))).await;
        Self { port, seen }
    }

    pub fn route(&self, password: &str) -> Route {
        route(ProxyScheme::Http, self.port, password)
    }

    pub fn right(&self) -> Route {
        self.route(PASSWORD)
    }

    pub fn hosts(&self) -> Vec<String> {
        self.seen.hosts.lock().clone()
    }

    pub fn refused(&self) -> usize {
        *self.seen.refused.lock()
    }
}

impl SocksProxy {
    pub async fn start() -> Self {
        let (port, seen) = serve(|seen, stream| Box::pin(socks(seen, stream))).await;
        Self { port, seen }
    }

    pub fn route(&self, password: &str) -> Route {
        route(ProxyScheme::Socks5, self.port, password)
    }

    pub fn right(&self) -> Route {
        self.route(PASSWORD)
    }

    pub fn hosts(&self) -> Vec<String> {
        self.seen.hosts.lock().clone()
    }
}

fn route(scheme: ProxyScheme, port: u16, password: &str) -> Route {
    let proxy = Proxy {
        scheme,
        host: "127.0.0.1".to_owned(),
        port,
        username: Some(USERNAME.to_owned()),
        password: Some(password.to_owned().into()),
    };
    Route { id: EgressId(Uuid::from_u128(u128::from(port))), revision: 1, way: Way::Proxy(proxy) }
}

type Serving = std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

async fn serve(each: impl Fn(Arc<Seen>, TcpStream) -> Serving + Send + 'static) -> (u16, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Seen::default());
    let serving = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(each(serving.clone(), stream));
        }
    });
    (port, seen)
}

async fn http(seen: Arc<Seen>, mut stream: TcpStream) -> io::Result<()> {
    let (head, rest) = read_head(&mut stream).await?;
    if !says(&head, "proxy-authorization", USERNAME, PASSWORD) {
        *seen.refused.lock() += 1;
        let answer = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.write_all(answer.as_bytes()).await;
    }
    let (line, headers) = head.split_once("\r\n").unwrap_or_default();
    let mut parts = line.split(' ');
    let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if method == "CONNECT" {
        let (host, port) = target.rsplit_once(':').unwrap_or_default();
        seen.hosts.lock().push(host.to_owned());
        let mut through = TcpStream::connect(("127.0.0.1", port.parse().unwrap_or_default())).await?;
        stream.write_all(b"HTTP/1.1 200 Go\r\n\r\n").await?;
        through.write_all(&rest).await?;
        return copy_bidirectional(&mut stream, &mut through).await.map(drop);
    }
    let url = Url::parse(target).map_err(io::Error::other)?;
    seen.hosts.lock().push(url.host_str().unwrap_or_default().to_owned());
    let mut through = TcpStream::connect(("127.0.0.1", url.port_or_known_default().unwrap_or(80))).await?;
    let headers: String = headers
        .split_inclusive("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("proxy-") && *line != "\r\n")
        .collect();
    let path = &url[url::Position::BeforePath..];
    through
        .write_all(format!("{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").as_bytes())
        .await?;
    through.write_all(&rest).await?;
    copy_bidirectional(&mut stream, &mut through).await.map(drop)
}

async fn socks(seen: Arc<Seen>, mut stream: TcpStream) -> io::Result<()> {
    let wrong = || io::Error::from(io::ErrorKind::InvalidData);
    let [5, methods] = [stream.read_u8().await?, stream.read_u8().await?] else { return Err(wrong()) };
    let mut offered = vec![0; methods.into()];
    stream.read_exact(&mut offered).await?;
    if !offered.contains(&2) {
        *seen.refused.lock() += 1;
        return stream.write_all(&[5, 0xff]).await;
    }
    stream.write_all(&[5, 2]).await?;
    let mut said = Vec::new();
    if stream.read_u8().await? != 1 {
        return Err(wrong());
    }
    for _ in 0..2 {
        let mut text = vec![0; stream.read_u8().await?.into()];
        stream.read_exact(&mut text).await?;
        said.push(text);
    }
    if said != [USERNAME.as_bytes(), PASSWORD.as_bytes()] {
        *seen.refused.lock() += 1;
        return stream.write_all(&[1, 1]).await;
    }
    stream.write_all(&[1, 0]).await?;
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    // A name, never an address: names are resolved behind the proxy.
    let [5, 1, 0, 3] = request else { return Err(wrong()) };
    let mut host = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut host).await?;
    seen.hosts.lock().push(String::from_utf8_lossy(&host).into_owned());
    let port = stream.read_u16().await?;
    let mut through = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
    copy_bidirectional(&mut stream, &mut through).await.map(drop)
}
