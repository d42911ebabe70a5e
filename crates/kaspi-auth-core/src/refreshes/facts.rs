//! Gathers what is known of a store before its ladder is climbed. Sends nothing to the portal.

use jiff::{SignedDuration, Timestamp};

use super::Refreshes;
use super::sign_in::CANARY;
use crate::account::{Account, Credentials, Method};
use crate::error::{Code, Result};
use crate::keeping::{
    AttemptBudget, AttemptKind, Breaker, CLOCKS_DIFFER, Facts, Freeze, Keeping, Origin, RefreshOutcome,
    RefreshReason, Rung,
};
use crate::login::Channel;
use crate::session::{Session, StoredCredentials};
use crate::store::Store;
use crate::tenant::Tenant;

/// The facts, with what they were read from.
pub(super) struct Known {
    pub(super) facts: Facts,
    /// What to sign in with.
    pub(super) credentials: Option<Credentials>,
    /// The channel whose codes a source may read for the account now.
    pub(super) code_source: Option<Channel>,
    /// There is such a source, and it has brought no code when it was asked: it is not asked again until somebody signs in.
    pub(super) source_failed: bool,
    /// Automatic logins, all of them.
    pub(super) breaker: Breaker,
    /// When what passes by itself will have passed.
    pub(super) retry_at: Option<Timestamp>,
}

impl Refreshes {
    /// What is known of the store.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn facts(
        &self,
        store: &Store,
        session: Option<&Session>,
        keeping: Option<&Keeping>,
        origin: Origin,
    ) -> Result<Known> {
        let (database, now) = (&self.parts.database, self.parts.clock.now());
        let (uid, every) = (&store.merchant_uid, self.parts.policy.breaker.canary_every);
        let stored = database.credentials(&Tenant::All, uid).await?.unwrap_or_default();
        let method = method_of(&stored, session);
        let source = self.source_for(&stored, method).await;
        let credentials = match &source {
            Some((credentials, _)) => Some(credentials.clone()),
            None => credentials_of(&stored),
        };
        let breaker = database.breaker().await?;
        let last = last_outcome(session, keeping);
        let marked = store.reauth_reason.as_deref().filter(|_| store.needs_reauth);
        // The portal wanted a code although a device was remembered: what is remembered is worth nothing any more.
        let mut asked_since = last.is_some_and(|outcome| outcome.code == Some(Code::CodeRequired))
            || marked.is_some_and(|reason| CODE_ASKED.contains(&reason));
        let mut facts = Facts {
            origin,
            active: store.is_active,
            sso_believed: session.is_some() && sso_believed(last),
            method,
            has_password: stored.password.is_some() && stored.email.is_some(),
            has_device: false,
            code_was_asked: stored.code_verified,
            has_code_source: false,
            quiet: self.parts.policy.quiet_hours.is_some_and(|hours| hours.until(now).is_some()),
            codes_exhausted: false,
            rejected: false,
            blocked: false,
            mismatched: last.is_some_and(|outcome| outcome.code == Some(Code::AccountMismatch))
                || marked == Some(RefreshReason::AccountMismatch.as_str()),
            frozen: breaker.holds(uid, now) && !canary_may_go(&breaker, every, now),
            exhausted: false,
            portal_changed: last.is_some_and(|outcome| {
                outcome.code == Some(Code::PortalChanged) && outcome.retry_at.is_some_and(|at| now < at)
            }),
        };
        let mut retry_at = None;
        let mut source_failed = false;
        if let Some(credentials) = &credentials {
            let account = credentials.account();
            let ledger = database.ledger(credentials).await?;
            facts.rejected = ledger.rejected_at.is_some();
            facts.blocked = ledger.blocked_until.is_some_and(|until| now < until);
            let policy = &self.parts.policy;
            let codes = self.codes_since(account, session, now).await?;
            asked_since = asked_since || codes > 0;
            facts.code_was_asked |= asked_since;
            source_failed = source.is_some() && (codes >= SOURCE_CODES || has_failed(last));
            facts.has_code_source = source.is_some() && !source_failed;
            facts.has_device =
                !asked_since && database.device(store.user_id.as_ref(), account).await?.is_some();
            let full = [
                self.full_until(account, AttemptKind::Password, policy.passwords, now).await?,
                self.full_until(account, AttemptKind::Rejection, policy.rejections, now).await?,
            ];
            facts.exhausted = full.iter().any(Option::is_some);
            retry_at = full.into_iter().flatten().chain(ledger.blocked_until.filter(|_| facts.blocked)).max();
            if facts.has_code_source {
                let full = self.full_until(account, AttemptKind::Code, policy.codes, now).await?;
                facts.codes_exhausted = full.is_some();
                let asks = method == Some(Method::Phone) || (facts.code_was_asked && !facts.has_device);
                let quiet = policy.quiet_hours.and_then(|hours| hours.until(now));
                retry_at = retry_at.max(full.max(quiet).filter(|_| asks));
            }
        }
        if let (true, Breaker::Frozen(freeze)) = (facts.frozen, &breaker) {
            retry_at = retry_at.max(Some(canary_after(freeze, every, now)));
        }
        let free = facts.has_code_source && !facts.quiet && !facts.codes_exhausted;
        let code_source = source.map(|(_, channel)| channel).filter(|_| free);
        Ok(Known { facts, credentials, code_source, source_failed, breaker, retry_at })
    }

    /// What to sign in with and where the portal's code is read, if a source says that it reads it. An account with a password is mailed its code; a
    /// phone gets an SMS.
    async fn source_for(
        &self,
        stored: &StoredCredentials,
        method: Option<Method>,
    ) -> Option<(Credentials, Channel)> {
        let (credentials, channel) = match method? {
            Method::Password => (credentials_of(stored)?, Channel::Email),
            Method::Phone => (Credentials::phone(stored.phone.as_deref()?).ok()?, Channel::Sms),
        };
        let source = self.code_source(credentials.account(), channel).await;
        source.map(|_| (credentials, channel))
    }

    /// How many codes the portal was made to send the account since its last sign-in. Another automatic try would send one more.
    async fn codes_since(&self, account: &Account, session: Option<&Session>, now: Timestamp) -> Result<u32> {
        let window = now - self.parts.policy.codes.window;
        let signed_in = session.and_then(|session| session.authenticated_at);
        let since = signed_in.map_or(window, |signed_in| signed_in.max(window));
        Ok(self.parts.database.attempts(account, AttemptKind::Code, since).await?.0)
    }

    /// Until when the account's window is full, if it is.
    async fn full_until(
        &self,
        account: &Account,
        kind: AttemptKind,
        budget: AttemptBudget,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        if budget.limit == 0 {
            return Ok(None);
        }
        let (count, oldest) = self.parts.database.attempts(account, kind, now - budget.window).await?;
        Ok((count >= budget.limit).then(|| oldest.unwrap_or(now) + budget.window))
    }
}

/// Codes since the last sign-in after which no source is believed any more, whatever became of them.
const SOURCE_CODES: u32 = 3;

/// Whether the last refresh asked a source for the code, and it brought none that would do.
fn has_failed(last: Option<&RefreshOutcome>) -> bool {
    last.is_some_and(|last| last.rung == Some(Rung::CodeSource) && last.code == Some(Code::CodeRequired))
}

/// Marks of a store that say so, another program's too.
const CODE_ASKED: [&str; 4] = ["needs_code_email", "needs_code_sms", "code_required", "sms_required"];

/// Whether a login may go now to find the thaw: its place is free and its time has come.
fn canary_may_go(breaker: &Breaker, every: SignedDuration, now: Timestamp) -> bool {
    matches!(breaker, Breaker::Frozen(freeze) if canary_after(freeze, every, now) <= now)
}

/// From when on another canary may go.
fn canary_after(freeze: &Freeze, every: SignedDuration, now: Timestamp) -> Timestamp {
    // What lies further ahead was written by a clock that has been set back since.
    let latest = now.saturating_add(CANARY.max(every) + CLOCKS_DIFFER).unwrap_or(now);
    let next = Some(freeze.next_canary_at).filter(|next| *next <= latest).unwrap_or(now);
    let running = freeze.canary.as_ref().map(|(_, until)| *until);
    running.filter(|until| now < *until && *until <= latest).map_or(next, |until| until.max(next))
}

/// What the last refresh came to, as long as nobody has signed in since.
pub(super) fn last_outcome<'a>(
    session: Option<&Session>,
    keeping: Option<&'a Keeping>,
) -> Option<&'a RefreshOutcome> {
    let outcome = keeping?.outcome.as_ref()?;
    let since = session.and_then(|session| session.authenticated_at);
    since.is_none_or(|signed_in| signed_in <= outcome.at).then_some(outcome)
}

/// The login host is believed to remember the account until a silent try since the sign-in was told otherwise.
fn sso_believed(outcome: Option<&RefreshOutcome>) -> bool {
    match outcome {
        None | Some(RefreshOutcome { code: None, .. }) => true,
        Some(RefreshOutcome { code: Some(Code::SsoExpired), .. }) => false,
        Some(outcome) => outcome.rung == Some(Rung::Silent),
    }
}

fn method_of(stored: &StoredCredentials, session: Option<&Session>) -> Option<Method> {
    session.and_then(|session| session.method).or(match (&stored.email, &stored.phone) {
        (Some(_), _) => Some(Method::Password),
        (None, Some(_)) => Some(Method::Phone),
        (None, None) => None,
    })
}

/// A password that was stored; a phone proves itself by a code alone.
fn credentials_of(stored: &StoredCredentials) -> Option<Credentials> {
    let (email, password) = (stored.email.as_deref()?, stored.password.clone()?);
    Credentials::password(email, password).ok()
}
