//! Host names: which part of the portal a request is for, and how absolute addresses are made from its `Host`.
//! It must not look at anything of a request but its authority and whether it came over TLS.

use serde::Serialize;
use std::sync::Arc;

/// The suffix of the real host names (CONTRACT 1).
pub(crate) const REAL_SUFFIX: &str = "kaspi.kz";
/// The suffix of the host names on loopback.
pub(crate) const LOCAL_SUFFIX: &str = "kaspi.localhost";

/// The three origins of the portal, each as `scheme://host[:port]` without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origins {
    /// The site: the cabinet's shell, the start page, the inbox and the control API.
    pub site: String,
    /// The login host (idmc).
    pub login: String,
    /// The cabinet host (mc).
    pub cabinet: String,
}

impl Origins {
    /// The trackers' host, beside the site.
    pub(crate) fn metrics(&self) -> String {
        self.site.replacen("://", "://metrics.", 1)
    }
}

/// The part of the portal that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Site,
    Login,
    Cabinet,
    /// `localhost` or a loopback address: the sandbox's own pages only.
    Own,
    /// The trackers that the heavy login page loads.
    Metrics,
}

impl Role {
    /// The name used by counters and faults.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Login => "login",
            Self::Cabinet => "cabinet",
            Self::Own => "own",
            Self::Metrics => "metrics",
        }
    }
}

/// What a request's authority says: the role of its host, and where its siblings are.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    pub(crate) role: Role,
    pub(crate) secure: bool,
    pub(crate) origins: Arc<Origins>,
}

/// The suffixes that this sandbox answers to, and its main origins.
#[derive(Debug)]
pub(crate) struct Hosts {
    suffixes: Vec<String>,
    secure: bool,
    main: Arc<Origins>,
}

impl Hosts {
    /// The hosts of a sandbox that listens on `port`; `suffix` names its main ones.
    pub(crate) fn new(suffix: Option<&str>, secure: bool, port: u16) -> Self {
        let fallback = if secure { REAL_SUFFIX } else { LOCAL_SUFFIX };
        let main = suffix.unwrap_or(fallback).trim_matches('.').to_ascii_lowercase();
        let origins = Arc::new(origins(secure, &main, Some(port.to_string().as_str())));
        let mut suffixes = vec![main];
        for known in [LOCAL_SUFFIX, REAL_SUFFIX] {
            if !suffixes.iter().any(|suffix| suffix == known) {
                suffixes.push(known.to_owned());
            }
        }
        Self { suffixes, secure, main: origins }
    }

    /// The origins that the sandbox shows on its start page.
    pub(crate) fn main(&self) -> &Arc<Origins> {
        &self.main
    }

    /// Every name that a certificate has to cover.
    pub(crate) fn names(&self) -> Vec<String> {
        let portal = self.suffixes.iter().flat_map(|suffix| {
            ["", "idmc.shop.", "mc.shop.", "metrics."].map(|prefix| format!("{prefix}{suffix}"))
        });
        portal.chain(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()]).collect()
    }

    /// Reads an authority (`host[:port]`); `None` for a host that is not ours.
    pub(crate) fn read(&self, authority: &str) -> Option<Here> {
        let (host, port) = split_port(authority);
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
            return Some(Here { role: Role::Own, secure: self.secure, origins: Arc::clone(&self.main) });
        }
        self.suffixes.iter().find_map(|suffix| {
            let role = match host.strip_suffix(suffix.as_str())? {
                "" => Role::Site,
                "idmc.shop." | "idmc." => Role::Login,
                "mc.shop." | "mc." => Role::Cabinet,
                "metrics." => Role::Metrics,
                _ => return None,
            };
            Some(Here { role, secure: self.secure, origins: self.siblings(suffix, port) })
        })
    }

    fn siblings(&self, suffix: &str, port: Option<&str>) -> Arc<Origins> {
        let wanted = origins(self.secure, suffix, port);
        if wanted == *self.main { Arc::clone(&self.main) } else { Arc::new(wanted) }
    }

    /// Whether a host name is a cabinet host of this sandbox, whatever its suffix.
    pub(crate) fn is_cabinet(&self, host: &str) -> bool {
        self.read(host).is_some_and(|here| here.role == Role::Cabinet)
    }

    /// Whether a host name is a site host of this sandbox, whatever its suffix.
    pub(crate) fn is_site(&self, host: &str) -> bool {
        self.read(host).is_some_and(|here| here.role == Role::Site)
    }
}

fn origins(secure: bool, suffix: &str, port: Option<&str>) -> Origins {
    let (scheme, default_port) = if secure { ("https", "443") } else { ("http", "80") };
    let port = port.filter(|port| *port != default_port);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Origins {
        site: format!("{scheme}://{suffix}{port}"),
        login: format!("{scheme}://idmc.shop.{suffix}{port}"),
        cabinet: format!("{scheme}://mc.shop.{suffix}{port}"),
    }
}

/// Splits `host:port`; a port that is not a number counts as none.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, Some(port)),
        Some((host, "")) => (host, None),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_the_port_of_the_request() {
        let hosts = Hosts::new(None, true, 4443);
        let mapped = hosts.read("mc.shop.kaspi.kz").expect("ours");
        assert_eq!(mapped.origins.login, "https://idmc.shop.kaspi.kz");
        let direct = hosts.read("mc.shop.kaspi.kz:4443").expect("ours");
        assert_eq!(direct.origins.login, "https://idmc.shop.kaspi.kz:4443");
    }

    #[test]
    fn hosts_are_told_apart_whatever_their_case() {
        let hosts = Hosts::new(Some("portal.test"), false, 4010);
        let role = |host: &str| hosts.read(host).map(|here| here.role);
        assert_eq!(role("Portal.Test:4010"), Some(Role::Site));
        assert_eq!(role("IDMC.shop.portal.test."), Some(Role::Login));
        assert_eq!(role("mc.shop.kaspi.localhost"), Some(Role::Cabinet));
        assert_eq!(role("[::1]:4010"), Some(Role::Own));
        for foreign in ["evil.test", "xkaspi.kz", "a.kaspi.kz", "", ":", "[::1"] {
            assert_eq!(role(foreign), None, "{foreign}");
        }
    }
}
