//! Where the portal is and how it is spoken to. Must not read files or the environment: the binary does.

use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::port::{EvidenceSink, ShapeSink};
use url::Url;

/// The three parts of the portal (CONTRACT, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostRole {
    /// The site with the cabinet's static shell.
    Site,
    /// The login host, "idmc".
    Login,
    /// The cabinet host, "mc".
    Cabinet,
}

impl HostRole {
    /// The name, as logs and metrics show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Login => "login",
            Self::Cabinet => "cabinet",
        }
    }
}

/// Is told of each exchange with the portal once it has ended: for metrics, and to tell the portal's time from ours.
pub trait ExchangeObserver: Send + Sync {
    /// One exchange: which host, the path without its query, the status (`None`: no answer came), and how long it took
    /// from the first byte sent to the last byte read.
    ///
    /// A call through the gateway tells only the part of the cabinet as its path, ends with its body, and counts only the time that was
    /// spent waiting for the portal.
    fn exchanged(&self, host: HostRole, path: &str, status: Option<u16>, elapsed: Duration);

    /// A circuit opened over one way out to this host, or closed again.
    fn circuit(&self, host: HostRole, open: bool) {
        let _ = (host, open);
    }
}

/// When a host that fails is left alone. It counts for each way out by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row (no connection, no answer in time, 5xx) that open the circuit; at least one.
    pub failures: u32,
    /// How long the host is left alone at first; each failed trial doubles it.
    pub pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 8, pause: Duration::from_secs(10), longest_pause: Duration::from_mins(1) }
    }
}

/// How the portal is reached. `Default` is the real portal.
#[derive(Clone)]
pub struct PortalSettings {
    /// Origin of the site; a path is ignored.
    pub site_url: Url,
    /// Origin of the login host.
    pub login_url: Url,
    /// Origin of the cabinet host.
    pub cabinet_url: Url,
    /// The longest that one request may take, its answer's body included.
    pub timeout: Duration,
    /// The longest that a connection may take to open.
    pub connect_timeout: Duration,
    /// Certificates (PEM) to trust beside those of the platform: for a sandbox with TLS.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// The `User-Agent`. Without a plausible one a stub page may come (CONTRACT, section 5, "Bot wall").
    pub user_agent: String,
    /// The largest body that is read, after decompression.
    pub body_limit: usize,
    /// The largest body of a caller's that is passed on to the cabinet.
    pub request_limit: u64,
    /// When a host that fails is left alone; `None`: never.
    pub breaker: Option<BreakerSettings>,
    /// The most redirects that one walk follows; the known walk has three (CONTRACT, 3.4).
    pub hop_limit: usize,
    /// Who is told of each exchange.
    pub observer: Option<Arc<dyn ExchangeObserver>>,
    /// Who keeps evidence of steps that failed.
    pub evidence: Option<Arc<dyn EvidenceSink>>,
    /// Who is told of the portal's shapes.
    pub shapes: Option<Arc<dyn ShapeSink>>,
}

impl Default for PortalSettings {
    fn default() -> Self {
        let origin = |text: &str| Url::parse(text).expect("the portal's own address is an address");
        Self {
            site_url: origin("https://kaspi.kz"),
            login_url: origin("https://idmc.shop.kaspi.kz"),
            cabinet_url: origin("https://mc.shop.kaspi.kz"),
            timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(10),
            extra_ca_pem: None,
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
            body_limit: 1024 * 1024,
            request_limit: 32 * 1024 * 1024,
            breaker: None,
            hop_limit: 12,
            observer: None,
            evidence: None,
            shapes: None,
        }
    }
}
