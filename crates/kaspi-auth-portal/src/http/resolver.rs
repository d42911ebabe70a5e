//! Name resolution: `localhost` and all names below it are this machine (RFC 6761, 6.3), whatever the system says.
//! Everything else is the system's business.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves `*.localhost` itself, since many systems know only `localhost`.
pub(super) struct LoopbackFirst;

impl Resolve for LoopbackFirst {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Addrs = if is_loopback(name.as_str()) {
                let both = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), (Ipv6Addr::LOCALHOST, 0).into()];
                Box::new(both.into_iter())
            } else {
                let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
                Box::new(found.into_iter())
            };
            Ok(addresses)
        })
    }
}

fn is_loopback(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_localhost_and_names_below_it_are_this_machine() {
        for name in ["localhost", "idmc.shop.kaspi.localhost", "MC.Shop.Kaspi.LOCALHOST."] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["localhost.kz", "notlocalhost", "kaspi.kz"] {
            assert!(!is_loopback(name), "{name}");
        }
    }
}
