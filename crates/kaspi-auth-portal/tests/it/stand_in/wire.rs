//! HTTP/1.1, just enough of it, with ways to do it badly.

use std::fmt::Write as _;
use std::future::pending;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub host: String,
    pub path: String,
    pub query: String,
    pub cookies: Vec<(String, String)>,
    /// All headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// An answer, good or bad.
#[derive(Debug, Clone)]
pub enum Say {
    /// Status, media type, `Set-Cookie` lines and body, in chunks.
    Chunked(u16, &'static str, Vec<String>, String),
    /// A redirect.
    Redirect(String, Vec<String>),
    /// A head as it stands, and a body as it stands.
    Raw(String, Vec<u8>),
    /// A head that promises more than comes; then the connection closes.
    CutOff(String),
    /// A head, and then nothing for ever.
    Hang,
    /// A head, and then a body without an end.
    Endless,
    /// Not even a head.
    Close,
}

impl Say {
    pub fn json(status: u16, body: &(impl ToString + ?Sized)) -> Self {
        Self::Chunked(status, "application/json", Vec::new(), body.to_string())
    }

    pub fn html(status: u16, body: &str) -> Self {
        Self::Chunked(status, "text/html", Vec::new(), body.to_owned())
    }

    /// Writes it; false: the connection is to be closed.
    pub async fn write(self, stream: &mut TcpStream) -> bool {
        let (bytes, stays) = match self {
            Self::Chunked(status, media, cookies, body) => {
                let mut text = head(status, &cookies);
                write!(text, "Content-Type: {media}\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
                for chunk in body.as_bytes().chunks(7) {
                    write!(text, "{:x}\r\n", chunk.len()).unwrap();
                    // Seven bytes may cut a letter in two: go by bytes.
                    let mut bytes = text.into_bytes();
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                    if stream.write_all(&bytes).await.is_err() {
                        return false;
                    }
                    text = String::new();
                }
                text.push_str("0\r\n\r\n");
                (text.into_bytes(), true)
            }
            Self::Redirect(to, cookies) => {
                let head = head(302, &cookies);
                (format!("{head}Location: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes(), true)
            }
            Self::Raw(head, body) => {
                let head = format!("{head}\r\nContent-Length: {}\r\n\r\n", body.len());
                ([head.into_bytes(), body].concat(), true)
            }
            Self::CutOff(body) => {
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
                ([head.as_bytes(), body.as_bytes()].concat(), false)
            }
            Self::Hang => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{").await;
                pending().await
            }
            Self::Endless => {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"x\":\"")
                    .await;
                while stream.write_all(&[b'x'; 8_192]).await.is_ok() {}
                return false;
            }
            Self::Close => return false,
        };
        stream.write_all(&bytes).await.is_ok() && stays
    }
}

fn head(status: u16, cookies: &[String]) -> String {
    let mut text = format!("HTTP/1.1 {status} x\r\n");
    for cookie in cookies {
        write!(text, "Set-Cookie: {cookie}\r\n").unwrap();
    }
    text
}

/// Reads one request; `None`: the connection has closed.
pub async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let header = |name: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.clone().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let mut first = text.lines().next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let lines = text.lines().skip(1).filter_map(|line| line.split_once(':'));
    let headers = lines.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let cookies = header("cookie").unwrap_or_default();
    let cookies = cookies.split("; ").filter_map(|pair| pair.split_once('='));
    Some(Asked {
        method,
        host: header("host")?,
        path: path.to_owned(),
        query: query.to_owned(),
        cookies: cookies.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        headers,
        body: String::from_utf8(bytes[end..end + length].to_vec()).ok()?,
    })
}
