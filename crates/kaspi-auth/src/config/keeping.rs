//! The section `[keeping]`: how sessions are kept alive, and what an account may cost on the way.

use jiff::SignedDuration;
use kaspi_auth_core::keeping::{AttemptBudget, BreakerPolicy, Policy, QuietHours};
use kaspi_auth_core::rate::Budget;
use serde::Serialize;

use super::ConfigError;
use super::sections::invalid;

/// How sessions are kept alive. A limit of zero is none.
#[derive(confique::Config, Debug, Clone, Serialize)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Keeping {
    /// Whether the service looks at sessions and renews them by itself.
    #[config(env = "KASPI_AUTH__KEEPING__ENABLED", default = true)]
    pub enabled: bool,
    /// How long a session is believed to live while nothing has been learned, in hours.
    #[config(env = "KASPI_AUTH__KEEPING__LIFETIME_HOURS", default = 24)]
    pub lifetime_hours: i64,
    /// The shortest time between two looks at a session that is used, in seconds.
    #[config(env = "KASPI_AUTH__KEEPING__SHORTEST_LOOK_SECONDS", default = 300)]
    pub shortest_look_seconds: i64,
    /// The longest time between two looks at a session that nobody uses, in minutes.
    #[config(env = "KASPI_AUTH__KEEPING__LONGEST_LOOK_MINUTES", default = 360)]
    pub longest_look_minutes: i64,
    /// The first pause after a failure of the portal, in seconds; each further one is twice as long, up to half an hour.
    #[config(env = "KASPI_AUTH__KEEPING__FIRST_PAUSE_SECONDS", default = 30)]
    pub first_pause_seconds: i64,
    /// Looks and silent renewals that begin in a second, all nodes together.
    #[config(env = "KASPI_AUTH__KEEPING__LOOKS_PER_SECOND", default = 20.0)]
    pub looks_per_second: f64,
    /// How many of them may begin at once after a pause.
    #[config(env = "KASPI_AUTH__KEEPING__LOOKS_BURST", default = 40)]
    pub looks_burst: u32,
    /// Passwords that are sent for an account in an hour, for people and by the service itself.
    #[config(env = "KASPI_AUTH__KEEPING__PASSWORDS_PER_HOUR", default = 20)]
    pub passwords_per_hour: u32,
    /// Passwords of an account that the portal may refuse in an hour before no further one is sent.
    #[config(env = "KASPI_AUTH__KEEPING__REJECTIONS_PER_HOUR", default = 4)]
    pub rejections_per_hour: u32,
    /// Codes that the portal is made to send for an account in a day.
    #[config(env = "KASPI_AUTH__KEEPING__CODES_PER_DAY", default = 10)]
    pub codes_per_day: u32,
    /// When the service itself asks for no code, in Kazakhstan's time: `22:00-08:00`, or `none`.
    #[config(env = "KASPI_AUTH__KEEPING__QUIET_HOURS", default = "22:00-08:00")]
    pub quiet_hours: String,
    /// So many stores that fail in the same way freeze automatic logins; 0: never.
    #[config(env = "KASPI_AUTH__KEEPING__FREEZE_STORES", default = 5)]
    pub freeze_stores: u32,
    /// Within this time, in minutes.
    #[config(env = "KASPI_AUTH__KEEPING__FREEZE_MINUTES", default = 10)]
    pub freeze_minutes: i64,
    /// How often one login goes through to find the thaw, in seconds.
    #[config(env = "KASPI_AUTH__KEEPING__THAW_SECONDS", default = 120)]
    pub thaw_seconds: i64,
    /// Background jobs that a node runs at once.
    #[config(env = "KASPI_AUTH__KEEPING__JOBS", default = 16)]
    pub jobs: usize,
    /// How long timelines are kept, in days.
    #[config(env = "KASPI_AUTH__KEEPING__TIMELINE_DAYS", default = 30)]
    pub timeline_days: i64,
    /// How long the audit log is kept, in days; at least 30.
    #[config(env = "KASPI_AUTH__KEEPING__AUDIT_DAYS", default = 365)]
    pub audit_days: i64,
}

/// A range that a number must lie in.
struct Range(&'static str, i64, i64, i64);

impl Keeping {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let ranges = [
            Range("keeping.lifetime_hours", self.lifetime_hours, 1, 24 * 365),
            Range("keeping.shortest_look_seconds", self.shortest_look_seconds, 1, 86_400),
            Range("keeping.longest_look_minutes", self.longest_look_minutes, 1, 60 * 24 * 7),
            Range("keeping.first_pause_seconds", self.first_pause_seconds, 1, 1800),
            Range("keeping.freeze_minutes", self.freeze_minutes, 1, 24 * 60),
            Range("keeping.thaw_seconds", self.thaw_seconds, 1, 86_400),
            Range("keeping.jobs", i64::try_from(self.jobs).unwrap_or(i64::MAX), 1, 1000),
            Range("keeping.timeline_days", self.timeline_days, 1, 3650),
            Range("keeping.audit_days", self.audit_days, 30, 36_500),
        ];
        for Range(key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(invalid(key, format!("must be {least} to {most}")));
            }
        }
        if self.shortest_look_seconds > self.longest_look_minutes * 60 {
            return Err(invalid("keeping.shortest_look_seconds", "must not be longer than the longest look"));
        }
        if !(0.0..=10_000.0).contains(&self.looks_per_second) {
            return Err(invalid("keeping.looks_per_second", "must be 0 to 10000"));
        }
        if self.quiet_hours != "none" && QuietHours::parse(&self.quiet_hours).is_none() {
            return Err(invalid("keeping.quiet_hours", "must be two times such as 22:00-08:00, or none"));
        }
        Ok(())
    }

    /// The numbers as the rules take them.
    pub fn policy(&self) -> Policy {
        let hour = SignedDuration::from_hours(1);
        let shortest_look = SignedDuration::from_secs(self.shortest_look_seconds);
        Policy {
            enabled: self.enabled,
            lifetime: SignedDuration::from_hours(self.lifetime_hours),
            shortest_look,
            longest_look: SignedDuration::from_mins(self.longest_look_minutes).max(shortest_look),
            first_pause: SignedDuration::from_secs(self.first_pause_seconds),
            looks: Budget { per_second: self.looks_per_second, burst: self.looks_burst, in_flight: 0 },
            passwords: AttemptBudget { limit: self.passwords_per_hour, window: hour },
            rejections: AttemptBudget { limit: self.rejections_per_hour, window: hour },
            codes: AttemptBudget { limit: self.codes_per_day, window: SignedDuration::from_hours(24) },
            quiet_hours: QuietHours::parse(&self.quiet_hours),
            breaker: BreakerPolicy {
                stores: self.freeze_stores,
                window: SignedDuration::from_mins(self.freeze_minutes),
                canary_every: SignedDuration::from_secs(self.thaw_seconds),
            },
            ..Policy::default()
        }
    }
}
