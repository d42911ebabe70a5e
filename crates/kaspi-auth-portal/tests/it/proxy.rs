//! Proxies of this test's own: HTTP and SOCKS 5, with credentials, that resolve every name to this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// `user:p@ss` in base64.
const BASIC: &str = "proxy-authorization: basic dxnlcjpwqhnz";

/// A running proxy; counts what it let through.
pub struct Proxy {
    pub at: SocketAddr,
    let_through: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub async fn http() -> Self {
        Self::start(|stream, count| async move { http(stream, &count).await }).await
    }

    pub async fn socks() -> Self {
        Self::start(|stream, count| async move { socks(stream, &count).await }).await
    }

    pub fn let_through(&self) -> usize {
        self.let_through.load(Ordering::Relaxed)
    }

    async fn start<F>(serve: impl Fn(TcpStream, Arc<AtomicUsize>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Option<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let let_through = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&let_through);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&count)));
            }
        });
        Self { at, let_through, task }
    }
}

/// One request a connection, in the absolute form that proxies are sent.
async fn http(mut stream: TcpStream, count: &AtomicUsize) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head).ok()?;
    if !text.to_lowercase().contains(BASIC) {
        let refusal = "HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(refusal.as_bytes()).await.ok()?;
        return None;
    }
    let (method, rest) = text.split_once(" http://")?;
    let (host, rest) = rest.split_once('/')?;
    let port: u16 = host.rsplit_once(':')?.1.parse().ok()?;
    let mut to = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let rest = rest.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    to.write_all(format!("{method} /{rest}").as_bytes()).await.ok()?;
    count.fetch_add(1, Ordering::Relaxed);
    copy_bidirectional(&mut stream, &mut to).await.ok()?;
    Some(())
}

async fn socks(mut stream: TcpStream, count: &AtomicUsize) -> Option<()> {
    let (_version, methods) = (stream.read_u8().await.ok()?, stream.read_u8().await.ok()?);
    let mut offered = vec![0; usize::from(methods)];
    stream.read_exact(&mut offered).await.ok()?;
    if !offered.contains(&2) {
        stream.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    stream.write_all(&[5, 2]).await.ok()?;
    stream.read_u8().await.ok()?;
    let user = field(&mut stream).await?;
    let password = field(&mut stream).await?;
    let known = user == b"user" && password == b"p@ss";
    stream.write_all(&[1, u8::from(!known)]).await.ok()?;
    known.then_some(())?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.ok()?;
    // A name: it is ours to resolve.
    (head[3] == 3).then_some(())?;
    field(&mut stream).await?;
    let port = stream.read_u16().await.ok()?;
    let mut to = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await.ok()?;
    count.fetch_add(1, Ordering::Relaxed);
    copy_bidirectional(&mut stream, &mut to).await.ok()?;
    Some(())
}

async fn field(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = stream.read_u8().await.ok()?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}
