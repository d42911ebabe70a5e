//! How a login is told: a spinner for a person, lines for a log, JSON for a program. Each state once.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use kaspi_auth_core::account::Method;
use kaspi_auth_core::login::{Challenge, Login, LoginState};
use kaspi_auth_core::store::StoreSummary;

use super::super::output::{self, Paint};
use crate::http::model::LoginView;

/// Where a login is told.
pub struct Report {
    kind: Kind,
    last: Option<(i64, &'static str)>,
    program: String,
}

enum Kind {
    Json,
    Lines,
    Spinner(Option<ProgressBar>),
}

impl Report {
    /// Tells it to whoever listens. `program` is how this program is called.
    pub fn new(as_json: bool, interactive: bool, program: String) -> Self {
        let kind = match (as_json, interactive) {
            (true, _) => Kind::Json,
            (false, true) if Paint::stderr().is_on() => Kind::Spinner(None),
            _ => Kind::Lines,
        };
        Self { kind, last: None, program }
    }

    /// The login stands here.
    pub fn state(&mut self, login: &Login) {
        let now = (login.version, login.state.name());
        if self.last == Some(now) {
            return;
        }
        self.last = Some(now);
        match &mut self.kind {
            Kind::Json => output::json(&LoginView::from(login)),
            Kind::Lines => {
                if let Some(step) = step(login) {
                    output::note(step);
                }
            }
            Kind::Spinner(bar) => match step(login) {
                Some(step) => bar.get_or_insert_with(|| spinner(step)).set_message(step),
                None => clear(bar),
            },
        }
    }

    /// The session is stored.
    pub fn succeeded(&mut self, store: &StoreSummary) {
        self.clear();
        if matches!(self.kind, Kind::Json) {
            return;
        }
        let paint = Paint::stdout();
        let name = store.shop_name.as_deref().unwrap_or("a shop without a name");
        let points = match store.points.len() {
            1 => "1 point".to_owned(),
            number => format!("{number} points"),
        };
        output::line(format_args!("{} {name} ({}), {points}", paint.green("signed in:"), store.merchant_uid));
        output::note(format_args!("its session: {} session get {}", self.program, store.merchant_uid));
    }

    /// Makes room for other lines.
    pub fn clear(&mut self) {
        if let Kind::Spinner(bar) = &mut self.kind {
            clear(bar);
        }
    }
}

fn clear(bar: &mut Option<ProgressBar>) {
    if let Some(bar) = bar.take() {
        bar.finish_and_clear();
    }
}

fn spinner(step: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(step);
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(80));
    bar
}

/// What is being done; nothing once somebody is needed or it has ended.
fn step(login: &Login) -> Option<&'static str> {
    Some(match &login.state {
        LoginState::Queued => "waiting for its turn",
        LoginState::Opening => "opening the portal's login page",
        LoginState::Submitting => match login.account.method() {
            Method::Password => "sending the password",
            Method::Phone => "asking for an SMS",
        },
        LoginState::Verifying { challenge: Challenge::Code(_), .. } => "checking the code",
        LoginState::Verifying { .. } => "going on with the answer",
        LoginState::Finishing { .. } => "opening the cabinet and storing the session",
        LoginState::Awaiting { .. }
        | LoginState::Succeeded { .. }
        | LoginState::Failed { .. }
        | LoginState::Expired
        | LoginState::Cancelled => return None,
    })
}
