//! Signs in to a store again: without a person, as far as the ladder's facts allow, or for a caller who can be asked.

use jiff::{SignedDuration, Timestamp};

use super::climb::Missed;
use super::facts::Known;
use super::{Refreshed, Refreshes};
use crate::account::Method;
use crate::error::{Code, Error, Result};
use crate::id::MerchantUid;
use crate::keeping::{Breaker, CountedFailure, Origin, RefreshReason, Rung, can_refresh, signature_of};
use crate::login::{Login, LoginState, WhenSeveral};
use crate::logins::NewLogin;
use crate::store::Store;
use crate::tenant::Tenant;

/// The longest that a store waits for the login of another that has the same account.
const ACCOUNT: SignedDuration = SignedDuration::from_secs(20);
/// How often it asks meanwhile.
const ASK: SignedDuration = SignedDuration::from_secs(1);
/// How long a canary has to show that the portal has thawed.
pub(super) const CANARY: SignedDuration = SignedDuration::from_mins(5);
/// A shape that is not known is not tried again for this time: it changes when somebody has looked.
const UNKNOWN_SHAPE: SignedDuration = SignedDuration::from_hours(1);

impl Refreshes {
    /// The rungs that sign in: with the remembered device, or with a code that a source reads. Whatever else the portal asks, nobody is asked.
    pub(super) async fn by_login(&self, store: &Store, known: Known) -> Result<Rung, Missed> {
        // What a source has failed at stays told of that rung, until somebody signs in.
        let rung = match can_refresh(&known.facts).next {
            Some(rung) => rung,
            None if known.source_failed => Rung::CodeSource,
            None => Rung::Password,
        };
        let sourced = known.code_source.is_some();
        match self.try_login(store, known).await {
            Ok(()) => Ok(rung),
            // The device was not remembered after all, and the source was asked in vain.
            Err(error) if sourced && error.code() == Code::CodeRequired => {
                Err(Missed { rung: Rung::CodeSource, error })
            }
            Err(error) => Err(Missed { rung, error }),
        }
    }

    async fn try_login(&self, store: &Store, mut known: Known) -> Result<()> {
        let (parts, uid) = (&self.parts, &store.merchant_uid);
        let now = parts.clock.now();
        // Who could not sign in anyway takes no canary's place.
        if can_refresh(&known.facts).next.is_some() && known.breaker.holds(uid, now) {
            let (until, next) = (now + CANARY, now + parts.policy.breaker.canary_every);
            known.facts.frozen = !parts.database.take_canary(uid, now, until, next).await?;
            if known.facts.frozen {
                known.retry_at = known.retry_at.max(Some(next));
            }
        }
        let verdict = can_refresh(&known.facts);
        let (Some(_), Some(credentials)) = (verdict.next, known.credentials.clone()) else {
            return Err(self.give_up(uid, verdict.reason, known.retry_at).await);
        };
        let new = NewLogin {
            credentials,
            user_id: store.user_id.clone(),
            origin: Origin::Automatic,
            code_source: known.code_source,
            engine: None,
            store_password: true,
            wanted: Some(uid.clone()),
            when_several: WhenSeveral::Ask,
        };
        let method = new.credentials.account().method();
        match self.sign_in(uid, new).await {
            Ok(()) => {
                // Not thawed: the next canary does it.
                if matches!(known.breaker, Breaker::Frozen(_))
                    && parts.database.thaw().await.unwrap_or_default()
                {
                    parts.sink.froze(&Breaker::Closed);
                }
                Ok(())
            }
            Err(error) => Err(self.failed(uid, needed_code(method), error).await),
        }
    }

    /// Signs in, after the account's other login if there is one: several stores may have one account.
    async fn sign_in(&self, uid: &MerchantUid, new: NewLogin) -> Result<()> {
        let parts = &self.parts;
        let deadline = parts.clock.now() + ACCOUNT;
        loop {
            match parts.logins.start(&Tenant::All, new.clone()).await {
                Ok(started) => {
                    let login = started.login();
                    let login = parts.logins.get(&Tenant::All, login.id, Some(login.expires_at)).await?;
                    return ended(&self.answer_from_source(uid, login).await?, uid);
                }
                Err(error) if error.code() == Code::AccountBusy && parts.clock.now() < deadline => {
                    parts.changes.subscribe(uid).changed(parts.clock.now() + ASK).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A login that failed: counted where many failing so would be no accident, and told to who must act. `code`: what it means that a code was wanted.
    async fn failed(&self, uid: &MerchantUid, code: RefreshReason, error: Error) -> Error {
        let parts = &self.parts;
        let now = parts.clock.now();
        if let Some(signature) = signature_of(error.code()) {
            let failure = CountedFailure { signature, merchant_uid: uid, now, policy: parts.policy.breaker };
            // Not counted: the next failure is.
            if let Ok(true) = parts.database.count_failure(failure).await
                && let Ok(breaker) = parts.database.breaker().await
            {
                parts.sink.froze(&breaker);
            }
        }
        match error.code() {
            Code::InvalidCredentials => self.mark(uid, RefreshReason::CredentialsRejected).await,
            Code::CodeRequired => self.mark(uid, code).await,
            Code::AccountMismatch => self.mark(uid, RefreshReason::AccountMismatch).await,
            Code::PortalChanged if error.retry_at().is_none() => {
                return error.with_retry_at(now + UNKNOWN_SHAPE);
            }
            _ => {}
        }
        error
    }

    /// What stands in the way, as an error; where it does not pass by itself, a person must act.
    async fn give_up(&self, uid: &MerchantUid, reason: RefreshReason, retry_at: Option<Timestamp>) -> Error {
        if !reason.passes() {
            self.mark(uid, reason).await;
        }
        let error = Error::of(code_of(reason));
        match retry_at.filter(|_| reason.passes()) {
            Some(at) => error.with_retry_at(at),
            None => error,
        }
    }

    /// Signs in for a caller who can be asked. Waits until `until`.
    pub(super) async fn sign_in_again(
        &self,
        tenant: &Tenant,
        store: Store,
        until: Timestamp,
    ) -> Result<Refreshed> {
        let (parts, uid) = (&self.parts, &store.merchant_uid);
        let session = parts.database.session(tenant, uid).await?;
        let known = self.facts(&store, session.as_ref(), None, Origin::Caller).await?;
        let Some(credentials) = known.credentials else { return Err(Code::CredentialsMissing.into()) };
        let new = NewLogin {
            credentials,
            user_id: store.user_id.clone(),
            origin: Origin::Caller,
            code_source: None,
            engine: None,
            store_password: true,
            wanted: Some(uid.clone()),
            when_several: WhenSeveral::Ask,
        };
        let started = parts.logins.start(tenant, new).await?.login();
        let login = parts.logins.get(tenant, started.id, Some(until)).await?;
        if !login.state.is_terminal() {
            return Ok(Refreshed::Login(login));
        }
        if let Err(error) = ended(&login, uid) {
            if error.code() == Code::InvalidCredentials {
                self.mark(uid, RefreshReason::CredentialsRejected).await;
            }
            return Err(error);
        }
        let session = parts.database.session(tenant, uid).await?;
        session.map(Refreshed::Session).ok_or_else(|| Code::SessionNotFound.into())
    }
}

/// What a login came to. One that waits for a person is somebody else's.
fn ended(login: &Login, uid: &MerchantUid) -> Result<()> {
    match &login.state {
        LoginState::Succeeded { store } if store.merchant_uid == *uid => Ok(()),
        LoginState::Succeeded { .. } => Err(Code::AccountMismatch.into()),
        LoginState::Failed { failure } => Err(failure.into()),
        LoginState::Expired => Err(Code::LoginExpired.into()),
        LoginState::Cancelled => Err(Code::LoginCancelled.into()),
        _ => Err(Code::AccountBusy.into()),
    }
}

/// What it means that the portal wants a code.
fn needed_code(method: Method) -> RefreshReason {
    match method {
        Method::Password => RefreshReason::NeedsCodeEmail,
        Method::Phone => RefreshReason::NeedsCodeSms,
    }
}

fn code_of(reason: RefreshReason) -> Code {
    match reason {
        RefreshReason::NeedsCodeSms | RefreshReason::NeedsCodeEmail => Code::CodeRequired,
        RefreshReason::NoCredentials => Code::CredentialsMissing,
        RefreshReason::CredentialsRejected => Code::InvalidCredentials,
        RefreshReason::AccountLocked => Code::PortalRateLimited,
        RefreshReason::PortalChanged => Code::PortalChanged,
        RefreshReason::Frozen => Code::LoginsFrozen,
        RefreshReason::AttemptsExhausted | RefreshReason::QuietHours => Code::AttemptsExhausted,
        RefreshReason::AccountMismatch => Code::AccountMismatch,
        RefreshReason::Inactive => Code::SessionNotFound,
        // Ways that are open: nothing stands there.
        RefreshReason::SsoAlive
        | RefreshReason::HasPasswordAndDevice
        | RefreshReason::HasPassword
        | RefreshReason::HasCodeSource => Code::SessionExpired,
    }
}
