//! The attempt ledger: how often passwords and codes of an account may be set going in a rolling window. People and robots count
//! together, so that the portal's own lock is never reached.

use jiff::civil::Time;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Origin;
use crate::account::Account;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// A password that is sent to the portal.
    Password,
    /// A password that the portal refused.
    Rejection,
    /// A code that the portal is made to send.
    Code,
}

impl AttemptKind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Rejection => "rejection",
            Self::Code => "code",
        }
    }
}

/// So many in a rolling window. Zero is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptBudget {
    /// How many.
    pub limit: u32,
    /// The length of the window.
    pub window: SignedDuration,
}

/// Asks to set something going.
#[derive(Debug, Clone, Copy)]
pub struct AttemptRequest<'a> {
    /// Whose.
    pub account: &'a Account,
    /// What.
    pub kind: AttemptKind,
    /// Who wants it.
    pub origin: Origin,
    /// How many there may be.
    pub budget: AttemptBudget,
    /// The time.
    pub now: Timestamp,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Go; it is counted.
    Granted,
    /// Nothing was counted.
    Refused {
        /// When the oldest of the window leaves it.
        until: Timestamp,
    },
}

/// Hours of the day in which no code is asked for by the service itself, in Kazakhstan's time (UTC+5). `from` may be later than `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// Their beginning.
    pub from: Time,
    /// Their end.
    pub to: Time,
}

impl QuietHours {
    /// Reads `22:00-08:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        (from != to).then_some(Self { from, to })
    }

    /// When they end, if it is quiet now.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let here = now.to_zoned(TimeZone::fixed(Offset::constant(5)));
        let time = here.time();
        let quiet = if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        };
        if !quiet {
            return None;
        }
        let day = if time < self.to { here.date() } else { here.date().tomorrow().ok()? };
        day.to_zoned(TimeZone::fixed(Offset::constant(5)))
            .ok()?
            .with()
            .time(self.to)
            .build()
            .ok()
            .map(|end| end.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn quiet_hours_over_midnight_end_in_the_morning() {
        let quiet = QuietHours::parse("22:00-08:00").unwrap();
        // 23:30 and 03:00 in Almaty.
        assert_eq!(quiet.until(at("2026-11-22T18:30:00Z")), Some(at("2026-11-23T03:00:00Z")));
        assert_eq!(quiet.until(at("2026-11-22T22:00:00Z")), Some(at("2026-11-23T03:00:00Z")));
        assert_eq!(quiet.until(at("2026-11-23T03:00:00Z")), None);
        assert_eq!(quiet.until(at("2026-11-22T16:59:59Z")), None);
    }

    #[test]
    fn quiet_hours_within_a_day_end_on_it() {
        let quiet = QuietHours::parse("12:00-13:30").unwrap();
        assert_eq!(quiet.until(at("2026-11-22T07:15:00Z")), Some(at("2026-11-22T08:30:00Z")));
        assert_eq!(quiet.until(at("2026-11-22T08:30:00Z")), None);
        for bad in ["", "22:00", "8-9-10", "25:00-08:00", "08:00-08:00"] {
            assert_eq!(QuietHours::parse(bad), None, "{bad}");
        }
    }
}
