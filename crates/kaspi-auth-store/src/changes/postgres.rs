//! Changes of a PostgreSQL database: `LISTEN`, told by triggers, so that writes of Python programs count too.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::time::timeout;

use super::{Announcer, Change, Watcher};

/// The channel that the triggers speak on.
const CHANNEL: &str = "kaspi_auth";
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(500);
/// A silent connection is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(5);

/// Goes on listening; `options` are for connecting again.
pub(crate) fn watch(listener: PgListener, options: PgConnectOptions, announcer: Announcer) -> Watcher {
    announcer.hearing();
    Watcher(tokio::spawn(async move {
        let mut listener = listener;
        loop {
            let why = pass_on(&mut listener, &announcer).await;
            announcer.deaf();
            tracing::warn!(%why, "the connection that hears of changes is lost: sessions are read anew");
            listener = loop {
                tokio::time::sleep(PAUSE).await;
                match listen(&options).await {
                    Ok(again) => break again,
                    Err(error) => tracing::warn!(%error, "changes of the database cannot be listened to yet"),
                }
            };
            announcer.hearing();
        }
    }))
}

/// Listens, on a connection of its own.
pub(crate) async fn listen(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(SILENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone())
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.ignore_pool_close_event(true);
    // We must know of every loss, so we connect again ourselves.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Passes changes on until the connection is lost; answers why.
async fn pass_on(listener: &mut PgListener, announcer: &Announcer) -> String {
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(told))) => announcer.announce(Change::parse(told.payload())),
            Ok(Ok(None)) => return "the server closed it".to_owned(),
            Ok(Err(error)) => return error.to_string(),
            Err(_) => match timeout(SILENCE, alive(listener)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "the server does not answer on it".to_owned(),
            },
        }
    }
}

async fn alive(listener: &mut PgListener) -> Result<(), sqlx::Error> {
    use sqlx::Acquire as _;
    listener.acquire().await?.ping().await
}
