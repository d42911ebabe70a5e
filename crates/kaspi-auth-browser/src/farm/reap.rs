//! Looks regularly for what nobody owns: processes and profiles of browsers that ended, contexts without a lease. Ends
//! only what this farm started; in a browser that others use too it ends nothing.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::inner::Inner;
use crate::{
    FarmNews, RecycleReason, ShardId,
    shard::{Processes, Shard},
};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(10);

/// Reaps until the farm stops.
pub async fn reap(inner: Arc<Inner>) {
    let mut seen = HashMap::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = inner.stopping.cancelled() => return,
        }
        sweep(&inner, &mut seen).await;
    }
}

/// One look. A context is a stray when it was one in the look before too: one that is just being made has no owner yet.
async fn sweep(inner: &Arc<Inner>, seen: &mut HashMap<ShardId, HashSet<String>>) {
    let shards: Vec<Arc<Shard>> = inner.desk.lock().seats.values().map(|seat| seat.shard.clone()).collect();
    let mut contexts = 0;
    let mut strays = HashMap::new();
    for shard in &shards {
        if shard.exclusive
            && let Ok(now) = shard.strays().await
        {
            let before = seen.get(&shard.id);
            for stray in now.iter().filter(|stray| before.is_some_and(|before| before.contains(*stray))) {
                shard.dispose_stray(stray);
                contexts += 1;
            }
            strays.insert(shard.id, now);
        }
        weigh(inner, shard).await;
    }
    *seen = strays;
    let (processes, profiles) = inner.graves.clear().await;
    if contexts + processes + profiles > 0 {
        inner.tell(FarmNews::Reaped { processes, contexts, profiles });
    }
}

/// Measures a browser of ours; one that is too fat, or has served enough, retires.
async fn weigh(inner: &Inner, shard: &Shard) {
    let Some(pid) = shard.process else { return };
    let memory = tokio::task::spawn_blocking(move || Processes::led_by(pid).memory_mib()).await;
    let Ok(memory) = memory else { return };
    if let Some(seat) = inner.desk.lock().seats.get_mut(&shard.id) {
        seat.memory_mib = Some(memory);
    }
    if memory > inner.settings.recycle_memory_mib {
        shard.retire(RecycleReason::Memory);
    }
}
