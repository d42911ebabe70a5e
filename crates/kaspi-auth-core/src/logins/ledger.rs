//! The attempt ledger in front of the only calls that send a password or make the portal send a code.

use super::{Logins, Work};
use crate::account::{Account, Method};
use crate::error::{Code, Error, Result};
use crate::keeping::{Attempt, AttemptBudget, AttemptKind, AttemptRequest, Origin};
use crate::login::Login;
use crate::port::Reply;

impl Logins {
    /// Whether the credentials may be sent now; if so, it is counted.
    ///
    /// # Errors
    /// `invalid_credentials`: the portal refused this password before. `portal_rate_limited`: it wants the account left alone.
    /// `attempts_exhausted`: the account's window is full. `code_required`: a code would be sent to nobody. The database's.
    pub(super) async fn take_attempt(&self, work: &Work) -> Result<()> {
        let (login, credentials) = (&work.login, &work.secrets.credentials);
        let ledger = self.database.ledger(credentials).await?;
        if let Some(at) = ledger.rejected_at {
            let detail = format!(
                "The portal refused this password at {at:.0}, so it was not sent again. Correct the credentials and start another login."
            );
            return Err(Error::new(Code::InvalidCredentials, detail));
        }
        let now = self.clock.now();
        if let Some(until) = ledger.blocked_until.filter(|until| now < *until) {
            return Err(Error::of(Code::PortalRateLimited).with_retry_at(until));
        }
        if login.account.method() == Method::Phone {
            return self.take_code(work).await;
        }
        if login.origin == Origin::Automatic && login.code_source.is_some() {
            // The code that may follow is counted when it is sent; an account has one login at a time.
            self.check_code(work).await?;
        }
        let rejections = self.policy.rejections;
        if rejections.limit > 0 {
            let since = now - rejections.window;
            let (count, oldest) =
                self.database.attempts(&login.account, AttemptKind::Rejection, since).await?;
            if count >= rejections.limit {
                self.sink.refused(AttemptKind::Rejection, login.origin);
                let until = oldest.unwrap_or(now) + rejections.window;
                return Err(Error::of(Code::AttemptsExhausted).with_retry_at(until));
            }
        }
        self.take(&login.account, AttemptKind::Password, login.origin, self.policy.passwords).await
    }

    /// Whether the portal may be made to send a code now; if so, it is counted.
    ///
    /// # Errors
    /// `attempts_exhausted`, also in the quiet hours of what nobody waits for; `code_required`: nothing would read it. The database's.
    pub(super) async fn take_code(&self, work: &Work) -> Result<()> {
        let login = &work.login;
        if login.origin == Origin::Automatic {
            if login.code_source.is_none() {
                self.sink.refused(AttemptKind::Code, login.origin);
                return Err(Code::CodeRequired.into());
            }
            self.check_quiet(login)?;
        }
        self.take(&login.account, AttemptKind::Code, login.origin, self.policy.codes).await
    }

    /// Whether the portal may send a code for what nobody waits for.
    async fn check_code(&self, work: &Work) -> Result<()> {
        let (login, codes, now) = (&work.login, self.policy.codes, self.clock.now());
        self.check_quiet(login)?;
        if codes.limit == 0 {
            return Ok(());
        }
        let (count, oldest) =
            self.database.attempts(&login.account, AttemptKind::Code, now - codes.window).await?;
        if count < codes.limit {
            return Ok(());
        }
        self.sink.refused(AttemptKind::Code, login.origin);
        Err(Error::of(Code::AttemptsExhausted).with_retry_at(oldest.unwrap_or(now) + codes.window))
    }

    fn check_quiet(&self, login: &Login) -> Result<()> {
        let quiet = self.policy.quiet_hours.and_then(|hours| hours.until(self.clock.now()));
        let Some(until) = quiet else { return Ok(()) };
        self.sink.refused(AttemptKind::Code, login.origin);
        let detail = "No code is asked for in the quiet hours of what goes on by itself. Sign in with a person at hand, or wait until retry_at.";
        Err(Error::new(Code::AttemptsExhausted, detail).with_retry_at(until))
    }

    /// A code that a password brought: it was not to be foreseen, and counts all the same.
    pub(super) async fn count_code(&self, work: &Work, reply: &Reply) {
        let login = &work.login;
        if matches!(reply, Reply::CodeSent { .. }) && login.account.method() == Method::Password {
            self.count(&login.account, AttemptKind::Code, login.origin).await;
        }
    }

    /// A password that the portal refused.
    pub(super) async fn count_rejection(&self, work: &Work) {
        self.count(&work.login.account, AttemptKind::Rejection, work.login.origin).await;
    }

    /// Counts without asking. That it cannot be counted changes nothing of what has happened.
    async fn count(&self, account: &Account, kind: AttemptKind, origin: Origin) {
        let budget = AttemptBudget { limit: u32::MAX, window: self.policy.passwords.window };
        let request = AttemptRequest { account, kind, origin, budget, now: self.clock.now() };
        if let Ok(Attempt::Granted) = self.database.take_attempt(request).await {
            self.sink.counted(kind, origin);
        }
    }

    async fn take(
        &self,
        account: &Account,
        kind: AttemptKind,
        origin: Origin,
        budget: AttemptBudget,
    ) -> Result<()> {
        let request = AttemptRequest { account, kind, origin, budget, now: self.clock.now() };
        match self.database.take_attempt(request).await? {
            Attempt::Granted => {
                self.sink.counted(kind, origin);
                Ok(())
            }
            Attempt::Refused { until } => {
                self.sink.refused(kind, origin);
                Err(Error::of(Code::AttemptsExhausted).with_retry_at(until))
            }
        }
    }
}
