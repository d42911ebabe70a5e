//! Changes of an SQLite file: `PRAGMA data_version` moves when another connection, of this process or another, has written;
//! then the log that the triggers keep says what.

use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::{Announcer, Change, Watcher};
use crate::statements::changes::{DATA_VERSION, LAST, SINCE};

/// How long another process's write may stay unnoticed.
const EVERY: Duration = Duration::from_millis(100);
/// Changes that are read at once; more come at the next look.
const BATCH: i64 = 1000;

/// Goes on looking from where the log was opened.
pub(crate) fn watch(log: Log, announcer: Announcer) -> Watcher {
    announcer.hearing();
    Watcher(tokio::spawn(async move {
        let mut pause = tokio::time::interval(EVERY);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut log = log;
        loop {
            loop {
                pause.tick().await;
                match log.news().await {
                    Ok(changes) => changes.into_iter().for_each(|change| announcer.announce(change)),
                    Err(error) => {
                        tracing::warn!(%error, "the database's log of changes cannot be read: sessions are read anew");
                        break;
                    }
                }
            }
            announcer.deaf();
            log = loop {
                pause.tick().await;
                if let Ok(again) = Log::open(log.options.clone()).await {
                    break again;
                }
            };
            announcer.hearing();
        }
    }))
}

/// The log, read up to some point.
pub(crate) struct Log {
    options: SqliteConnectOptions,
    connection: SqliteConnection,
    data_version: i64,
    seq: i64,
}

impl Log {
    /// Opens the log at its end.
    pub(crate) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let mut connection = options.connect().await?;
        let (data_version,) = sqlx::query_as(DATA_VERSION.sql).fetch_one(&mut connection).await?;
        let (seq,) = sqlx::query_as(LAST.sql).fetch_one(&mut connection).await?;
        Ok(Self { options, connection, data_version, seq })
    }

    /// What has changed since the last call.
    async fn news(&mut self) -> Result<Vec<Change>, sqlx::Error> {
        let (data_version,): (i64,) =
            sqlx::query_as(DATA_VERSION.sql).fetch_one(&mut self.connection).await?;
        if data_version == self.data_version {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, String)> =
            sqlx::query_as(SINCE.sql).bind(self.seq).bind(BATCH).fetch_all(&mut self.connection).await?;
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == BATCH);
        if !full {
            // A write between the two reads moves the version again and is found at the next look.
            self.data_version = data_version;
        }
        let missed = rows.first().is_some_and(|(seq, _)| *seq != self.seq + 1);
        if let Some((seq, _)) = rows.last() {
            self.seq = *seq;
        }
        if missed {
            return Ok(vec![Change::Everything]);
        }
        Ok(rows.iter().map(|(_, what)| Change::parse(what)).collect())
    }
}
