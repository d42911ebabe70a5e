//! Every metric of the service with its unit, labels and meaning: what `/metrics` says as HELP, and docs/METRICS.md lists. A metric that
//! is not here must not be emitted. No label may hold a secret, an e-mail or a merchant id.

use metrics::Unit;

/// What kind of figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// How it stands.
    Gauge,
    /// How often how much.
    Histogram,
}

impl Kind {
    /// Prometheus' word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn one(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
) -> Described {
    Described { name, kind, unit, labels, help }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Described {
    one(name, Kind::Counter, Unit::Count, labels, help)
}

const fn gauge(
    name: &'static str,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
) -> Described {
    one(name, Kind::Gauge, unit, labels, help)
}

const fn seconds(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Described {
    one(name, Kind::Histogram, Unit::Seconds, labels, help)
}

/// Every metric, by its room.
pub const DESCRIBED: &[Described] = &[
    // Logins.
    counter(
        "kaspi_auth_logins_total",
        &["method", "engine", "outcome"],
        "Logins that ended, by how the account signs in, what drove them and how they ended",
    ),
    seconds(
        "kaspi_auth_login_seconds",
        &["method", "engine", "outcome"],
        "Logins from their start to their end, waits for people included",
    ),
    seconds(
        "kaspi_auth_login_step_seconds",
        &["step", "engine", "outcome"],
        "Steps of logins: open, submit, answer, resend, finish, save",
    ),
    gauge(
        "kaspi_auth_logins_running",
        Unit::Count,
        &[],
        "Logins that run or wait for their turn on this node",
    ),
    counter(
        "kaspi_auth_codes_requested_total",
        &["channel", "origin"],
        "Codes that the portal was made to send, by where they went and who set it going",
    ),
    gauge(
        "kaspi_auth_consecutive_failures_max",
        Unit::Count,
        &["of"],
        "The most failures in a row: of one account's logins on this node, and of one store's looks and refreshes",
    ),
    // Sessions.
    counter("kaspi_auth_probes_total", &["result"], "Looks at sessions: alive, dead, unknown"),
    gauge(
        "kaspi_auth_last_probe_timestamp_seconds",
        Unit::Seconds,
        &[],
        "When this node last looked at a session",
    ),
    counter(
        "kaspi_auth_refreshes_total",
        &["rung", "result"],
        "Refreshes that ended, by the last rung that was tried: ok, or the code of the failure",
    ),
    seconds("kaspi_auth_refresh_seconds", &[], "Refreshes from the lease to their end"),
    gauge(
        "kaspi_auth_sessions",
        Unit::Count,
        &["state", "validity"],
        "Stores by where they stand and what was last seen of their session, counted in the database each minute, less often where that takes seconds",
    ),
    one(
        "kaspi_auth_session_age_at_death_seconds",
        Kind::Histogram,
        Unit::Seconds,
        &[],
        "How old sessions were when they were found dead",
    ),
    counter(
        "kaspi_auth_attempts_total",
        &["kind", "origin"],
        "Passwords and codes that were set going, and passwords that the portal refused: what accounts' budgets count",
    ),
    counter(
        "kaspi_auth_attempts_refused_total",
        &["kind", "origin"],
        "Passwords and codes that were not sent because the account's budget is used up",
    ),
    gauge(
        "kaspi_auth_breaker_open",
        Unit::Count,
        &[],
        "1 while automatic logins are frozen because many failed in the same way",
    ),
    counter("kaspi_auth_session_cache_hits_total", &[], "Sessions that were served from memory"),
    counter("kaspi_auth_session_cache_misses_total", &[], "Sessions that were read from their row"),
    gauge("kaspi_auth_rows_behind", Unit::Count, &[], "Rows that an older key than the newest has sealed"),
    // The gateway.
    counter("kaspi_auth_gateway_requests_total", &["outcome"], "Requests through the gateway to the cabinet"),
    seconds("kaspi_auth_gateway_seconds", &[], "Requests through the gateway, the cabinet's time included"),
    // Background work.
    gauge(
        "kaspi_auth_jobs",
        Unit::Count,
        &["state"],
        "Jobs in the queue: waiting, running, scheduled, killed",
    ),
    gauge(
        "kaspi_auth_job_lag_seconds",
        Unit::Seconds,
        &[],
        "How long the oldest job that may run has waited for a worker",
    ),
    // The database.
    gauge("kaspi_auth_database_up", Unit::Count, &[], "Whether the database answers this node"),
    gauge("kaspi_auth_database_connections", Unit::Count, &["state"], "Connections of the pool: open, idle"),
    gauge(
        "kaspi_auth_database_waiting",
        Unit::Count,
        &[],
        "Callers that wait for a connection; told for SQLite alone",
    ),
    // The portal.
    seconds(
        "kaspi_auth_portal_exchange_seconds",
        &["host", "status"],
        "Exchanges with the portal over HTTP, by host and class of status",
    ),
    gauge(
        "kaspi_auth_portal_circuit_open",
        Unit::Count,
        &["host"],
        "Ways out on which a host of the portal is left alone after failures in a row",
    ),
    counter("kaspi_auth_portal_probes_total", &["outcome"], "Looks at the portal's login page"),
    counter(
        "kaspi_auth_portal_changes_total",
        &["step"],
        "Steps of the portal that look otherwise than ever before",
    ),
    counter("kaspi_auth_evidence_total", &[], "Evidence of steps that failed or were not understood"),
    gauge("kaspi_auth_egress_score", Unit::Count, &["egress"], "How a way out fares, 0 to 100"),
    gauge("kaspi_auth_egress_blocks", Unit::Count, &["egress"], "Walls in a row on a way out"),
    gauge(
        "kaspi_auth_egress_rest_until_timestamp_seconds",
        Unit::Seconds,
        &["egress"],
        "Until when a way out rests; 0: it does not",
    ),
    // Browsers.
    gauge("kaspi_auth_browser_shards", Unit::Count, &["state"], "Browsers: up, wanted, draining"),
    gauge(
        "kaspi_auth_browser_contexts",
        Unit::Count,
        &["state"],
        "Contexts of browsers: warm, warming, running, held",
    ),
    gauge("kaspi_auth_browser_queued", Unit::Count, &[], "Logins that wait for a browser"),
    gauge(
        "kaspi_auth_browser_memory_bytes",
        Unit::Bytes,
        &[],
        "Memory of the browsers that were launched here",
    ),
    seconds("kaspi_auth_browser_start_seconds", &["kind"], "Starts of browsers"),
    counter("kaspi_auth_browser_start_failures_total", &["kind"], "Browsers that did not come up"),
    counter("kaspi_auth_browser_crashes_total", &["kind"], "Browsers and pages that died"),
    counter("kaspi_auth_browser_recycles_total", &["reason"], "Browsers that retired"),
    counter("kaspi_auth_browser_contexts_opened_total", &[], "Contexts that were opened"),
    counter("kaspi_auth_browser_contexts_closed_total", &[], "Contexts that were closed"),
    seconds("kaspi_auth_browser_context_seconds", &[], "Openings of contexts"),
    counter("kaspi_auth_browser_warming_failures_total", &[], "Pages that could not be warmed"),
    counter("kaspi_auth_browser_leases_total", &["page"], "Logins that got a page: warm or cold"),
    seconds("kaspi_auth_browser_wait_seconds", &["page"], "Waits of logins for a page"),
    counter(
        "kaspi_auth_browser_refusals_total",
        &["reason"],
        "Logins that got no page: full, late, evicted, expired",
    ),
    counter(
        "kaspi_auth_browser_reaped_total",
        &["what"],
        "What nobody owned and was ended: processes, contexts, profiles",
    ),
];

/// Tells the recorder of all of them.
pub(super) fn describe() {
    for one in DESCRIBED {
        match one.kind {
            Kind::Counter => metrics::describe_counter!(one.name, one.unit, one.help),
            Kind::Gauge => metrics::describe_gauge!(one.name, one.unit, one.help),
            Kind::Histogram => metrics::describe_histogram!(one.name, one.unit, one.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn here(path: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    fn names() -> BTreeSet<&'static str> {
        DESCRIBED.iter().map(|one| one.name).collect()
    }

    /// Every word of ours in a text: `kaspi_auth_…`, as far as letters, digits and `_` go.
    fn words(text: &str) -> BTreeSet<String> {
        text.match_indices("kaspi_auth_")
            .map(|(at, _)| {
                let rest = &text[at..];
                let end = rest.find(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'));
                rest[..end.unwrap_or(rest.len())].to_owned()
            })
            .collect()
    }

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_metric_is_named_as_prometheus_wants_it() {
        assert_eq!(names().len(), DESCRIBED.len(), "a name stands twice");
        for one in DESCRIBED {
            assert!(one.name.starts_with("kaspi_auth_") && !one.help.is_empty(), "{}", one.name);
            assert_eq!(one.kind == Kind::Counter, one.name.ends_with("_total"), "{}", one.name);
            if one.kind == Kind::Histogram || one.unit == Unit::Seconds {
                assert!(one.name.ends_with("_seconds"), "{}", one.name);
            }
        }
    }

    #[test]
    fn no_label_names_a_person_or_a_merchant() {
        for one in DESCRIBED {
            for label in one.labels {
                for part in ["mail", "account", "merchant", "uid", "user", "phone", "store", "tenant"] {
                    assert!(!label.contains(part), "{}: {label}", one.name);
                }
            }
        }
    }

    #[test]
    fn what_is_emitted_is_described_and_what_is_described_is_emitted() {
        let mut texts = Vec::new();
        sources(&here("src"), &mut texts);
        let mut emitted = BTreeSet::new();
        for text in texts.iter().filter(|text| !text.contains("pub const DESCRIBED")) {
            for call in ["counter!(", "gauge!(", "histogram!("] {
                for (at, _) in text.match_indices(call) {
                    let rest = text[at + call.len()..].trim_start();
                    if let Some(rest) = rest.strip_prefix('"') {
                        emitted.insert(rest.split('"').next().unwrap().to_owned());
                    }
                }
            }
        }
        // Emitted where keys are rotated.
        emitted.insert("kaspi_auth_rows_behind".to_owned());
        let emitted: BTreeSet<&str> = emitted.iter().map(String::as_str).collect();
        assert_eq!(emitted, names());
    }

    #[test]
    fn the_documentation_lists_them_all_with_their_labels() {
        let page = std::fs::read_to_string(here("../../docs/METRICS.md")).unwrap();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `kaspi_auth_")).collect();
        for one in DESCRIBED {
            let labels = one.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
            let row = format!("| `{}` | {} | {labels} | {} |", one.name, one.kind.as_str(), one.help);
            let row = row.replace("|  |", "| |");
            assert!(rows.contains(&row.as_str()), "docs/METRICS.md lacks the row\n{row}");
        }
        assert_eq!(rows.len(), DESCRIBED.len(), "docs/METRICS.md has rows of metrics that are none");
    }

    #[test]
    fn alerts_ask_for_metrics_that_are_there() {
        let rules = std::fs::read_to_string(here("../../deploy/prometheus/alerts.yml")).unwrap();
        let known = names();
        let asked = words(&rules);
        assert!(asked.len() > 8, "{asked:?}");
        for word in asked {
            let metric = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                let name = word.strip_suffix(end)?;
                DESCRIBED.iter().find(|one| one.name == name && one.kind == Kind::Histogram)
            });
            assert!(metric.is_some() || known.contains(word.as_str()), "{word} is no metric");
        }
    }

    #[test]
    fn each_alert_leads_to_a_place_of_the_runbook() {
        let rules = std::fs::read_to_string(here("../../deploy/prometheus/alerts.yml")).unwrap();
        let runbook = std::fs::read_to_string(here("../../docs/OPERATIONS.md")).unwrap();
        let alerts: Vec<&str> =
            rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
        assert!(alerts.len() >= 9);
        for alert in alerts {
            assert!(rules.contains(&format!("docs/OPERATIONS.md#{}", alert.to_lowercase())), "{alert}");
            assert!(runbook.contains(&format!("### {alert}\n")), "OPERATIONS.md has no section {alert}");
        }
    }
}
