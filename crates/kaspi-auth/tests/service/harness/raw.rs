//! HTTP by hand, byte for byte: for requests that no client library makes.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::Answer;

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a node.
pub struct Raw(TcpStream);

impl Raw {
    /// Connects to `http://host:port`.
    pub async fn connect(base: &str) -> Self {
        Self(TcpStream::connect(base.trim_start_matches("http://")).await.unwrap())
    }

    /// Sends bytes. A node that has heard enough may hang up meanwhile.
    pub async fn send(&mut self, bytes: &[u8]) -> &mut Self {
        let _ = self.0.write_all(bytes).await;
        self
    }

    /// Reads one answer.
    pub async fn answer(&mut self) -> Answer {
        let mut read = Vec::new();
        loop {
            if let Some(answer) = parse(&read) {
                return answer;
            }
            let mut chunk = [0; 4096];
            let count = tokio::time::timeout(PATIENCE, self.0.read(&mut chunk)).await;
            let count = count.expect("an answer in time").unwrap_or_default();
            assert!(
                count > 0,
                "the connection ended without an answer: {:?}",
                String::from_utf8_lossy(&read)
            );
            read.extend_from_slice(&chunk[..count]);
        }
    }
}

/// One call on a connection of its own.
pub async fn raw(base: &str, bytes: &[u8]) -> Answer {
    Raw::connect(base).await.send(bytes).await.answer().await
}

/// An answer with a length, once it is complete.
fn parse(read: &[u8]) -> Option<Answer> {
    let end = read.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name: reqwest::header::HeaderName = name.parse().unwrap();
        headers.insert(name, value.trim().parse().unwrap());
    }
    let length: usize =
        headers.get("content-length").map_or("0", |value| value.to_str().unwrap()).parse().unwrap();
    let body = read.get(end + 4..end + 4 + length)?;
    Some(Answer { status, headers, text: String::from_utf8_lossy(body).into_owned() })
}
