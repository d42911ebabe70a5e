//! A route as a browser takes it: a proxy's address and what answers its question. Must not print the answer.

use kaspi_auth_core::egress::{Proxy, ProxyScheme, Route, Way};
use secrecy::SecretString;

/// The way out of a context.
#[derive(Clone, Default)]
pub struct Door {
    /// `scheme://host:port`; `None` is this machine's own address.
    pub server: Option<String>,
    /// What a proxy gets that asks who we are.
    pub credentials: Option<(String, SecretString)>,
}

impl Door {
    /// The way of a route that a browser can take by itself.
    pub fn of(route: &Route) -> Self {
        match &route.way {
            Way::Direct => Self::default(),
            Way::Proxy(proxy) => Self { server: Some(proxy.server()), credentials: credentials(proxy) },
        }
    }

    /// Whether a browser needs the relay for a route: it cannot say to a SOCKS proxy who it is.
    pub fn needs_relay(route: &Route) -> bool {
        matches!(&route.way, Way::Proxy(proxy) if proxy.scheme == ProxyScheme::Socks5 && proxy.username.is_some())
    }
}

fn credentials(proxy: &Proxy) -> Option<(String, SecretString)> {
    let username = proxy.username.clone()?;
    Some((username, proxy.password.clone().unwrap_or_else(|| SecretString::from(String::new()))))
}
