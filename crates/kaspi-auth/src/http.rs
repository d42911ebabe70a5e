//! The HTTP API (being wired).

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::wiring::Service;

/// Serves the API until `stop`, then finishes open requests.
///
/// # Errors
/// The listener's.
pub async fn serve(_service: Arc<Service>, _config: &Config, _listener: TcpListener, _stop: CancellationToken) -> std::io::Result<()> {
    Ok(())
}
