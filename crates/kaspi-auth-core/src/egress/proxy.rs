//! A proxy, and what must hold of one however it was written. Must not print its credentials.

use std::net::Ipv6Addr;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Host;

/// RFC 1035, 2.3.4.
const LONGEST_HOST: usize = 253;
/// RFC 1929, 2: a length is one byte.
const LONGEST_CREDENTIAL: usize = 255;

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyScheme {
    /// HTTP `CONNECT` (RFC 9110, 9.3.6) over a plain connection.
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS 5 (RFC 1928); names are resolved by the proxy.
    Socks5,
}

impl ProxyScheme {
    /// Reads a scheme. `socks5h` is SOCKS 5 too: names are always resolved by the proxy.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            "socks5" | "socks5h" => Some(Self::Socks5),
            _ => None,
        }
    }

    /// The scheme as an address writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
        }
    }
}

/// A proxy with its credentials.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// How it is spoken to.
    pub scheme: ProxyScheme,
    /// Its name or address; an IPv6 address stands without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who we are there, where it asks.
    pub username: Option<String>,
    /// The proof.
    pub password: Option<SecretString>,
}

/// A proxy that no connection could use; says which part, and what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidProxy(pub &'static str);

impl Proxy {
    /// A proxy as connections can use it. An IPv6 address loses its brackets, a name its foreign letters.
    ///
    /// # Errors
    /// The part that does not fit, without showing it.
    pub fn new(
        scheme: ProxyScheme,
        host: &str,
        port: u16,
        username: Option<String>,
        password: Option<SecretString>,
    ) -> Result<Self, InvalidProxy> {
        let host = usable_host(host).ok_or(InvalidProxy("host is a host name or an IP address"))?;
        if port == 0 {
            return Err(InvalidProxy("port is 1 to 65535"));
        }
        let fits = |text: &str| {
            (1..=LONGEST_CREDENTIAL).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        if username.as_deref().is_some_and(|username| !fits(username)) {
            return Err(InvalidProxy("username has 1 to 255 bytes and no control characters"));
        }
        if password.as_ref().is_some_and(|password| !fits(password.expose_secret())) {
            return Err(InvalidProxy("password has 1 to 255 bytes and no control characters"));
        }
        if password.is_some() && username.is_none() {
            return Err(InvalidProxy("password needs a username"));
        }
        // RFC 7617, 2: the first colon ends the user.
        if scheme != ProxyScheme::Socks5 && username.as_deref().is_some_and(|username| username.contains(':'))
        {
            return Err(InvalidProxy("username of an HTTP proxy has no colon"));
        }
        Ok(Self { scheme, host, port, username, password })
    }

    /// `scheme://host:port`, without credentials: what logs and browsers are told.
    pub fn server(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{}://{host}:{}", self.scheme.as_str(), self.port)
    }
}

/// A host as connections take it; an IPv6 address stands without brackets.
fn usable_host(text: &str) -> Option<String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<Ipv6Addr>() {
        return Some(address.to_string());
    }
    if text.is_empty() || text.len() > LONGEST_HOST {
        return None;
    }
    match Host::parse(text).ok()? {
        Host::Domain(name) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            let mut labels = name.trim_end_matches('.').split('.');
            let fits = name.len() <= LONGEST_HOST
                && name.bytes().all(plain)
                && labels.all(|label| (1..=63).contains(&label.len()));
            fits.then_some(name)
        }
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}
