//! Builds the HTTP client of one way out. Must not be called for each login: a client costs milliseconds and a pool.

use std::time::Duration;

use kaspi_auth_core::egress::{Proxy, ProxyScheme, Way};
use kaspi_auth_core::{Code, Error};
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use secrecy::ExposeSecret as _;

use super::resolver::LoopbackFirst;
use crate::settings::PortalSettings;

/// Idle connections kept for each host: as many as logins run at once on a busy node.
const IDLE_CONNECTIONS: usize = 256;
/// Shorter than the keep-alive of usual servers, so that a password is not written into a closing connection.
const IDLE_TIME: Duration = Duration::from_secs(20);

/// The client: no redirects, no cookies, no proxy of the environment and no retries of its own.
pub(super) fn build(settings: &PortalSettings, all_plain: bool, way: &Way) -> Result<Client, Error> {
    let user_agent = HeaderValue::from_str(&settings.user_agent)
        .map_err(|error| invalid("the user agent has characters that no header can hold", error))?;
    let extra = match &settings.extra_ca_pem {
        Some(pem) => Certificate::from_pem_bundle(pem)
            .map_err(|error| invalid("the extra CA certificates are not PEM", error))?,
        None => Vec::new(),
    };
    let builder = Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        // A password goes out once.
        .retry(reqwest::retry::never())
        .user_agent(user_agent)
        .timeout(settings.timeout)
        .connect_timeout(settings.connect_timeout)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE_TIME)
        .tcp_nodelay(true)
        .gzip(true)
        .brotli(true)
        .dns_resolver(LoopbackFirst);
    let builder = if all_plain {
        // No certificate is ever looked at: do without the platform's, which a small image may not have.
        builder.tls_certs_only(extra)
    } else if extra.is_empty() {
        builder
    } else {
        builder.tls_certs_merge(extra)
    };
    let builder = match way {
        Way::Direct => builder,
        Way::Proxy(proxy) => builder.proxy(through(proxy)?),
    };
    builder.build().map_err(|error| {
        let detail = "The HTTP client cannot be built: most likely this machine has no root certificates. \
                      Install the package ca-certificates.";
        Error::new(Code::Internal, detail).with_source(error)
    })
}

/// All traffic goes through the proxy, names included: SOCKS 5 asks the proxy to resolve them.
fn through(proxy: &Proxy) -> Result<reqwest::Proxy, Error> {
    let unfit = |source| {
        let detail = format!(
            "The proxy {} cannot be used: its address or its credentials cannot be written.",
            proxy.server()
        );
        Error::new(Code::EgressUnusable, detail).with_source(source)
    };
    let server = match proxy.scheme {
        ProxyScheme::Socks5 => proxy.server().replacen("socks5:", "socks5h:", 1),
        ProxyScheme::Http | ProxyScheme::Https => proxy.server(),
    };
    let made = reqwest::Proxy::all(server).map_err(reqwest::Error::without_url).map_err(unfit)?;
    let password = proxy.password.as_ref().map_or("", |password| password.expose_secret());
    Ok(match &proxy.username {
        Some(username) => made.basic_auth(username, password),
        None => made,
    })
}

fn invalid(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::InvalidValue, format!("The portal's settings cannot be used: {what}."))
        .with_source(source)
}
