//! Times the exchanges with the portal. Must not take a path with an id as a label.

use std::time::Duration;

use kaspi_auth_core::port::Clock as _;
use kaspi_auth_portal::{ExchangeObserver, HostRole};

use super::{SystemClock, traces};

/// Puts each exchange into a histogram by host and status class.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortalMetrics;

impl ExchangeObserver for PortalMetrics {
    fn exchanged(&self, host: HostRole, _path: &str, status: Option<u16>, elapsed: Duration) {
        let class = match status {
            Some(200..=299) => "2xx",
            Some(300..=399) => "3xx",
            Some(400..=499) => "4xx",
            Some(_) => "5xx",
            None => "none",
        };
        traces::exchanged(host.as_str(), status, elapsed, SystemClock.now());
        metrics::histogram!("kaspi_auth_portal_exchange_seconds", "host" => host.as_str(), "status" => class)
            .record(elapsed);
    }

    /// Counts the ways out on which the host is left alone now.
    fn circuit(&self, host: HostRole, open: bool) {
        let circuits = metrics::gauge!("kaspi_auth_portal_circuit_open", "host" => host.as_str());
        if open {
            circuits.increment(1.0);
        } else {
            circuits.decrement(1.0);
        }
    }
}
