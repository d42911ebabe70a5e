//! `kaspi-auth serve`: the service, from the refusal to start without a key to the graceful end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::{Global, files, signals};
use crate::config::Config;
use crate::wiring::{self, Service, StartError};

/// How the service runs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen, instead of `server.listen`; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Write the address to this file once requests are answered, for whoever started us.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Serves until a signal.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let mut config = global.start(Loudness::Configured)?;
    config.server.listen = args.listen.unwrap_or(config.server.listen);
    // Before anything is touched: without a key nothing else is worth telling.
    wiring::key_ring(&config.encryption).map_err(StartError::from)?;
    warn(&config);
    let stop =
        signals::stop().map_err(|error| Failure::new("signals cannot be listened to").because(error))?;
    let (listener, address) = bind(config.server.listen, "--listen").await?;
    files::make_folder(&config.database)?;
    let mut service = Service::start(&config).await?;
    service.start_background(&config);
    let service = Arc::new(service);
    tracing::info!(addr = %address, version = env!("CARGO_PKG_VERSION"), "listening");
    let _ready = args.ready_file.as_deref().map(|file| ReadyFile::write(file, address)).transpose()?;
    let served = crate::http::serve(Arc::clone(&service), &config, listener, stop).await;
    end(service, Duration::from_secs(config.server.shutdown_grace_seconds)).await;
    served.map_err(|error| Failure::new("the API cannot be served").because(error))?;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// Says what works and is not safe.
fn warn(config: &Config) {
    if let Some(open) = config.encryption.key_file.as_deref().and_then(files::open_to_others) {
        tracing::warn!(
            "the key file {open}: whoever reads it opens everything; make it this user's alone (chmod 600)"
        );
    }
    let has_key_set = config.auth.jwks_url.is_some() || config.auth.jwks_file.is_some();
    if has_key_set && config.auth.jwt_audience.is_none() {
        tracing::warn!(
            "auth.jwt_audience is not set: a token that the same keys have signed for another application is taken too; \
             set auth.jwt_audience and auth.jwt_issuer"
        );
    }
}

/// Takes an address, or says what to do about whoever has it. `option` is how another one is chosen.
///
/// # Errors
/// The address is taken, not this machine's, or needs more rights.
pub async fn bind(wanted: SocketAddr, option: &str) -> Outcome<(TcpListener, SocketAddr)> {
    let failed = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!(
                    "another program listens there: stop it, or choose another address with {option} (port 0: any free one)"
                )
            }
            std::io::ErrorKind::PermissionDenied => {
                format!("ports below 1024 need more rights: choose another with {option}")
            }
            _ => format!("choose an address of this machine with {option}"),
        };
        Failure::new(format!("{wanted} cannot be listened on")).because(error).hint(hint)
    };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Finishes or parks what runs, then closes the database.
pub async fn end(service: Arc<Service>, grace: Duration) {
    let database = Arc::clone(&service.database);
    let (runner, logins) = (Arc::clone(&service.runner), Arc::clone(&service.logins));
    let (gateway, auditor) = (Arc::clone(&service.gateway), Arc::clone(&service.auditor));
    if let Some(service) = Arc::into_inner(service) {
        service.stop(grace).await;
    } else {
        // A connection that would not end still holds the service; its logins are parked all the same.
        runner.stop(grace).await;
        if let Err(error) = logins.park().await {
            tracing::error!(%error, "running logins could not be parked; their leases run out by themselves");
        }
        gateway.stop(grace).await;
        if let Err(error) = auditor.flush().await {
            tracing::error!(%error, "reads of the last moments could not be written into the audit log");
        }
    }
    database.close().await;
}

/// A file that says where we listen, for as long as we do.
struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes it in one step: whoever sees the file sees all of it.
    fn write(path: &Path, address: SocketAddr) -> Outcome<Self> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        std::fs::write(&beside, format!("{address}\n"))
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|error| Failure::new(format!("{} cannot be written", path.display())).because(error))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, "the ready file is gone already");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_address_is_said_to_be_taken() {
        let (_listener, address) = bind("127.0.0.1:0".parse().unwrap(), "--listen").await.unwrap();
        let refused = bind(address, "--listen").await.unwrap_err().to_string();
        assert!(refused.contains(&address.to_string()) && refused.contains("--listen"), "{refused}");
    }

    #[test]
    fn the_ready_file_goes_with_the_service() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let file = ReadyFile::write(&path, "127.0.0.1:80".parse().unwrap()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "127.0.0.1:80\n");
        drop(file);
        assert!(!path.exists());
    }
}
