//! The circuit breaker of one way out: a host of the portal that fails again and again is left alone for a while, and then tried
//! once at a time. Must not judge what an answer means: that a host answers at all is enough.
//!
//! `tower-resilience-circuitbreaker` was looked at and does not fit: its circuit is driven by a tower service alone, and it reads
//! the time itself, where ours comes from the port `Clock`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::answer::later;
use crate::settings::{BreakerSettings, ExchangeObserver, HostRole};

/// When to ask again while the one trial is under way.
const TRIAL: SignedDuration = SignedDuration::from_secs(1);

/// The circuits of the three hosts.
pub(crate) struct Breaker {
    failures: u32,
    pause: SignedDuration,
    longest: SignedDuration,
    observer: Option<Arc<dyn ExchangeObserver>>,
    circuits: [Mutex<Circuit>; 3],
}

struct Circuit {
    state: State,
    /// The pause that the next opening, or the next failed trial, brings.
    next: SignedDuration,
    /// Counts the trials, so that a late one says nothing about a newer one.
    trials: u64,
}

#[derive(Clone, Copy)]
enum State {
    Closed {
        /// In a row.
        failures: u32,
    },
    Open {
        until: Timestamp,
        pause: SignedDuration,
    },
    Trial {
        number: u64,
        /// The end of the pause before it.
        until: Timestamp,
        pause: SignedDuration,
    },
}

/// The right to one exchange. What is dropped without a word says nothing: its caller went away.
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    role: HostRole,
    trial: Option<u64>,
}

impl Breaker {
    pub(crate) fn new(settings: &BreakerSettings, observer: Option<Arc<dyn ExchangeObserver>>) -> Self {
        let signed = |time| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let (pause, longest) = (signed(settings.pause), signed(settings.longest_pause));
        let circuit = || Mutex::new(Circuit { state: State::Closed { failures: 0 }, next: pause, trials: 0 });
        Self {
            failures: settings.failures.max(1),
            pause,
            longest: longest.max(pause),
            observer,
            circuits: [circuit(), circuit(), circuit()],
        }
    }

    /// Leave for one exchange.
    ///
    /// # Errors
    /// When to ask again: the host is left alone.
    pub(crate) fn permit(&self, role: HostRole, now: Timestamp) -> Result<Permit<'_>, Timestamp> {
        let mut circuit = self.circuit(role).lock();
        let trial = match circuit.state {
            State::Closed { .. } => None,
            State::Open { until, pause } => {
                // A clock that was set back must not make the pause longer.
                let until = until.min(later(now, pause));
                if now < until {
                    circuit.state = State::Open { until, pause };
                    return Err(until);
                }
                circuit.trials += 1;
                circuit.state = State::Trial { number: circuit.trials, until, pause };
                Some(circuit.trials)
            }
            State::Trial { .. } => return Err(later(now, TRIAL)),
        };
        Ok(Permit { breaker: self, role, trial })
    }

    fn circuit(&self, role: HostRole) -> &Mutex<Circuit> {
        match role {
            HostRole::Site => &self.circuits[0],
            HostRole::Login => &self.circuits[1],
            HostRole::Cabinet => &self.circuits[2],
        }
    }

    fn heard(&self, role: HostRole) {
        let mut circuit = self.circuit(role).lock();
        let was_closed = matches!(circuit.state, State::Closed { .. });
        circuit.state = State::Closed { failures: 0 };
        circuit.next = self.pause;
        drop(circuit);
        if !was_closed {
            tracing::info!(host = role.as_str(), "the portal's host answers again");
            self.tell(role, false);
        }
    }

    fn failed(&self, role: HostRole, trial: Option<u64>, now: Timestamp) {
        let mut circuit = self.circuit(role).lock();
        let was_closed = match circuit.state {
            State::Closed { failures } if failures + 1 < self.failures => {
                circuit.state = State::Closed { failures: failures + 1 };
                return;
            }
            State::Closed { .. } => true,
            State::Trial { number, .. } if trial == Some(number) => false,
            // It began before the circuit opened.
            State::Open { .. } | State::Trial { .. } => return,
        };
        let pause = circuit.next;
        circuit.state = State::Open { until: later(now, pause), pause };
        circuit.next = pause.saturating_mul(2).min(self.longest);
        drop(circuit);
        let seconds = pause.as_secs();
        tracing::warn!(host = role.as_str(), seconds, "the portal's host fails and is left alone");
        if was_closed {
            self.tell(role, true);
        }
    }

    fn give_back(&self, role: HostRole, trial: u64) {
        let mut circuit = self.circuit(role).lock();
        if let State::Trial { number, until, pause } = circuit.state
            && number == trial
        {
            circuit.state = State::Open { until, pause };
        }
    }

    fn tell(&self, role: HostRole, open: bool) {
        if let Some(observer) = &self.observer {
            observer.circuit(role, open);
        }
    }
}

impl Drop for Breaker {
    /// A way that is given up leaves no open circuit behind in the figures.
    fn drop(&mut self) {
        for role in [HostRole::Site, HostRole::Login, HostRole::Cabinet] {
            let closed = matches!(self.circuit(role).lock().state, State::Closed { .. });
            if !closed {
                self.tell(role, false);
            }
        }
    }
}

impl Permit<'_> {
    /// The exchange has ended: whether the host answered with anything but an outage.
    pub(crate) fn settle(mut self, heard: bool, now: Timestamp) {
        let trial = self.trial.take();
        if heard {
            self.breaker.heard(self.role);
        } else {
            self.breaker.failed(self.role, trial, now);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(trial) = self.trial {
            self.breaker.give_back(self.role, trial);
        }
    }
}

#[cfg(test)]
mod tests;
