//! The sections around browsers, ways out and rates: one struct each, a default and an environment name for every field.

use std::path::PathBuf;

use kaspi_auth_core::egress::{InvalidProxy, Proxy, ProxyScheme, RestPolicy, Way};
use kaspi_auth_core::egresses::NewEgress;
use kaspi_auth_core::rate::{Budget, Rates as Limits};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::sections::invalid;
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
    #[config(env = "KASPI_AUTH__BROWSER__REMOTE", parse_env = lists::remotes, default = [])]
    pub remote: Vec<RemoteBrowser>,
    /// Selenium Grids: `[[browser.grid]]` with `url`, and `sessions`, `username`, `password`, `capabilities` where needed.
    /// The variable takes addresses, separated by spaces.
    #[config(env = "KASPI_AUTH__BROWSER__GRID", parse_env = lists::grids, default = [])]
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

/// Ways out to the portal beside the direct one. More can be added over the API.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Egress {
    /// Proxies: `[[egress.proxies]]` with `name` and `url`, as in `socks5://user:password@host:1080`, and limits of its own where needed.
    /// The variable takes `name=url`, separated by spaces.
    #[config(env = "KASPI_AUTH__EGRESS__PROXIES", parse_env = lists::proxies, default = [])]
    pub proxies: Vec<ConfiguredProxy>,
}

/// A proxy of the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredProxy {
    /// What to call it.
    pub name: String,
    /// `http`, `https` or `socks5`, with credentials where the proxy asks for them.
    #[serde(serialize_with = "hidden::endpoint")]
    pub url: SecretString,
    /// Whether it is used.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Logins in a second; 0 is no limit of its own.
    #[serde(default)]
    pub logins_per_second: f64,
    /// Logins that may begin at once after a pause.
    #[serde(default)]
    pub burst: u32,
    /// Logins at the same time; 0 is no limit of its own.
    #[serde(default)]
    pub in_flight: u32,
}

fn yes() -> bool {
    true
}

impl Egress {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut names = std::collections::BTreeSet::new();
        for proxy in &self.proxies {
            if proxy.name.trim().is_empty() || proxy.name.len() > 64 || !names.insert(proxy.name.as_str()) {
                return Err(invalid("egress.proxies", "each has a name of its own, 1 to 64 characters"));
            }
            if proxy.name == "direct" {
                return Err(invalid("egress.proxies", "the name direct belongs to the built-in egress"));
            }
            proxy.way()?;
        }
        Ok(())
    }

    /// The egresses as the rules take them.
    ///
    /// # Errors
    /// A proxy whose address cannot be read.
    pub fn configured(&self) -> Result<Vec<NewEgress>, ConfigError> {
        self.proxies
            .iter()
            .map(|proxy| {
                let (per_second, burst, in_flight) = (proxy.logins_per_second, proxy.burst, proxy.in_flight);
                Ok(NewEgress {
                    name: proxy.name.clone(),
                    way: proxy.way()?,
                    enabled: proxy.enabled,
                    budget: Budget { per_second, burst: burst.max(1), in_flight },
                })
            })
            .collect()
    }
}

impl ConfiguredProxy {
    fn way(&self) -> Result<Way, ConfigError> {
        proxy(self.url.expose_secret())
            .map(Way::Proxy)
            .map_err(|problem| ConfigError::Invalid { key: "egress.proxies", problem: problem.to_owned() })
    }
}

/// Reads a proxy's address.
///
/// # Errors
/// What is wrong with it, without showing it.
pub fn proxy(text: &str) -> Result<Proxy, &'static str> {
    let url = Url::parse(text).map_err(|_| "is no address; write it as socks5://user:password@host:port")?;
    let scheme = ProxyScheme::parse(url.scheme()).ok_or("must begin with http://, https:// or socks5://")?;
    let host = url.host_str().ok_or("names no host")?;
    let usual = match scheme {
        ProxyScheme::Http => 80,
        ProxyScheme::Https => 443,
        ProxyScheme::Socks5 => 1080,
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("is a proxy's address and has no path");
    }
    let plain = |part: &str| {
        let decoded = percent_encoding::percent_decode_str(part).decode_utf8();
        decoded.map(std::borrow::Cow::into_owned).map_err(|_| "has credentials that are no text")
    };
    let username = (!url.username().is_empty()).then(|| plain(url.username())).transpose()?;
    let password = url.password().map(plain).transpose()?.map(SecretString::from);
    Proxy::new(scheme, host, url.port().unwrap_or(usual), username, password)
        .map_err(|InvalidProxy(what)| what)
}

/// How fast logins go towards the portal, all nodes together. Zero is no limit.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Rates {
    /// Logins that begin in a second, on the average.
    #[config(env = "KASPI_AUTH__RATES__LOGINS_PER_SECOND", default = 20.0)]
    pub logins_per_second: f64,
    /// Logins that may begin at once after a pause.
    #[config(env = "KASPI_AUTH__RATES__BURST", default = 40)]
    pub burst: u32,
    /// Logins that are with the portal at the same time; those that wait for a person do not count.
    #[config(env = "KASPI_AUTH__RATES__IN_FLIGHT", default = 64)]
    pub in_flight: u32,
    /// How long a login waits for its turn before it is refused, in seconds.
    #[config(env = "KASPI_AUTH__RATES__WAIT_SECONDS", default = 30)]
    pub wait_seconds: i64,
    /// So many walls in a row are taken for the egress's fault: it rests.
    #[config(env = "KASPI_AUTH__RATES__REST_AFTER_BLOCKS", default = 5)]
    pub rest_after_blocks: u32,
    /// The first rest of an egress, in seconds; each further one is twice as long.
    #[config(env = "KASPI_AUTH__RATES__REST_SECONDS", default = 60)]
    pub rest_seconds: i64,
    /// The longest rest, in minutes.
    #[config(env = "KASPI_AUTH__RATES__LONGEST_REST_MINUTES", default = 30)]
    pub longest_rest_minutes: i64,
}

impl Rates {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(0.0..=10_000.0).contains(&self.logins_per_second) {
            return Err(invalid("rates.logins_per_second", "must be 0 to 10000"));
        }
        if !(0..=300).contains(&self.wait_seconds) {
            return Err(invalid("rates.wait_seconds", "must be 0 to 300"));
        }
        if self.rest_after_blocks == 0
            || !(1..=3600).contains(&self.rest_seconds)
            || !(1..=24 * 60).contains(&self.longest_rest_minutes)
        {
            return Err(invalid(
                "rates.rest_after_blocks",
                "must be at least 1, rates.rest_seconds 1 to 3600, rates.longest_rest_minutes 1 to 1440",
            ));
        }
        Ok(())
    }

    /// The limits as the rules take them.
    pub fn limits(&self) -> Limits {
        Limits {
            portal: Budget {
                per_second: self.logins_per_second,
                burst: self.burst.max(1),
                in_flight: self.in_flight,
            },
            wait: jiff::SignedDuration::from_secs(self.wait_seconds),
        }
    }

    /// When an egress rests.
    pub fn rest(&self) -> RestPolicy {
        RestPolicy {
            blocks: self.rest_after_blocks,
            first: jiff::SignedDuration::from_secs(self.rest_seconds),
            longest: jiff::SignedDuration::from_mins(self.longest_rest_minutes),
        }
    }
}

/// What is kept for finding out why a login failed, and how changes of the portal are noticed.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Evidence {
    /// How long evidence of a failed or unknown step is kept, in days; 0 keeps none.
    #[config(env = "KASPI_AUTH__EVIDENCE__KEEP_DAYS", default = 7)]
    pub keep_days: i64,
    /// How long events are kept, in days.
    #[config(env = "KASPI_AUTH__EVIDENCE__KEEP_EVENTS_DAYS", default = 90)]
    pub keep_events_days: i64,
    /// How often the login page is looked at without credentials, in minutes; 0: only logins look.
    #[config(env = "KASPI_AUTH__EVIDENCE__PROBE_MINUTES", default = 15)]
    pub probe_minutes: u64,
}

impl Evidence {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(0..=365).contains(&self.keep_days) || !(1..=3650).contains(&self.keep_events_days) {
            return Err(invalid(
                "evidence.keep_days",
                "must be 0 to 365, and evidence.keep_events_days 1 to 3650",
            ));
        }
        if self.probe_minutes > 24 * 60 {
            return Err(invalid("evidence.probe_minutes", "must be 0 to 1440"));
        }
        Ok(())
    }
}

/// Lists as a variable writes them. What is wrong is told without the value.
mod lists {
    use super::{ConfiguredProxy, GridBrowser, RemoteBrowser, yes};

    /// A list that cannot be read.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    pub struct Unfit(&'static str);

    #[expect(clippy::unnecessary_wraps, reason = "the shape that a parser of a variable has")]
    pub fn remotes(text: &str) -> Result<Vec<RemoteBrowser>, Unfit> {
        Ok(text.split_whitespace().map(|endpoint| RemoteBrowser { endpoint: endpoint.into() }).collect())
    }

    pub fn grids(text: &str) -> Result<Vec<GridBrowser>, Unfit> {
        let read = |text: &str| {
            let url = text.parse().map_err(|_| Unfit("write the addresses of Grids, separated by spaces"))?;
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

    pub fn proxies(text: &str) -> Result<Vec<ConfiguredProxy>, Unfit> {
        let read = |text: &str| {
            let (name, url) = text.split_once('=').ok_or(Unfit("write name=url, separated by spaces"))?;
            Ok(ConfiguredProxy {
                name: name.to_owned(),
                url: url.into(),
                enabled: yes(),
                logins_per_second: 0.0,
                burst: 0,
                in_flight: 0,
            })
        };
        text.split_whitespace().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_address_is_read_with_its_credentials() {
        let read = proxy("socks5://us%65r:p%40ss@[::1]:1081").unwrap();
        assert_eq!(read.server(), "socks5://[::1]:1081");
        assert_eq!(read.username.as_deref(), Some("user"));
        assert_eq!(read.password.unwrap().expose_secret(), "p@ss");
        assert_eq!(proxy("http://host").unwrap().port, 80);
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_showing_it() {
        for text in ["ftp://canary", "canary", "http://host/canary", "socks5://a%0Acanary@host"] {
            let refused = proxy(text).unwrap_err();
            assert!(!refused.contains("canary"), "{refused}");
        }
    }
}
