//! Stand-ins for what others run: proxies, a browser at an address, a Grid. They listen on loopback only, keep what they
//! saw, and end with their test.

mod grid;
mod proxy;
mod remote;

pub use grid::StandInGrid;
pub use proxy::{HttpProxy, SocksProxy};
pub use remote::RemoteBrowser;

use std::io;

use tokio::{io::AsyncReadExt, net::TcpStream};

/// A request's head, and what came after it.
async fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&read).into_owned(), rest));
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(&buffer[..count]);
    }
}

/// Whether a head says who one is.
fn says(head: &str, header: &str, username: &str, password: &str) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let wanted = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| name.eq_ignore_ascii_case(header) && value.trim() == wanted)
}
