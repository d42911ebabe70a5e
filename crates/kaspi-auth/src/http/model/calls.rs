//! How a store's calls of the cabinet went, on the wire.

use jiff::Timestamp;
use kaspi_auth_core::calls::Calls;
use serde::Serialize;
use utoipa::ToSchema;

/// Calls that came to the same.
#[derive(Serialize, ToSchema)]
pub struct CallsView {
    /// What they came to: the class of the cabinet's status (`2xx`, `3xx`, `4xx`, `5xx`), or the code of a problem of ours.
    outcome: String,
    /// How many there were.
    times: u64,
    /// How long one took on average until its answer began, the cabinet's time included, in milliseconds.
    mean_ms: f64,
    /// How long the slowest took, in milliseconds.
    slowest_ms: f64,
    /// When the first ended.
    first_at: Timestamp,
    /// When the last ended.
    last_at: Timestamp,
}

/// How the calls of the cabinet for a store went, since it was connected.
#[derive(Serialize, ToSchema)]
pub struct StoreCalls {
    /// How many there were.
    times: u64,
    /// The same by what they came to.
    outcomes: Vec<CallsView>,
}

impl StoreCalls {
    /// On the wire.
    pub(crate) fn new(calls: &[Calls]) -> Self {
        let view = |calls: &Calls| CallsView {
            outcome: calls.outcome.clone(),
            times: calls.times,
            mean_ms: calls.mean().as_secs_f64() * 1000.0,
            slowest_ms: calls.slowest.as_secs_f64() * 1000.0,
            first_at: calls.first_at,
            last_at: calls.last_at,
        };
        Self {
            times: calls.iter().map(|calls| calls.times).sum(),
            outcomes: calls.iter().map(view).collect(),
        }
    }
}
