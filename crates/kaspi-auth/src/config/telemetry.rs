//! Where traces go.

use serde::Serialize;
use url::Url;

use super::ConfigError;
use super::sections::invalid;

/// Traces over OTLP. Metrics are fetched from `/metrics`.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Telemetry {
    /// The OTLP collector, spoken to by HTTP (protobuf): `http://127.0.0.1:4318`. Without it nothing is traced.
    #[config(env = "KASPI_AUTH__TELEMETRY__OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<Url>,
    /// The name of the service in traces.
    #[config(env = "KASPI_AUTH__TELEMETRY__SERVICE_NAME", default = "kaspi-auth")]
    pub service_name: String,
    /// The share of traces that is kept, 0 to 1; for a caller that traces, its own decision counts.
    #[config(env = "KASPI_AUTH__TELEMETRY__SAMPLE_RATIO", default = 1.0)]
    pub sample_ratio: f64,
}

impl Telemetry {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if let Some(url) = &self.otlp_endpoint {
            // First: what comes after quotes the address.
            if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
                return Err(invalid(
                    "telemetry.otlp_endpoint",
                    "an endpoint holds no credentials and no query",
                ));
            }
            if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.fragment().is_some() {
                return Err(invalid(
                    "telemetry.otlp_endpoint",
                    "is not an address; write it as http://host:4318",
                ));
            }
        }
        if self.service_name.trim().is_empty() || self.service_name.len() > 64 {
            return Err(invalid("telemetry.service_name", "must have 1 to 64 characters"));
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Err(invalid("telemetry.sample_ratio", "must be 0 to 1"));
        }
        Ok(())
    }

    /// Where spans are posted to: `/v1/traces` below the endpoint, unless its path says so already.
    pub fn traces_url(&self) -> Option<Url> {
        let mut url = self.otlp_endpoint.clone()?;
        let path = url.path().trim_end_matches('/').to_owned();
        if !path.ends_with("/v1/traces") {
            url.set_path(&format!("{path}/v1/traces"));
        }
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn with(endpoint: &str) -> Telemetry {
        let mut config = Config::of(Vec::new()).unwrap();
        config.telemetry.otlp_endpoint = Some(endpoint.parse().unwrap());
        config.telemetry
    }

    #[test]
    fn spans_are_posted_below_the_endpoint() {
        for (endpoint, posted_to) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://collector.example/otlp/", "https://collector.example/otlp/v1/traces"),
            ("http://c/v1/traces", "http://c/v1/traces"),
        ] {
            assert_eq!(with(endpoint).traces_url().unwrap().as_str(), posted_to);
        }
        assert_eq!(Config::of(Vec::new()).unwrap().telemetry.traces_url(), None);
    }

    #[test]
    fn an_endpoint_with_a_password_is_refused_without_showing_it() {
        for endpoint in ["http://user:canary@host", "http://host/?key=canary"] {
            let refused = with(endpoint).check().unwrap_err().to_string();
            assert!(refused.contains("telemetry.otlp_endpoint") && !refused.contains("canary"), "{refused}");
        }
        assert!(with("ftp://host").check().is_err());
        let half = Telemetry { sample_ratio: 1.5, ..with("http://host") };
        assert!(half.check().unwrap_err().to_string().contains("telemetry.sample_ratio"));
    }
}
