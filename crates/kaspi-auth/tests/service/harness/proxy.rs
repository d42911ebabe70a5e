//! A SOCKS 5 proxy (RFC 1928) that asks for a user and a password (RFC 1929) and leads to one place, whatever is asked for: a
//! way out to the sandbox. It counts, and decides nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub const PROXY_USER: &str = "us er@proxy";
pub const PROXY_PASSWORD: &str = "pr0xy:p@ss/word";

/// A proxy. Dropping it ends it with its connections.
pub struct SocksProxy {
    addr: SocketAddr,
    connections: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl SocksProxy {
    /// Starts one that leads to `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            // Ends with this task, and all connections with it.
            let mut served = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                served.spawn(async move {
                    // Whoever speaks otherwise is hung up on.
                    let _ = serve(client, target, &counted).await;
                });
            }
        });
        Self { addr, connections, accepting }
    }

    /// Its address without credentials.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address with these credentials, as a URL has them.
    pub fn url(&self, user: &str, password: &str) -> String {
        let mut url: reqwest::Url = format!("socks5://{}", self.addr).parse().unwrap();
        url.set_username(user).unwrap();
        url.set_password(Some(password)).unwrap();
        url.into()
    }

    /// Its address with the right credentials.
    pub fn good_url(&self) -> String {
        self.url(PROXY_USER, PROXY_PASSWORD)
    }

    /// How many connections were led on.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for SocksProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut client: TcpStream, target: SocketAddr, counted: &AtomicU64) -> std::io::Result<()> {
    let methods = prefixed(&mut client, 1).await?;
    if !methods.contains(&2) {
        return client.write_all(&[5, 0xff]).await;
    }
    client.write_all(&[5, 2]).await?;
    let user = prefixed(&mut client, 1).await?;
    let password = prefixed(&mut client, 0).await?;
    if user != PROXY_USER.as_bytes() || password != PROXY_PASSWORD.as_bytes() {
        return client.write_all(&[1, 1]).await;
    }
    client.write_all(&[1, 0]).await?;
    let mut asked = [0; 4];
    client.read_exact(&mut asked).await?;
    let rest = match asked[3] {
        1 => 4 + 2,
        4 => 16 + 2,
        _ => usize::from(client.read_u8().await?) + 2,
    };
    client.read_exact(&mut vec![0; rest]).await?;
    let mut onward = TcpStream::connect(target).await?;
    counted.fetch_add(1, Ordering::SeqCst);
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut client, &mut onward).await.map(drop)
}

/// Bytes after `skipped` others and their number.
async fn prefixed(client: &mut TcpStream, skipped: usize) -> std::io::Result<Vec<u8>> {
    client.read_exact(&mut vec![0; skipped]).await?;
    let mut bytes = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}
