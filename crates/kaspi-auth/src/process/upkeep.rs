//! What a node does in the background beside logins: egresses of the configuration, warm ways, figures of the farm, the database and
//! the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use kaspi_auth_core::egress::{Egress, EgressId};
use kaspi_auth_core::egresses::{Egresses, NewEgress};
use kaspi_auth_core::error::Result;
use kaspi_auth_core::id::NodeId;
use kaspi_auth_core::port::{Clock, Database as _, NodeRepository as _};
use kaspi_auth_core::records::Records;
use kaspi_auth_store::SqlDatabase;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Background, Browser, Chain, keeping_metrics, show};
use crate::auditing::Auditor;
use crate::gateway::Gateway;

const FIGURES: Duration = Duration::from_secs(5);
/// A node that was seen within this time lives: it says so every five seconds.
const LIVING: SignedDuration = SignedDuration::from_secs(20);
/// Reads every row: not more often.
const COUNTS: Duration = Duration::from_mins(1);
/// What a crash may lose of the audit log's reads, and of what is counted of calls.
const READS: Duration = Duration::from_secs(5);
const ROUTES: Duration = Duration::from_secs(30);
const KEYS: Duration = Duration::from_mins(1);
/// Rows of a table whose key is looked up at once: a minute's share of a table that was just adopted.
const LOOK: u32 = 5000;
/// Between two tries to take the configuration's egresses over.
const AGAIN: Duration = Duration::from_secs(30);

/// The rooms that are looked after.
pub struct Upkeep {
    /// The database, for its figures.
    pub database: Arc<SqlDatabase>,
    /// The queue, for its figures.
    pub records: Arc<Records>,
    /// The ways out.
    pub egresses: Arc<Egresses>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// This node.
    pub node: NodeId,
    /// Services' calls of the cabinet.
    pub gateway: Arc<Gateway>,
    /// The audit log.
    pub auditor: Arc<Auditor>,
    /// The browsers.
    pub browser: Option<Arc<Browser>>,
}

impl Upkeep {
    /// Adds the tasks to `background`.
    #[must_use]
    pub fn start(self, mut background: Background, configured: Vec<NewEgress>) -> Background {
        let (figures, counted) = (Arc::clone(&self.database), Arc::clone(&self.database));
        background.add(|stop| {
            every(FIGURES, stop, "memory and figures of the database", move || {
                let database = Arc::clone(&figures);
                async move {
                    database.tidy();
                    keeping_metrics::database(database.figures());
                    let answered = database.ping().await;
                    keeping_metrics::database_up(answered.is_ok());
                    Ok(answered?)
                }
            })
        });
        background.add(|stop| {
            let left_out = Arc::new(AtomicU64::new(0));
            every(COUNTS, stop, "count of the stores", move || {
                let (database, left_out) = (Arc::clone(&counted), Arc::clone(&left_out));
                async move { count(&database, &left_out).await }
            })
        });
        let sharing =
            share(Arc::clone(&self.database), Arc::clone(&self.clock), self.node, Arc::clone(&self.gateway));
        background.add(|stop| spawn(stop, sharing));
        look_after(&mut background, self.gateway);
        let auditor = self.auditor;
        background.add(|stop| {
            every(READS, stop, "reads for the audit log", move || {
                let auditor = Arc::clone(&auditor);
                async move { auditor.flush().await }
            })
        });
        let egresses = Arc::clone(&self.egresses);
        background.add(|stop| spawn(stop, adopt(egresses, configured)));
        let (records, clock) = (self.records, self.clock);
        background.add(|stop| {
            every(FIGURES, stop, "figures of the queue", move || {
                let (records, clock) = (Arc::clone(&records), Arc::clone(&clock));
                async move {
                    keeping_metrics::jobs(&records.job_figures().await?, clock.now());
                    Ok(())
                }
            })
        });
        let scored = Arc::clone(&self.egresses);
        background.add(|stop| {
            every(ROUTES, stop, "scores of the ways out", move || {
                let egresses = Arc::clone(&scored);
                async move {
                    score(&egresses.list().await?);
                    Ok(())
                }
            })
        });
        let database = self.database;
        background.add(|stop| {
            every(KEYS, stop, "rows behind the newest key", move || {
                let database = Arc::clone(&database);
                async move {
                    match database.rows_behind(LOOK).await {
                        #[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^52")]
                        Ok(rows) => metrics::gauge!("kaspi_auth_rows_behind").set(rows.total() as f64),
                        Err(error) => {
                            tracing::warn!(%error, "rows behind the newest key could not be counted; it is tried again");
                        }
                    }
                    Ok(())
                }
            })
        });
        if let Some(browser) = self.browser {
            let shown = Arc::clone(&browser);
            background.add(|stop| {
                every(FIGURES, stop, "figures of the farm", move || {
                    if let Some(figures) = shown.figures() {
                        show(&figures);
                    }
                    std::future::ready(Ok(()))
                })
            });
            let (warmed, egresses) = (Arc::clone(&browser), Arc::clone(&self.egresses));
            background.add(|stop| {
                every(ROUTES, stop, "warm ways out", move || {
                    let (browser, egresses) = (Arc::clone(&warmed), Arc::clone(&egresses));
                    async move {
                        browser.keep_warm(&egresses.routes().await?);
                        Ok(())
                    }
                })
            });
            background.add(|stop| spawn(stop, async move { browser.watch_recipe().await }));
        }
        background
    }
}

/// Writes down how calls of the cabinet went, and keeps the gateway's memory small.
fn look_after(background: &mut Background, gateway: Arc<Gateway>) {
    let calling = Arc::clone(&gateway);
    background.add(|stop| {
        every(READS, stop, "calls of the cabinet", move || {
            let gateway = Arc::clone(&calling);
            async move { gateway.write_calls().await }
        })
    });
    background.add(|stop| {
        every(COUNTS, stop, "limits of the gateway", move || {
            gateway.forget_rested();
            std::future::ready(Ok(()))
        })
    });
}

/// Shares the gateway's rates among the nodes that live; at once when this one starts.
async fn share(database: Arc<SqlDatabase>, clock: Arc<dyn Clock>, node: NodeId, gateway: Arc<Gateway>) {
    let mut beat = tokio::time::interval(FIGURES);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        match database.count_other_nodes(node, clock.now() - LIVING).await {
            Ok(others) => gateway.share(others.saturating_add(1)),
            // As many as there were.
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the nodes that share the gateway's rates could not be counted");
            }
        }
    }
}

/// Counts the stores, unless the count before took so long that this one is left out.
async fn count(database: &SqlDatabase, left_out: &AtomicU64) -> Result<()> {
    let left = left_out.load(Ordering::Relaxed);
    if left > 0 {
        left_out.store(left - 1, Ordering::Relaxed);
        return Ok(());
    }
    let begun = tokio::time::Instant::now();
    keeping_metrics::sessions(&database.count_sessions().await?);
    keeping_metrics::store_failures(database.most_failures().await?);
    left_out.store(passes_left_out(begun.elapsed()), Ordering::Relaxed);
    Ok(())
}

/// How many counts are left out after one that took so long, so that all of them together cost no more than a hundredth of the time.
fn passes_left_out(took: Duration) -> u64 {
    took.as_secs() * 100 / COUNTS.as_secs()
}

/// How the ways out fare, as gauges by their operators' names.
fn score(egresses: &[Egress]) {
    for egress in egresses {
        let label = egress.name.clone();
        metrics::gauge!("kaspi_auth_egress_score", "egress" => label.clone())
            .set(f64::from(egress.health.score));
        metrics::gauge!("kaspi_auth_egress_blocks", "egress" => label.clone())
            .set(f64::from(egress.health.blocks));
        let rest = egress.health.rest_until.map_or(0, kaspi_auth_core::Timestamp::as_second);
        #[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^52")]
        metrics::gauge!("kaspi_auth_egress_rest_until_timestamp_seconds", "egress" => label).set(rest as f64);
    }
}

/// Makes the configuration's egresses those of the database, as often as it takes.
async fn adopt(egresses: Arc<Egresses>, configured: Vec<NewEgress>) {
    while let Err(error) = egresses.adopt(configured.clone(), id_of).await {
        tracing::error!(error = %Chain(&error), "the egresses of the configuration could not be stored; it is tried again");
        tokio::time::sleep(AGAIN).await;
    }
}

/// The id of a configured egress: the same for a name at every start and on every node.
fn id_of(name: &str) -> EgressId {
    let digest = Sha256::digest(format!("kaspi-auth egress {name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    EgressId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn spawn(stop: CancellationToken, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = task => {}
        }
    })
}

fn every<F>(
    period: Duration,
    stop: CancellationToken,
    name: &'static str,
    pass: impl Fn() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = Result<()>> + Send,
{
    tokio::spawn(async move {
        // Not at once: a start is busy enough.
        let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // A pass that was begun comes to its end: what it has in its hands would be lost.
            tokio::select! {
                () = stop.cancelled() => return,
                _ = beat.tick() => {}
            }
            if let Err(error) = pass().await {
                tracing::warn!(pass = name, error = %Chain(&error), "a background pass failed; it is tried again");
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn counts_that_take_long_are_made_less_often() {
        assert_eq!(passes_left_out(Duration::from_millis(900)), 0);
        assert_eq!(passes_left_out(Duration::from_secs(2)), 3);
        assert_eq!(passes_left_out(Duration::from_mins(1)), 100);
    }

    #[test]
    fn a_configured_egress_keeps_its_id() {
        assert_eq!(id_of("almaty"), id_of("almaty"));
        assert_ne!(id_of("almaty"), id_of("astana"));
        assert_ne!(id_of("almaty").0, Uuid::nil());
    }
}
