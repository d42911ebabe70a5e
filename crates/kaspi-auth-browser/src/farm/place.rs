//! A login's place in a browser. Dropped, it is free for the next.

use std::sync::Arc;

use tokio::time::Instant;

use super::inner::Inner;
use crate::{
    FarmError,
    shard::{PageCore, Shard},
};

/// The place that a login has.
pub struct Place {
    pub shard: Arc<Shard>,
    inner: Arc<Inner>,
    since: Instant,
    state: State,
    /// It stands for a context too, not only for the right to run.
    leased: bool,
}

#[derive(Clone, Copy)]
enum State {
    Running,
    /// With the order in which it was held.
    Held(u64),
    /// Another place stands for it now.
    Merged,
}

impl Place {
    /// The place that was found for a login.
    pub fn new(inner: Arc<Inner>, shard: Arc<Shard>, leased: bool) -> Self {
        Self { shard, inner, since: Instant::now(), state: State::Running, leased }
    }

    /// Gives the running place back and keeps the context.
    pub fn hold(&mut self, until: Instant, core: &Arc<PageCore>) {
        if let State::Held(held) = self.state {
            return self.inner.hold_until(held, until);
        }
        let lasted = self.since.elapsed();
        self.state = State::Held(self.inner.hold(self.shard.id, until, core.clone(), lasted));
    }

    /// Takes a running place again.
    pub async fn resume(&mut self, deadline: Instant, core: &PageCore) -> Result<(), FarmError> {
        let State::Held(held) = self.state else { return core.fate().map_or(Ok(()), Err) };
        tokio::select! {
            biased;
            fate = core.lost() => return Err(fate),
            resumed = self.inner.resume(self.shard.id, held, deadline) => resumed?,
        }
        self.state = State::Running;
        self.since = Instant::now();
        core.fate().map_or(Ok(()), Err)
    }

    /// From now on another place stands for this one.
    pub fn merge(&mut self) {
        self.state = State::Merged;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let held = match self.state {
            State::Running => None,
            State::Held(held) => Some(held),
            State::Merged => return,
        };
        self.inner.release(self.shard.id, held, self.leased, self.since.elapsed());
    }
}
