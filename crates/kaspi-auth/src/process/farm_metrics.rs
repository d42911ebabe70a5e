//! Counts and times what happens in the browser farm, and logs what an operator must know of. Names no account and no page.

use std::sync::atomic::{AtomicI64, Ordering};

use kaspi_auth_browser::{FarmNews, FarmObserver, Figures};

/// Puts the farm's news into metrics and the log.
#[derive(Debug, Default)]
pub struct FarmMetrics {
    contexts: AtomicI64,
}

impl FarmObserver for FarmMetrics {
    fn told(&self, what: FarmNews) {
        match what {
            FarmNews::ShardUp { shard, kind, product, took } => {
                tracing::info!(%shard, kind, product, millis = millis(took), "a browser is up");
                metrics::histogram!("kaspi_auth_browser_start_seconds", "kind" => kind).record(took);
            }
            FarmNews::ShardFailed { kind, what, again_in } => {
                tracing::error!(
                    kind,
                    what,
                    again_in_seconds = again_in.as_secs(),
                    "a browser did not come up"
                );
                metrics::counter!("kaspi_auth_browser_start_failures_total", "kind" => kind).increment(1);
            }
            FarmNews::ShardDown { shard, reason } => tracing::info!(%shard, reason, "a browser is gone"),
            FarmNews::Crash { shard, kind } => {
                tracing::warn!(%shard, kind = kind.as_str(), "a browser or a page died");
                metrics::counter!("kaspi_auth_browser_crashes_total", "kind" => kind.as_str()).increment(1);
            }
            FarmNews::Recycle { shard, reason } => {
                tracing::info!(%shard, reason = reason.as_str(), "a browser retires");
                metrics::counter!("kaspi_auth_browser_recycles_total", "reason" => reason.as_str())
                    .increment(1);
            }
            FarmNews::ContextOpened { took, .. } => {
                self.contexts.fetch_add(1, Ordering::Relaxed);
                metrics::counter!("kaspi_auth_browser_contexts_opened_total").increment(1);
                metrics::histogram!("kaspi_auth_browser_context_seconds").record(took);
            }
            FarmNews::ContextClosed { .. } => {
                self.contexts.fetch_sub(1, Ordering::Relaxed);
                metrics::counter!("kaspi_auth_browser_contexts_closed_total").increment(1);
            }
            FarmNews::WarmingFailed { shard, what } => {
                tracing::warn!(%shard, what, "a page could not be warmed");
                metrics::counter!("kaspi_auth_browser_warming_failures_total").increment(1);
            }
            FarmNews::Leased { warm, waited, .. } => {
                let hit = if warm { "warm" } else { "cold" };
                metrics::counter!("kaspi_auth_browser_leases_total", "page" => hit).increment(1);
                metrics::histogram!("kaspi_auth_browser_wait_seconds", "page" => hit).record(waited);
            }
            FarmNews::Full => refused("full"),
            FarmNews::Late => refused("late"),
            FarmNews::Evicted => refused("evicted"),
            FarmNews::Expired => refused("expired"),
            FarmNews::Reaped { processes, contexts, profiles } => {
                tracing::warn!(processes, contexts, profiles, "what nobody owned was ended");
                metrics::counter!("kaspi_auth_browser_reaped_total", "what" => "processes")
                    .increment(count(processes));
                metrics::counter!("kaspi_auth_browser_reaped_total", "what" => "contexts")
                    .increment(count(contexts));
                metrics::counter!("kaspi_auth_browser_reaped_total", "what" => "profiles")
                    .increment(count(profiles));
            }
        }
    }
}

/// How the farm stands, as gauges.
pub fn show(figures: &Figures) {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let gauge = |value: usize| value as f64;
    metrics::gauge!("kaspi_auth_browser_shards", "state" => "up").set(gauge(figures.shards.len()));
    metrics::gauge!("kaspi_auth_browser_shards", "state" => "wanted").set(gauge(figures.shards_wanted));
    let draining = figures.shards.iter().filter(|shard| shard.draining).count();
    metrics::gauge!("kaspi_auth_browser_shards", "state" => "draining").set(gauge(draining));
    for (state, count) in [
        ("warm", figures.warm),
        ("warming", figures.warming),
        ("running", figures.running),
        ("held", figures.held),
    ] {
        metrics::gauge!("kaspi_auth_browser_contexts", "state" => state).set(gauge(count));
    }
    metrics::gauge!("kaspi_auth_browser_queued").set(gauge(figures.queued));
    let memory: u64 = figures.shards.iter().filter_map(|shard| shard.memory_mib).sum();
    #[expect(clippy::cast_precision_loss, reason = "mebibytes stay far below 2^52")]
    metrics::gauge!("kaspi_auth_browser_memory_bytes").set((memory * 1024 * 1024) as f64);
}

fn refused(why: &'static str) {
    metrics::counter!("kaspi_auth_browser_refusals_total", "reason" => why).increment(1);
}

fn millis(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
