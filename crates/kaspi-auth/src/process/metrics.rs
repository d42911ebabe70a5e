//! The figures of the process. Must not take a secret, an e-mail or a merchant id as a label.

mod described;

use std::sync::OnceLock;

pub use described::{DESCRIBED, Described, Kind};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// The buckets of most histograms: from a fast answer to a portal's time-out.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0];

/// Of what a person may hold up: to the longest that a login lives.
const WITH_PEOPLE: &[f64] = &[0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0, 1200.0];

/// Of how old sessions become: from an hour to four weeks.
const AGES: &[f64] = &[
    3_600.0,
    10_800.0,
    21_600.0,
    43_200.0,
    64_800.0,
    86_400.0,
    129_600.0,
    172_800.0,
    345_600.0,
    604_800.0,
    1_209_600.0,
    2_419_200.0,
];

/// Histograms with buckets of their own.
const OWN_BUCKETS: &[(&str, &[f64])] =
    &[("kaspi_auth_login_seconds", WITH_PEOPLE), ("kaspi_auth_session_age_at_death_seconds", AGES)];

/// The process has one recorder; who asks first installs it.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = builder().build_recorder();
            let handle = recorder.handle();
            // Another recorder is installed (a host program's own): ours then stays empty.
            let _ = metrics::set_global_recorder(recorder);
            described::describe();
            handle
        })
        .clone()
}

fn builder() -> PrometheusBuilder {
    // Buckets are refused for an empty list only.
    let builder = PrometheusBuilder::new().set_buckets(SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
    OWN_BUCKETS.iter().fold(builder, |builder, (name, buckets)| {
        let matcher = Matcher::Full((*name).to_owned());
        builder.set_buckets_for_metric(matcher, buckets).unwrap_or_else(|_| PrometheusBuilder::new())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_help_and_its_type() {
        let recorder = builder().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            described::describe();
            for one in DESCRIBED {
                match one.kind {
                    Kind::Counter => metrics::counter!(one.name).increment(1),
                    Kind::Gauge => metrics::gauge!(one.name).set(1.0),
                    Kind::Histogram => metrics::histogram!(one.name).record(1.0),
                }
            }
        });
        let shown = handle.render();
        for one in DESCRIBED {
            assert!(shown.contains(&format!("# HELP {} {}\n", one.name, one.help)), "{}", one.name);
            let kind = format!("# TYPE {} {}\n", one.name, one.kind.as_str());
            assert!(shown.contains(&kind), "{kind}");
        }
        assert!(shown.contains("kaspi_auth_session_age_at_death_seconds_bucket{le=\"604800\"}"), "{shown}");
        assert!(shown.contains("kaspi_auth_login_seconds_bucket{le=\"1200\"}"));
        assert!(shown.contains("kaspi_auth_gateway_seconds_bucket{le=\"0.0025\"}"));
    }
}
