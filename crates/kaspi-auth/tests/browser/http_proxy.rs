//! An HTTP proxy that asks for a user and a password (RFC 9110, 11.7) and leads to one place, whatever is asked for: by `CONNECT`, or
//! with the whole address in the request line. It counts, and decides nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub const PROXY_USER: &str = "proxy-user";
pub const PROXY_PASSWORD: &str = "canary:proxy-password";

/// A proxy. Dropping it ends it.
pub struct HttpProxy {
    addr: SocketAddr,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    led: AtomicU64,
    sent: AtomicU64,
}

impl HttpProxy {
    /// Starts one that leads to `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    // Whoever speaks otherwise is hung up on.
                    let _ = serve(client, target, &counted).await;
                });
            }
        });
        Self { addr, counts, accepting }
    }

    /// Its address with the right credentials.
    pub fn url(&self) -> String {
        let mut url: reqwest::Url = format!("http://{}", self.addr).parse().unwrap();
        url.set_username(PROXY_USER).unwrap();
        url.set_password(Some(PROXY_PASSWORD)).unwrap();
        url.into()
    }

    /// How many bytes went to the portal over it.
    pub fn sent(&self) -> u64 {
        self.counts.sent.load(Ordering::SeqCst)
    }

    /// How many connections were led on.
    pub fn led(&self) -> u64 {
        self.counts.led.load(Ordering::SeqCst)
    }
}

impl Drop for HttpProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut client: TcpStream, target: SocketAddr, counts: &Counts) -> std::io::Result<()> {
    loop {
        let head = head(&mut client).await?;
        let text = String::from_utf8_lossy(&head).into_owned();
        if !is_let_in(&text) {
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"test\"\r\ncontent-length: 0\r\n\r\n";
            client.write_all(refusal.as_bytes()).await?;
            // The next one on this connection may have them.
            continue;
        }
        let mut onward = TcpStream::connect(target).await?;
        counts.led.fetch_add(1, Ordering::SeqCst);
        if text.starts_with("CONNECT ") {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        } else {
            onward.write_all(&head).await?;
            counts.sent.fetch_add(head.len() as u64, Ordering::SeqCst);
        }
        return lead(client, onward, counts).await;
    }
}

/// Leads on in both directions until either side ends. What goes to the portal is counted as it goes: a connection may be kept
/// for long.
async fn lead(mut client: TcpStream, mut onward: TcpStream, counts: &Counts) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_portal, mut to_portal) = onward.split();
    let there = async {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let read = from_client.read(&mut buffer).await?;
            if read == 0 {
                return to_portal.shutdown().await;
            }
            to_portal.write_all(&buffer[..read]).await?;
            counts.sent.fetch_add(read as u64, Ordering::SeqCst);
        }
    };
    let back = async {
        copy(&mut from_portal, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(there, back).map(drop)
}

/// A request up to its empty line.
async fn head(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    Ok(head)
}

fn is_let_in(head: &str) -> bool {
    let right = base64::engine::general_purpose::STANDARD.encode(format!("{PROXY_USER}:{PROXY_PASSWORD}"));
    head.lines().any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == format!("Basic {right}")
    })
}
