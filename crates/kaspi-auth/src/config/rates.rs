//! The sections `[rates]` and `[evidence]`: how fast logins go, when an egress rests, and what is kept.

use kaspi_auth_core::egress::RestPolicy;
use kaspi_auth_core::rate::{Budget, Rates as Limits};
use serde::Serialize;

use super::ConfigError;
use super::sections::invalid;

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
