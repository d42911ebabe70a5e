//! What a farm is told at its start, and what page it keeps warm. Reads no file and no environment.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::user::effective_user;

/// How large a farm is, and how patient.
#[derive(Debug, Clone)]
pub struct FarmSettings {
    /// The browsers.
    pub shards: Vec<ShardSpec>,
    /// How many pages are kept loaded for each egress in use, spread over the shards.
    pub min_warm: usize,
    /// How many contexts exist at most: warm, running and held.
    pub max_contexts: usize,
    /// A warm page older than this is renewed.
    pub warm_age: Duration,
    /// How many logins run at once on a shard; `None` takes it from cores and memory.
    pub running_per_shard: Option<usize>,
    /// How many logins may wait for a place.
    pub queue_limit: usize,
    /// How many contexts may wait for a person; over it the oldest is closed.
    pub held_limit: usize,
    /// A browser retires after this many logins,
    pub recycle_after_logins: u32,
    /// after this time,
    pub recycle_after: Duration,
    /// or with this much memory (proportional set size of all its processes, in MiB).
    pub recycle_memory_mib: u64,
    /// How long one command may take.
    pub command_timeout: Duration,
    /// How long a page may take until it is ready.
    pub page_timeout: Duration,
    /// Where profiles live while their browser does.
    pub work_dir: PathBuf,
    /// Keys (base64 of SHA-256 of the SPKI) of certificates that local shards take besides the valid ones.
    pub extra_ca_spki: Vec<String>,
}

impl Default for FarmSettings {
    fn default() -> Self {
        Self {
            shards: Vec::new(),
            min_warm: 2,
            max_contexts: 32,
            warm_age: Duration::from_mins(4),
            running_per_shard: None,
            queue_limit: 64,
            held_limit: 16,
            recycle_after_logins: 500,
            recycle_after: Duration::from_hours(6),
            recycle_memory_mib: 1500,
            command_timeout: Duration::from_secs(10),
            page_timeout: Duration::from_secs(30),
            work_dir: own_folder(),
            extra_ca_spki: Vec::new(),
        }
    }
}

/// A folder for profiles that no other user of this machine shares.
fn own_folder() -> PathBuf {
    let user = effective_user().unwrap_or_default();
    std::env::temp_dir().join(format!("kaspi-auth-browser-{user}"))
}

/// One browser of the farm.
#[derive(Clone)]
pub enum ShardSpec {
    /// Launched by us.
    Local {
        /// The program.
        binary: PathBuf,
        /// Without Chromium's own sandbox: needed as root.
        no_sandbox: bool,
        /// More arguments.
        arguments: Vec<String>,
    },
    /// A DevTools endpoint of somebody else.
    Remote {
        /// `ws://` or `wss://`; may hold a token.
        endpoint: SecretString,
    },
    /// A session on a Selenium Grid 4.
    Grid {
        /// The Grid's base URL.
        url: Url,
        /// User and password of the Grid (HTTP Basic).
        credentials: Option<(String, SecretString)>,
        /// Merged into `alwaysMatch`.
        capabilities: Value,
    },
}

impl ShardSpec {
    /// `local`, `remote` or `grid`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local { .. } => "local",
            Self::Remote { .. } => "remote",
            Self::Grid { .. } => "grid",
        }
    }
}

impl fmt::Debug for ShardSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { binary, no_sandbox, arguments } => f
                .debug_struct("Local")
                .field("binary", binary)
                .field("no_sandbox", no_sandbox)
                .field("arguments", arguments)
                .finish(),
            Self::Remote { .. } => f.debug_struct("Remote").finish_non_exhaustive(),
            Self::Grid { url, .. } => {
                f.debug_struct("Grid").field("host", &url.host_str()).finish_non_exhaustive()
            }
        }
    }
}

/// Tells from a report of the page whether the page is ready for a login.
pub type IsReady = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The page that is kept warm, and what runs in it.
#[derive(Clone)]
pub struct PageSetup {
    /// What is loaded.
    pub url: Url,
    /// Runs in the top document of every page, in the isolated world, before the page's own scripts.
    pub script: String,
    /// The isolated world's name.
    pub world: String,
    /// The function through which the script reports: it takes one string.
    pub binding: String,
    /// On each report of a page that is being warmed.
    pub is_ready: IsReady,
    /// `ru-KZ`
    pub locale: String,
    /// `ru-KZ,ru;q=0.9`
    pub accept_language: String,
    /// `Asia/Almaty`
    pub time_zone: String,
    /// Width and height.
    pub viewport: (u32, u32),
    /// `None`: the browser's own, as it is.
    pub user_agent: Option<String>,
    /// Resource types that are not loaded: `Image`, `Font`, `Media`.
    pub blocked_types: Vec<String>,
    /// Addresses that are not loaded; `*` stands for any text.
    pub blocked_urls: Vec<String>,
    /// Answers to XHR and fetch whose path starts with one of these are handed out.
    pub read_paths: Vec<String>,
}

impl fmt::Debug for PageSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageSetup")
            .field("url", &self.url.as_str())
            .field("world", &self.world)
            .finish_non_exhaustive()
    }
}
