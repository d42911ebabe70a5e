//! Wakes those who wait for a login, logs its steps and counts its outcomes. Must not log an account in full.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kaspi_auth_core::Code;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::login::{Challenge, Login, LoginState};
use kaspi_auth_core::port::{BoxFuture, Clock, LoginChanges, StepTaken, Subscription};
use tokio::sync::broadcast;

use super::keeping_metrics::{self, Streaks};
use super::{SystemClock, traces};

/// How many changes a slow waiter may fall behind before it is woken for all.
const BACKLOG: usize = 1024;

/// The changes of logins, of this node and of others.
pub struct Changes {
    sender: broadcast::Sender<Option<LoginId>>,
    clock: Arc<dyn Clock>,
    streaks: Streaks,
}

impl Changes {
    /// Without subscribers yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, clock, streaks: Streaks::default() }
    }

    /// A change that another process stored: of one login, or of any.
    pub fn wake(&self, id: Option<LoginId>) {
        // Nobody waits: nothing to do.
        let _ = self.sender.send(id);
    }
}

impl LoginChanges for Changes {
    fn subscribe(&self, id: LoginId) -> Box<dyn Subscription> {
        Box::new(Waiter { id, receiver: self.sender.subscribe(), clock: Arc::clone(&self.clock) })
    }

    fn publish(&self, login: &Login) {
        let state = login.state.name();
        let (id, account) = (login.id, &login.account);
        match &login.state {
            LoginState::Failed { failure } => {
                tracing::warn!(login.id = %id, %account, login.state = state, code = failure.code.as_str(), millis = millis(age(login)), "login failed");
            }
            LoginState::Succeeded { store } => {
                tracing::info!(login.id = %id, %account, login.state = state, merchant_uid = %store.merchant_uid, millis = millis(age(login)), "login succeeded");
            }
            _ => tracing::debug!(login.id = %id, %account, login.state = state, "login changed"),
        }
        if let Some(channel) = code_just_sent(login) {
            keeping_metrics::code_requested(channel, login.origin);
        }
        if login.state.is_terminal() {
            self.ended(login);
        }
        self.wake(Some(id));
    }

    fn stepped(&self, login: &Login, step: StepTaken) {
        let took = Duration::try_from(step.took).unwrap_or_default();
        let (engine, outcome) = (login.driver.as_str(), step.error.map_or("ok", Code::as_str));
        tracing::info!(login.id = %login.id, account = %login.account, login.engine = engine, step = step.name, outcome, millis = millis(took), "login step");
        traces::stepped(step.name, login.driver, outcome, took, SystemClock.now());
        metrics::histogram!("kaspi_auth_login_step_seconds", "step" => step.name, "engine" => engine, "outcome" => outcome)
            .record(took);
    }
}

impl Changes {
    fn ended(&self, login: &Login) {
        let outcome = match &login.state {
            LoginState::Failed { failure } => failure.code.as_str(),
            state => state.name(),
        };
        let (method, engine) = (method(login), login.driver.as_str());
        metrics::counter!("kaspi_auth_logins_total", "method" => method, "engine" => engine, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("kaspi_auth_login_seconds", "method" => method, "engine" => engine, "outcome" => outcome)
            .record(age(login));
        // Who gave up or did not answer says nothing of the account.
        match login.state {
            LoginState::Succeeded { .. } => self.streaks.note(&login.account, false),
            LoginState::Failed { .. } => self.streaks.note(&login.account, true),
            _ => {}
        }
    }
}

/// Where a code went, when this change is that one was sent: an answer that was wrong leaves the time of the sending as it was.
fn code_just_sent(login: &Login) -> Option<kaspi_auth_core::login::Channel> {
    match &login.state {
        LoginState::Awaiting { challenge: Challenge::Code(code) }
            if code.sent_at == login.updated_at && code.last_error.is_none() =>
        {
            Some(code.channel)
        }
        _ => None,
    }
}

/// From the login's start to its last change.
fn age(login: &Login) -> Duration {
    Duration::try_from(login.created_at.duration_until(login.updated_at)).unwrap_or_default()
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn method(login: &Login) -> &'static str {
    match login.account.method() {
        kaspi_auth_core::account::Method::Password => "password",
        kaspi_auth_core::account::Method::Phone => "phone",
    }
}

struct Waiter {
    id: LoginId,
    receiver: broadcast::Receiver<Option<LoginId>>,
    clock: Arc<dyn Clock>,
}

impl Subscription for Waiter {
    fn changed(&mut self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let left = self.clock.now().duration_until(until);
            let left = std::time::Duration::try_from(left).unwrap_or_default();
            let mine = async {
                loop {
                    match self.receiver.recv().await {
                        Ok(Some(id)) if id != self.id => {}
                        // Mine, anybody's, too many to tell, or the process ends: look.
                        _ => return,
                    }
                }
            };
            // Late: the caller looks at the clock itself.
            let _ = tokio::time::timeout(left, mine).await;
        })
    }
}
