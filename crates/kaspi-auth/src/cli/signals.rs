//! Signals of those who run us: the first asks to stop, the second ends at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that the first SIGTERM or SIGINT (Ctrl-C) cancels. The second ends the process.
///
/// # Errors
/// When the system lets no handler be set.
pub fn stop() -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let mut asked = false;
        loop {
            let (name, code) = tokio::select! {
                _ = terminate.recv() => ("SIGTERM", 143),
                _ = interrupt.recv() => ("SIGINT", 130),
            };
            if asked {
                tracing::warn!(signal = name, "asked again: ending at once");
                std::process::exit(code);
            }
            tracing::info!(signal = name, "asked to stop");
            asked = true;
            stop.cancel();
        }
    });
    Ok(token)
}
