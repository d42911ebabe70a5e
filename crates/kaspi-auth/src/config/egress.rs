//! The section `[egress]`: proxies beside the direct way out, and how a proxy's address is read.

use kaspi_auth_core::egress::{InvalidProxy, Proxy, ProxyScheme, Way};
use kaspi_auth_core::egresses::NewEgress;
use kaspi_auth_core::rate::Budget;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::sections::{UnfitList, invalid};
use super::{ConfigError, hidden};

/// Ways out to the portal beside the direct one. More can be added over the API.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Egress {
    /// Proxies: `[[egress.proxies]]` with `name` and `url`, as in `socks5://user:password@host:1080`, and limits of its own where needed.
    /// The variable takes `name=url`, separated by spaces.
    #[config(env = "KASPI_AUTH__EGRESS__PROXIES", parse_env = proxies, default = [])]
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

/// `name=url`, separated by spaces.
fn proxies(text: &str) -> Result<Vec<ConfiguredProxy>, UnfitList> {
    let read = |text: &str| {
        let (name, url) = text.split_once('=').ok_or(UnfitList("write name=url, separated by spaces"))?;
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
