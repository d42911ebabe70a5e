//! The section `[browser]`: which browsers there are, and how patiently and how many at once they are used.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::sections::{UnfitList, invalid};
use super::{ConfigError, hidden};

/// When browsers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrowserMode {
    /// Never: logins are driven by HTTP alone.
    Off,
    /// From the first login that needs one.
    OnDemand,
    /// From the start, with pages warmed for the logins to come.
    Warm,
}

/// Real browsers, for logins that need one.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Browser {
    /// `off`; `on_demand`: from the first login that needs one; `warm`: from the start, with pages warmed for the logins to come.
    #[config(env = "KASPI_AUTH__BROWSER__MODE", default = "on_demand")]
    pub mode: BrowserMode,
    /// The Chromium to launch. Where none is set: `CHROMIUM`, then the usual names, chromium-headless-shell first.
    #[config(env = "KASPI_AUTH__BROWSER__BINARY")]
    pub binary: Option<PathBuf>,
    /// How many are launched on this machine; one serves two cores. Zero when all browsers are elsewhere.
    #[config(env = "KASPI_AUTH__BROWSER__SHARDS", default = 1)]
    pub shards: usize,
    /// Whether Chromium runs in its own sandbox; it cannot when this service runs as root, and does without then.
    #[config(env = "KASPI_AUTH__BROWSER__SANDBOX", default = true)]
    pub sandbox: bool,
    /// Further arguments for a launched Chromium.
    #[config(
        env = "KASPI_AUTH__BROWSER__ARGUMENTS",
        parse_env = confique::env::parse::list_by_space,
        default = []
    )]
    pub arguments: Vec<String>,
    /// Pages that wait with the login form loaded, for each egress in use.
    #[config(env = "KASPI_AUTH__BROWSER__MIN_WARM", default = 2)]
    pub min_warm: usize,
    /// Contexts at most: warm ones, those of running logins, and those that wait for a person.
    #[config(env = "KASPI_AUTH__BROWSER__MAX_CONTEXTS", default = 24)]
    pub max_contexts: usize,
    /// A warmed page is renewed after this, in seconds.
    #[config(env = "KASPI_AUTH__BROWSER__WARM_AGE_SECONDS", default = 300)]
    pub warm_age_seconds: u64,
    /// Logins that run at once in one browser; 0: as many as the machine's cores and memory allow.
    #[config(env = "KASPI_AUTH__BROWSER__MAX_RUNNING", default = 0)]
    pub max_running: usize,
    /// Logins that may wait for a browser; more are refused.
    #[config(env = "KASPI_AUTH__BROWSER__MAX_QUEUED", default = 64)]
    pub max_queued: usize,
    /// How long a login waits for a browser, in seconds.
    #[config(env = "KASPI_AUTH__BROWSER__QUEUE_SECONDS", default = 30)]
    pub queue_seconds: u64,
    /// Pages that are held for logins that wait for a person; beyond that the oldest is given up.
    #[config(env = "KASPI_AUTH__BROWSER__MAX_HELD", default = 16)]
    pub max_held: usize,
    /// A browser is replaced after so many logins.
    #[config(env = "KASPI_AUTH__BROWSER__RECYCLE_LOGINS", default = 500)]
    pub recycle_logins: u32,
    /// A browser is replaced after so many hours.
    #[config(env = "KASPI_AUTH__BROWSER__RECYCLE_HOURS", default = 12)]
    pub recycle_hours: u64,
    /// A browser is replaced when it takes more memory than this, in MiB.
    #[config(env = "KASPI_AUTH__BROWSER__RECYCLE_MEMORY_MIB", default = 1536)]
    pub recycle_memory_mib: u64,
    /// The longest that a browser may take to answer a command, in seconds; then it counts as hung.
    #[config(env = "KASPI_AUTH__BROWSER__COMMAND_TIMEOUT_SECONDS", default = 10)]
    pub command_timeout_seconds: u64,
    /// The longest that a page may take to be ready, in seconds.
    #[config(env = "KASPI_AUTH__BROWSER__PAGE_TIMEOUT_SECONDS", default = 30)]
    pub page_timeout_seconds: u64,
    /// What is known of the portal's pages: a recipe in place of the built-in one. Read again when it changes.
    #[config(env = "KASPI_AUTH__BROWSER__RECIPE_FILE")]
    pub recipe_file: Option<PathBuf>,
    /// Browsers elsewhere that are spoken to by the Chrome DevTools Protocol: `[[browser.remote]]` with `endpoint`.
    /// The variable takes endpoints, separated by spaces.
    #[config(env = "KASPI_AUTH__BROWSER__REMOTE", parse_env = remotes, default = [])]
    pub remote: Vec<RemoteBrowser>,
    /// Selenium Grids: `[[browser.grid]]` with `url`, and `sessions`, `username`, `password`, `capabilities` where needed.
    /// The variable takes addresses, separated by spaces.
    #[config(env = "KASPI_AUTH__BROWSER__GRID", parse_env = grids, default = [])]
    pub grid: Vec<GridBrowser>,
}

/// A browser elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteBrowser {
    /// `ws://` or `wss://`; a token in it is a secret.
    #[serde(serialize_with = "hidden::endpoint")]
    pub endpoint: SecretString,
}

/// A Selenium Grid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridBrowser {
    /// Its address, as in `http://grid:4444`.
    pub url: Url,
    /// How many browsers are asked of it.
    #[serde(default = "one")]
    pub sessions: usize,
    /// Who we are there.
    #[serde(default)]
    pub username: Option<String>,
    /// The proof.
    #[serde(default, serialize_with = "hidden::secret")]
    pub password: Option<SecretString>,
    /// Capabilities beside the usual ones, as WebDriver spells them.
    #[serde(default)]
    pub capabilities: serde_json::Map<String, serde_json::Value>,
}

fn one() -> usize {
    1
}

impl Browser {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.mode == BrowserMode::Off {
            return Ok(());
        }
        if self.shards > 64 {
            return Err(invalid("browser.shards", "must be 0 to 64"));
        }
        if self.shards == 0 && self.remote.is_empty() && self.grid.is_empty() {
            return Err(invalid(
                "browser.shards",
                "is 0 and no browser is named elsewhere: name one, or set browser.mode to off",
            ));
        }
        if !(1..=1000).contains(&self.max_contexts) || self.min_warm >= self.max_contexts {
            return Err(invalid("browser.max_contexts", "must be 1 to 1000, and more than browser.min_warm"));
        }
        if self.max_held > self.max_contexts {
            return Err(invalid("browser.max_held", "must be no more than browser.max_contexts"));
        }
        if [self.queue_seconds, self.page_timeout_seconds].iter().any(|seconds| !(1..=300).contains(seconds))
        {
            return Err(invalid(
                "browser.queue_seconds",
                "and browser.page_timeout_seconds must be 1 to 300",
            ));
        }
        // A call into a page waits there for up to six seconds.
        if !(7..=300).contains(&self.command_timeout_seconds) {
            return Err(invalid("browser.command_timeout_seconds", "must be 7 to 300"));
        }
        if !(10..=86_400).contains(&self.warm_age_seconds) {
            return Err(invalid("browser.warm_age_seconds", "must be 10 to 86400"));
        }
        if self.recycle_logins == 0 || self.recycle_hours == 0 || self.recycle_memory_mib < 256 {
            return Err(invalid(
                "browser.recycle_logins",
                "and browser.recycle_hours must be at least 1, and browser.recycle_memory_mib 256",
            ));
        }
        for remote in &self.remote {
            let scheme = remote.endpoint.expose_secret().split("://").next().unwrap_or_default();
            if !matches!(scheme, "ws" | "wss") {
                return Err(invalid("browser.remote", "an endpoint begins with ws:// or wss://"));
            }
        }
        for grid in &self.grid {
            if !matches!(grid.url.scheme(), "http" | "https") || grid.url.password().is_some() {
                return Err(invalid(
                    "browser.grid",
                    "a url begins with http:// or https:// and holds no password; password is a key of its own",
                ));
            }
            if !(1..=64).contains(&grid.sessions) {
                return Err(invalid("browser.grid", "sessions must be 1 to 64"));
            }
        }
        Ok(())
    }
}

/// Endpoints, separated by spaces.
#[expect(clippy::unnecessary_wraps, reason = "the shape that a parser of a variable has")]
fn remotes(text: &str) -> Result<Vec<RemoteBrowser>, UnfitList> {
    Ok(text.split_whitespace().map(|endpoint| RemoteBrowser { endpoint: endpoint.into() }).collect())
}

/// Addresses of Grids, separated by spaces.
fn grids(text: &str) -> Result<Vec<GridBrowser>, UnfitList> {
    let read = |text: &str| {
        let url = text.parse().map_err(|_| UnfitList("write the addresses of Grids, separated by spaces"))?;
        Ok(GridBrowser {
            url,
            sessions: 1,
            username: None,
            password: None,
            capabilities: serde_json::Map::new(),
        })
    };
    text.split_whitespace().map(read).collect()
}
