//! What the farm tells about itself: news as they happen, figures when asked. Names no account, and no address but hosts.

use std::{fmt, time::Duration};

/// Names a browser of the farm. A browser that replaces another has a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub(crate) u64);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard-{}", self.0)
    }
}

/// What died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CrashKind {
    /// The browser's process, or the socket to it.
    Browser,
    /// A page's process.
    Page,
    /// Nothing died, but nothing answers.
    Hung,
}

impl CrashKind {
    /// As a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Page => "page",
            Self::Hung => "hung",
        }
    }
}

/// Why a browser retires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecycleReason {
    /// It served its number of logins.
    Logins,
    /// It is old.
    Age,
    /// It is fat.
    Memory,
}

impl RecycleReason {
    /// As a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logins => "logins",
            Self::Age => "age",
            Self::Memory => "memory",
        }
    }
}

/// Something happened in the farm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FarmNews {
    /// A browser is up.
    ShardUp {
        /// Which.
        shard: ShardId,
        /// `local`, `remote` or `grid`.
        kind: &'static str,
        /// What it calls itself.
        product: String,
        /// From the decision to start it.
        took: Duration,
    },
    /// A browser did not come up.
    ShardFailed {
        /// `local`, `remote` or `grid`.
        kind: &'static str,
        /// How.
        what: String,
        /// When it is tried again.
        again_in: Duration,
    },
    /// A browser is gone.
    ShardDown {
        /// Which.
        shard: ShardId,
        /// How.
        reason: String,
    },
    /// Something died that should not have.
    Crash {
        /// Where.
        shard: ShardId,
        /// What.
        kind: CrashKind,
    },
    /// A browser takes no more logins and ends when those it has are through.
    Recycle {
        /// Which.
        shard: ShardId,
        /// Why.
        reason: RecycleReason,
    },
    /// A context was made.
    ContextOpened {
        /// Where.
        shard: ShardId,
        /// How long until its page was ready.
        took: Duration,
    },
    /// A context is gone.
    ContextClosed {
        /// Where.
        shard: ShardId,
    },
    /// A page could not be warmed.
    WarmingFailed {
        /// Where.
        shard: ShardId,
        /// How.
        what: String,
    },
    /// A login has its context.
    Leased {
        /// Where.
        shard: ShardId,
        /// Whether its page had been warmed.
        warm: bool,
        /// In the queue and for the page.
        waited: Duration,
    },
    /// A login was turned away: the queue was full.
    Full,
    /// A login's deadline passed in the queue.
    Late,
    /// A held context was closed to make room.
    Evicted,
    /// A held context's time was over.
    Expired,
    /// The reaper ended what nobody owned.
    Reaped {
        /// Child processes.
        processes: usize,
        /// Contexts.
        contexts: usize,
        /// Profile folders.
        profiles: usize,
    },
}

/// Hears the farm's news, for metrics and logs. Must be quick and must not ask the farm anything: it is called where
/// things happen.
pub trait FarmObserver: Send + Sync {
    /// Something happened.
    fn told(&self, what: FarmNews);
}

/// A farm at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// The browsers that are up.
    pub shards: Vec<ShardFigures>,
    /// How many browsers there should be.
    pub shards_wanted: usize,
    /// Pages that wait for a login.
    pub warm: usize,
    /// Pages that are being warmed.
    pub warming: usize,
    /// Logins that run.
    pub running: usize,
    /// Contexts that wait for a person.
    pub held: usize,
    /// Logins that wait for a place.
    pub queued: usize,
    /// Ways out that warm pages are kept for.
    pub routes: usize,
    /// The last trouble with a browser that did not come up or died.
    pub last_trouble: Option<String>,
}

/// A browser at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFigures {
    /// Which.
    pub id: ShardId,
    /// `local`, `remote` or `grid`.
    pub kind: &'static str,
    /// What it calls itself.
    pub product: String,
    /// The browser's process, when it is ours.
    pub process: Option<u32>,
    /// Whether it takes no more logins.
    pub draining: bool,
    /// How many logins may run in it.
    pub places: usize,
    /// How many do.
    pub running: usize,
    /// How many wait for a person.
    pub held: usize,
    /// Warm pages.
    pub warm: usize,
    /// All contexts of ours in it.
    pub contexts: usize,
    /// Logins that it served.
    pub logins: u32,
    /// Since it is up.
    pub age: Duration,
    /// Of all its processes, as last measured.
    pub memory_mib: Option<u64>,
}
