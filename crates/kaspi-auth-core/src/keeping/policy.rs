//! The numbers by which sessions are kept alive.

use jiff::SignedDuration;

use super::{AttemptBudget, BreakerPolicy, QuietHours};
use crate::rate::Budget;

/// The numbers. The configuration's section `keeping` names each.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Whether sessions are looked at and renewed by the service itself.
    pub enabled: bool,
    /// How long a session is believed to live while nothing has been learned (CONTRACT, section 5: "~24 h").
    pub lifetime: SignedDuration,
    /// The shortest time between two looks at a session that is used.
    pub shortest_look: SignedDuration,
    /// The longest time between two looks at a session that nobody uses.
    pub longest_look: SignedDuration,
    /// A session that a consumer used within this time is in use.
    pub in_use: SignedDuration,
    /// The first pause after a failure of the network or the portal; doubled each time, with jitter.
    pub first_pause: SignedDuration,
    /// The longest such pause.
    pub longest_pause: SignedDuration,
    /// How long the holder of a refresh may be silent before another takes over.
    pub lease: SignedDuration,
    /// Looks and silent renewals that begin towards the portal.
    pub looks: Budget,
    /// Passwords that are sent for an account.
    pub passwords: AttemptBudget,
    /// Passwords of an account that the portal may refuse before no further one is sent.
    pub rejections: AttemptBudget,
    /// Codes that the portal is made to send for an account.
    pub codes: AttemptBudget,
    /// When no code is asked for by the service itself.
    pub quiet_hours: Option<QuietHours>,
    /// When many stores fail in the same way.
    pub breaker: BreakerPolicy,
}

impl Default for Policy {
    /// 24 h; looks each 5 min to 6 h; in use within 1 h; pauses of 30 s to 30 min; a lease of 30 s; 20 looks a second; 20 passwords
    /// and 4 refusals an hour, 10 codes a day.
    fn default() -> Self {
        let hour = SignedDuration::from_hours(1);
        Self {
            enabled: true,
            lifetime: SignedDuration::from_hours(24),
            shortest_look: SignedDuration::from_mins(5),
            longest_look: SignedDuration::from_hours(6),
            in_use: hour,
            first_pause: SignedDuration::from_secs(30),
            longest_pause: SignedDuration::from_mins(30),
            lease: SignedDuration::from_secs(30),
            looks: Budget { per_second: 20.0, burst: 40, in_flight: 0 },
            passwords: AttemptBudget { limit: 20, window: hour },
            rejections: AttemptBudget { limit: 4, window: hour },
            codes: AttemptBudget { limit: 10, window: SignedDuration::from_hours(24) },
            quiet_hours: QuietHours::parse("22:00-08:00"),
            breaker: BreakerPolicy::default(),
        }
    }
}
