//! How fast the service may go towards the portal: shared by all nodes through the database.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How many logins may begin and be under way. Zero is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Budget {
    /// Logins that begin in a second, on the average.
    pub per_second: f64,
    /// How many may begin at once after a pause.
    pub burst: u32,
    /// Logins that are with the portal at the same time; those that wait for a person do not count.
    pub in_flight: u32,
}

impl Budget {
    /// Nothing is limited.
    pub fn is_unlimited(&self) -> bool {
        self.per_second <= 0.0 && self.in_flight == 0
    }

    /// The time between two logins, in microseconds; zero without a limit. The interval of a generic cell rate algorithm.
    pub fn interval_micros(&self) -> i64 {
        if self.per_second <= 0.0 {
            return 0;
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the line below")]
        let micros = (1_000_000.0 / self.per_second.max(0.000_1)).ceil() as i64;
        micros
    }
}

/// What is changed of a budget. `None` leaves a part as it is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BudgetChange {
    /// Another rate.
    pub per_second: Option<f64>,
    /// Another burst.
    pub burst: Option<u32>,
    /// Another number at the same time.
    pub in_flight: Option<u32>,
}

impl BudgetChange {
    /// Leaves all as it is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The budget after the change.
    #[must_use]
    pub fn of(&self, budget: Budget) -> Budget {
        Budget {
            per_second: self.per_second.unwrap_or(budget.per_second),
            burst: self.burst.unwrap_or(budget.burst),
            in_flight: self.in_flight.unwrap_or(budget.in_flight),
        }
    }
}

impl From<Budget> for BudgetChange {
    fn from(budget: Budget) -> Self {
        let Budget { per_second, burst, in_flight } = budget;
        Self { per_second: Some(per_second), burst: Some(burst), in_flight: Some(in_flight) }
    }
}

/// The limits towards the portal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of all ways out together.
    pub portal: Budget,
    /// How long a login waits for its turn before it is refused.
    pub wait: SignedDuration,
}

impl Default for Rates {
    /// 20 logins a second with 40 at once, 64 in flight, 30 s.
    fn default() -> Self {
        Self {
            portal: Budget { per_second: 20.0, burst: 40, in_flight: 64 },
            wait: SignedDuration::from_secs(30),
        }
    }
}
