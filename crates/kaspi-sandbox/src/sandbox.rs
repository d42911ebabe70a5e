//! Starting and stopping a sandbox.
//! It must not listen on anything but loopback.

use crate::{
    control::Control,
    fixture::Fixture,
    host::{Hosts, Origins},
    knobs::Knobs,
    serve::{self, Portal},
    tls::Tls,
    world::{Seeds, World},
};
use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How a sandbox is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen: loopback only; port 0 takes a free one. By default 127.0.0.1:4010. With 127.0.0.1 the same port of
    /// [::1] is listened on too, where it is free.
    pub listen: SocketAddr,
    /// HTTPS in place of HTTP.
    pub tls: Option<TlsOptions>,
    /// The same seed and the same calls give the same codes and ids.
    pub seed: u64,
    /// Whether the control API is served over HTTP.
    pub control: bool,
    /// The settings at the start, and after a reset.
    pub knobs: Knobs,
    /// The suffix of the main host names: by default `kaspi.localhost`, with TLS `kaspi.kz`. Both always answer.
    pub host_suffix: Option<String>,
    /// Whether there are story accounts.
    pub stories: bool,
    /// A page that stands in for the login page at the start, and after a reset.
    pub fixture: Option<Fixture>,
}

/// How HTTPS is served.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// Where the certificate of the authority goes, in PEM. It is a new one at every start.
    pub ca_file: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4010)),
            tls: None,
            seed: 0,
            control: false,
            knobs: Knobs::default(),
            host_suffix: None,
            stories: true,
            fixture: None,
        }
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not a loopback one.
    #[error("the sandbox listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The host suffix cannot stand in a host name.
    #[error("{0:?} is not a host suffix")]
    HostSuffix(String),
    /// The address is taken, or not this machine's.
    #[error("the sandbox cannot listen on {0}")]
    Bind(SocketAddr, #[source] io::Error),
    /// The certificates could not be made.
    #[error("the sandbox cannot make its certificates")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The authority's certificate could not be written.
    #[error("the sandbox cannot write {0}")]
    CaFile(PathBuf, #[source] io::Error),
}

/// A running sandbox. It ends when it is stopped or dropped.
pub struct Sandbox {
    addr: SocketAddr,
    world: Arc<World>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Binds and begins to serve. Needs a Tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: Options) -> Result<Self, StartError> {
        if !options.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(options.listen));
        }
        if let Some(suffix) = &options.host_suffix
            && !is_host(suffix)
        {
            return Err(StartError::HostSuffix(suffix.clone()));
        }
        let bind = |error| StartError::Bind(options.listen, error);
        let listener = TcpListener::bind(options.listen).await.map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let second = second(addr).await;
        let hosts = Hosts::new(options.host_suffix.as_deref(), options.tls.is_some(), addr.port());
        let tls = match &options.tls {
            None => None,
            Some(wanted) => Some(make_tls(&hosts, wanted).await?),
        };
        let stop = CancellationToken::new();
        let world = Arc::new(World::new(Seeds {
            seed: options.seed,
            hosts,
            knobs: options.knobs,
            control: options.control,
            stories: options.stories,
            fixture: options.fixture,
            stop: stop.clone(),
        }));
        let portal = Arc::new(Portal::new(&world));
        let task = tokio::spawn(serve::accept(listener, second, tls, portal, stop.clone()));
        Ok(Self { addr, world, stop, task: Some(task) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its main origins. The host names lead to [`Self::addr`], whatever a resolver says.
    pub fn origins(&self) -> Origins {
        Origins::clone(self.world.hosts.main())
    }

    /// Control of it, in the process.
    pub fn control(&self) -> Control {
        Control { world: Arc::clone(&self.world) }
    }

    /// Stops accepting and waits up to two seconds for open requests.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Whether a text can stand at the end of a host name, and of the addresses in pages.
fn is_host(suffix: &str) -> bool {
    !suffix.is_empty()
        && suffix.len() <= 200
        && suffix
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}

/// The same port of IPv6: many clients resolve `*.localhost` to `::1` first. None where it is taken or there is no IPv6.
async fn second(addr: SocketAddr) -> Option<TcpListener> {
    if addr.ip() != Ipv4Addr::LOCALHOST {
        return None;
    }
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, addr.port())).await;
    listener.inspect_err(|error| tracing::debug!(%error, "no listener on [::1]")).ok()
}

async fn make_tls(hosts: &Hosts, wanted: &TlsOptions) -> Result<TlsAcceptor, StartError> {
    let tls = Tls::new(hosts.names()).map_err(StartError::Tls)?;
    let write = tokio::fs::write(&wanted.ca_file, tls.authority.as_bytes()).await;
    write.map_err(|error| StartError::CaFile(wanted.ca_file.clone(), error))?;
    Ok(TlsAcceptor::from(tls.config))
}
