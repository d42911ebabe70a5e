//! The section `[gateway]`: how services' own calls of the cabinet go.

use std::time::Duration;

use serde::Serialize;

use super::ConfigError;
use super::sections::invalid;

/// Services' own calls of the cabinet. A rate of zero is no limit.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Gateway {
    /// Calls of `/pricefeed` in a second, for each store, on all nodes together. The portal blocks an account for half an hour at about three.
    #[config(env = "KASPI_AUTH__GATEWAY__PRICES_PER_SECOND", default = 1.5)]
    pub prices_per_second: f64,
    /// How many of them may come at once after a pause.
    #[config(env = "KASPI_AUTH__GATEWAY__PRICES_BURST", default = 5)]
    pub prices_burst: u32,
    /// Calls of `/bff/offer-view` in a second, for each store, on all nodes together.
    #[config(env = "KASPI_AUTH__GATEWAY__OFFERS_PER_SECOND", default = 1.0)]
    pub offers_per_second: f64,
    /// How many of them may come at once after a pause.
    #[config(env = "KASPI_AUTH__GATEWAY__OFFERS_BURST", default = 10)]
    pub offers_burst: u32,
    /// All other calls in a second, for each store, on all nodes together.
    #[config(env = "KASPI_AUTH__GATEWAY__OTHERS_PER_SECOND", default = 10.0)]
    pub others_per_second: f64,
    /// How many of them may come at once after a pause.
    #[config(env = "KASPI_AUTH__GATEWAY__OTHERS_BURST", default = 20)]
    pub others_burst: u32,
    /// How long a call waits for a session that is being renewed, in seconds.
    #[config(env = "KASPI_AUTH__GATEWAY__WAIT_SECONDS", default = 20)]
    pub wait_seconds: u64,
    /// The longest that a call's body may take to come, in seconds, as long as it comes on.
    #[config(env = "KASPI_AUTH__GATEWAY__UPLOAD_TIMEOUT_SECONDS", default = 600)]
    pub upload_timeout_seconds: u64,
    /// The largest body of a call, in bytes.
    #[config(env = "KASPI_AUTH__GATEWAY__BODY_LIMIT_BYTES", default = 33_554_432)]
    pub body_limit_bytes: u64,
    /// The largest body of a call that may be repeated (`Kaspi-Auth-Repeat: true`), in bytes: it is held in memory.
    #[config(env = "KASPI_AUTH__GATEWAY__REPEAT_LIMIT_BYTES", default = 1_048_576)]
    pub repeat_limit_bytes: usize,
}

impl Gateway {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let rates = [
            ("gateway.prices_per_second", self.prices_per_second, self.prices_burst),
            ("gateway.offers_per_second", self.offers_per_second, self.offers_burst),
            ("gateway.others_per_second", self.others_per_second, self.others_burst),
        ];
        for (key, rate, burst) in rates {
            if !(rate == 0.0 || (0.001..=10_000.0).contains(&rate)) || !(1..=10_000).contains(&burst) {
                return Err(invalid(key, "must be 0, or 0.001 to 10000 with a burst of 1 to 10000"));
            }
        }
        if !(1..=300).contains(&self.wait_seconds) {
            return Err(invalid("gateway.wait_seconds", "must be 1 to 300"));
        }
        if !(1..=86_400).contains(&self.upload_timeout_seconds) {
            return Err(invalid("gateway.upload_timeout_seconds", "must be 1 to 86400"));
        }
        if !(1024..=1024 * 1024 * 1024).contains(&self.body_limit_bytes) {
            return Err(invalid("gateway.body_limit_bytes", "must be 1024 to 1073741824"));
        }
        if self.repeat_limit_bytes > 64 * 1024 * 1024 {
            return Err(invalid("gateway.repeat_limit_bytes", "must be 0 to 67108864"));
        }
        Ok(())
    }

    /// How long a call waits for a session.
    pub fn wait(&self) -> Duration {
        Duration::from_secs(self.wait_seconds)
    }
}
