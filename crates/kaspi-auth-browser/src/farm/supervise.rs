//! Keeps one browser up: starts it, watches it, replaces it when it dies or retires. Gives out no place.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use super::{desk::Seat, inner::Inner};
use crate::{
    CrashKind, FarmError, FarmNews, FarmSettings, RecycleReason, ShardSpec,
    shard::{Body, Shard},
};

/// How often a browser is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long it may take to say so.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long those that a retiring browser serves may stay.
const DRAIN: Duration = Duration::from_mins(10);
/// The pause after the first failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// A browser that lived as long starts the count of failures anew.
const LIVED: Duration = Duration::from_secs(30);
/// How much free memory a running login should find, in MiB.
const PLACE_MIB: u64 = 128;

/// Why one is no longer watched.
enum End {
    Lost(FarmError),
    Retires(RecycleReason),
    Stops,
}

/// A browser and what it lives in.
struct Live {
    shard: Arc<Shard>,
    body: Body,
}

/// Keeps the browser of one specification up until the farm stops.
pub async fn keep(inner: Arc<Inner>, slot: usize, spec: ShardSpec) {
    let mut failures: u32 = 0;
    let mut replaced: Option<oneshot::Sender<()>> = None;
    while !inner.stopping.is_cancelled() {
        let began = Instant::now();
        let page = inner.setup.lock().clone();
        let id = inner.next_shard();
        let (observer, nudge) = (inner.observer.clone(), inner.nudge.clone());
        let opening = Shard::open(id, &spec, &inner.settings, &page, observer, nudge, &inner.graves);
        let opened = tokio::select! {
            opened = opening => opened,
            () = inner.stopping.cancelled() => break,
        };
        match opened {
            Ok((shard, body)) => {
                let product = shard.product.clone();
                inner.tell(FarmNews::ShardUp {
                    shard: id,
                    kind: spec.kind(),
                    product,
                    took: began.elapsed(),
                });
                inner.join(slot, &shard, places(&spec, &inner.settings));
                if let Some(replaced) = replaced.take() {
                    let _ = replaced.send(());
                }
                let mut live = Live { shard, body };
                match live.watch(&inner).await {
                    End::Retires(reason) => {
                        inner.tell(FarmNews::Recycle { shard: id, reason });
                        let (sender, receiver) = oneshot::channel();
                        replaced = Some(sender);
                        inner.tasks.spawn(retire(inner.clone(), live, receiver));
                    }
                    End::Lost(why) => {
                        let lived = live.shard.started.elapsed() > LIVED;
                        failures = if lived { 0 } else { failures + 1 };
                        live.bury(&inner, &why).await;
                        pause(&inner, failures.saturating_sub(1)).await;
                    }
                    End::Stops => live.end(&inner, "the farm stops").await,
                }
            }
            Err(error) => {
                failures += 1;
                let again_in = backed_off(failures);
                inner.failed(slot, failures, &error);
                inner.tell(FarmNews::ShardFailed { kind: spec.kind(), what: error.to_string(), again_in });
                pause(&inner, failures).await;
            }
        }
    }
}

/// Waits for the replacement, then until nobody needs it, and ends it.
async fn retire(inner: Arc<Inner>, mut live: Live, replaced: oneshot::Receiver<()>) {
    let drained = async {
        let _ = replaced.await;
        inner.drain(live.shard.id);
        let until = Instant::now() + DRAIN;
        let _ = tokio::time::timeout_at(until, inner.drained(live.shard.id)).await;
    };
    let why = tokio::select! {
        () = drained => None,
        why = live.body.ended() => Some(FarmError::BrowserLost { reason: why }),
        why = live.shard.connection.ended() => Some(why),
        () = inner.stopping.cancelled() => None,
    };
    match why {
        Some(why) => live.bury(&inner, &why).await,
        None => live.end(&inner, "it retired").await,
    }
}

impl Live {
    async fn watch(&mut self, inner: &Inner) -> End {
        let shard = self.shard.clone();
        let heart = async {
            let patience = inner.settings.command_timeout.min(PATIENCE);
            loop {
                let _ = tokio::time::timeout(HEARTBEAT, shard.suspect.notified()).await;
                if let Err(error @ FarmError::Hung { .. }) = shard.answers(patience).await {
                    return error;
                }
            }
        };
        let grows_old = tokio::time::sleep(inner.settings.recycle_after);
        tokio::select! {
            biased;
            () = inner.stopping.cancelled() => End::Stops,
            why = self.body.ended() => End::Lost(FarmError::BrowserLost { reason: why }),
            why = shard.connection.ended() => End::Lost(why),
            why = heart => End::Lost(why),
            reason = shard.retires() => End::Retires(reason),
            () = grows_old => End::Retires(RecycleReason::Age),
        }
    }

    /// It died.
    async fn bury(self, inner: &Arc<Inner>, why: &FarmError) {
        let kind = if matches!(why, FarmError::Hung { .. }) { CrashKind::Hung } else { CrashKind::Browser };
        inner.tell(FarmNews::Crash { shard: self.shard.id, kind });
        // Everybody who waits hears of it before the remains are cleared away.
        self.shard.connection.end(FarmError::BrowserLost { reason: why.to_string() });
        inner.desk.lock().last_trouble = Some(why.to_string());
        self.end(inner, &why.to_string()).await;
    }

    async fn end(self, inner: &Arc<Inner>, reason: &str) {
        let shard = self.shard;
        inner.leave(shard.id);
        let stopping = inner.stopping.is_cancelled();
        let error = FarmError::BrowserLost { reason: reason.to_owned() };
        shard.connection.end(if stopping { FarmError::Stopped } else { error });
        self.body.end().await;
        inner.tell(FarmNews::ShardDown { shard: shard.id, reason: reason.to_owned() });
        inner.changed.notify_waiters();
    }
}

/// How many logins run at once in a browser: about one a core, and no more than memory allows.
fn places(spec: &ShardSpec, settings: &FarmSettings) -> usize {
    if let Some(places) = settings.running_per_shard {
        return places.max(1);
    }
    let ShardSpec::Local { .. } = spec else { return 2 };
    let locals = settings.shards.iter().filter(|spec| matches!(spec, ShardSpec::Local { .. })).count().max(1);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory =
        free_memory_mib().map_or(usize::MAX, |free| usize::try_from(free / PLACE_MIB).unwrap_or(usize::MAX));
    (cores.min(memory) / locals).max(1)
}

fn free_memory_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn backed_off(failures: u32) -> Duration {
    PAUSES.0.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(PAUSES.1)
}

async fn pause(inner: &Inner, failures: u32) {
    if failures > 0 {
        tokio::select! {
            () = tokio::time::sleep(backed_off(failures)) => {}
            () = inner.stopping.cancelled() => {}
        }
    }
}

impl Inner {
    fn join(self: &Arc<Self>, slot: usize, shard: &Arc<Shard>, places: usize) {
        {
            let mut desk = self.desk.lock();
            desk.failures[slot] = 0;
            let seat = Seat {
                shard: shard.clone(),
                places,
                running: 0,
                warming: 0,
                draining: false,
                logins: 0,
                memory_mib: None,
            };
            desk.seats.insert(shard.id, seat);
        }
        self.serve();
        self.nudge.notify_one();
        self.changed.notify_waiters();
    }

    fn failed(&self, slot: usize, failures: u32, error: &FarmError) {
        let mut desk = self.desk.lock();
        desk.failures[slot] = failures;
        desk.last_trouble = Some(error.to_string());
        if desk.hopeless().is_some() {
            // Whoever waits hears it from the closed channel.
            desk.queue.retain(|_| false);
        }
        drop(desk);
        self.changed.notify_waiters();
    }

    fn leave(self: &Arc<Self>, shard: crate::ShardId) {
        self.desk.lock().leave(shard);
        self.serve();
        self.nudge.notify_one();
    }

    fn drain(self: &Arc<Self>, shard: crate::ShardId) {
        {
            let mut desk = self.desk.lock();
            if let Some(seat) = desk.seats.get_mut(&shard) {
                seat.draining = true;
            }
            desk.cool(shard);
        }
        self.nudge.notify_one();
    }

    async fn drained(&self, shard: crate::ShardId) {
        loop {
            let changed = self.changed.notified();
            {
                let desk = self.desk.lock();
                let runs = desk.seats.get(&shard).is_some_and(|seat| seat.running > 0);
                if !runs && desk.held.values().all(|held| held.shard != shard) {
                    return;
                }
            }
            // Held contexts also end by themselves: the tender tells.
            changed.await;
        }
    }
}
