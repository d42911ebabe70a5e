//! The use cases around a login: start, read and wait, answer, resend, cancel; and what a node does in the background:
//! drive, recover, expire.
//!
//! Rules stay in [`login::step`](crate::login::step); here they meet the ports. A change is stored before its effects run.

mod drive;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::account::Credentials;
use crate::error::{Code, Error, Result};
use crate::id::{LoginId, MerchantUid, NodeId, UserId};
use crate::login::{
    Answer, Challenge, Effect, EngineChoice, Event, Limits, Login, LoginSecrets, LoginState, WhenSeveral,
    step,
};
use crate::port::{
    AnswerKey, Clock, Database, Engine, Ids, Inserted, LoginChanges, LoginRunner, LoginUpdate, SecretsChange,
};
use crate::tenant::Tenant;

/// How many rows a background pass takes at once.
const BATCH: u32 = 100;
/// How often a change is tried when others change the same login at the same moment.
const TRIES: u32 = 3;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewLogin {
    /// Who signs in, and the proof.
    pub credentials: Credentials,
    /// For whom the store will be held.
    pub user_id: Option<UserId>,
    /// How to drive it.
    pub engine: EngineChoice,
    /// Whether to keep the password for signing in again.
    pub store_password: bool,
    /// The merchant that is wanted, if one is.
    pub wanted: Option<MerchantUid>,
    /// What to do when there are several.
    pub when_several: WhenSeveral,
}

/// A login that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Started {
    /// A new one.
    New(Login),
    /// The account's running one.
    Running(Login),
}

impl Started {
    /// The login, whichever it is.
    pub fn login(self) -> Login {
        match self {
            Self::New(login) | Self::Running(login) => login,
        }
    }
}

/// A stored change with the effects that are still to be carried out.
#[derive(Debug)]
pub struct Work {
    pub(crate) login: Login,
    pub(crate) secrets: LoginSecrets,
    pub(crate) effects: Vec<Effect>,
}

impl Work {
    /// Which login it is about.
    pub fn login(&self) -> LoginId {
        self.login.id
    }
}

/// The engines that this installation has.
#[derive(Clone)]
pub struct Engines {
    /// HTTP.
    pub direct: Arc<dyn Engine>,
    /// A real browser, where there is one.
    pub browser: Option<Arc<dyn Engine>>,
}

impl Engines {
    fn get(&self, choice: EngineChoice) -> Result<&Arc<dyn Engine>> {
        match choice {
            EngineChoice::Auto | EngineChoice::Direct => Ok(&self.direct),
            EngineChoice::Browser => self.browser.as_ref().ok_or_else(|| Code::EngineUnavailable.into()),
        }
    }
}

/// The use cases around a login.
pub struct Logins {
    database: Arc<dyn Database>,
    engines: Engines,
    changes: Arc<dyn LoginChanges>,
    runner: Arc<dyn LoginRunner>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    node: NodeId,
    limits: Limits,
}

impl Logins {
    /// How long a node may be silent before others take its logins over.
    pub const LEASE: SignedDuration = SignedDuration::from_secs(15);

    /// What a caller is told to wait when too many logins are under way.
    const PAUSE: SignedDuration = SignedDuration::from_secs(5);

    /// Wires the use cases. `node` names this process.
    pub fn new(
        database: Arc<dyn Database>,
        engines: Engines,
        changes: Arc<dyn LoginChanges>,
        runner: Arc<dyn LoginRunner>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        limits: Limits,
    ) -> Self {
        let node = NodeId(ids.uuid());
        Self { database, engines, changes, runner, clock, ids, node, limits }
    }

    /// Starts a login, or answers the account's running one.
    ///
    /// # Errors
    /// `store_taken` when another user holds the store that a service wants, `account_busy` when the account is being signed in
    /// with other credentials or for another user or merchant, `insufficient_scope` when a user asks in another's name,
    /// `engine_unavailable`, `overloaded`, and the database's.
    pub async fn start(&self, tenant: &Tenant, new: NewLogin) -> Result<Started> {
        self.engines.get(new.engine)?;
        let user_id = owner(tenant, new.user_id)?;
        if !self.runner.has_room() {
            return Err(Error::of(Code::Overloaded).with_retry_at(self.clock.now() + Self::PAUSE));
        }
        // A user learns whose a store is only after the portal has let it in: before, the answer would tell on others.
        if let (Some(uid), Tenant::All) = (&new.wanted, tenant) {
            self.check_holder(uid, user_id.as_ref()).await?;
        }
        let now = self.clock.now();
        let queued = Login {
            id: LoginId(self.ids.uuid()),
            version: 0,
            user_id,
            account: new.credentials.account().clone(),
            engine: new.engine,
            store_password: new.store_password,
            wanted: new.wanted,
            when_several: new.when_several,
            code_verified: false,
            state: LoginState::Queued,
            created_at: now,
            updated_at: now,
            expires_at: now + self.limits.login,
        };
        let secrets = LoginSecrets { credentials: new.credentials, continuation: None };
        let begun = step(&queued, Event::Start, now, &self.limits)?;
        match self.database.insert_login(tenant, &begun.login, &secrets, self.lease()).await? {
            Inserted::New => {
                self.changes.publish(&begun.login);
                self.runner.run(Work { login: begun.login.clone(), secrets, effects: begun.effects });
                Ok(Started::New(begun.login))
            }
            Inserted::Running(login) if self.asks_the_same(&login, &begun.login, &secrets).await? => {
                Ok(Started::Running(*login))
            }
            Inserted::Running(_) | Inserted::Busy => Err(Code::AccountBusy.into()),
        }
    }

    /// Whether the running login is what this caller asks for: the same credentials, for the same holder and merchant. Who
    /// has another password proves nothing and gets nobody's login.
    async fn asks_the_same(&self, running: &Login, asked: &Login, secrets: &LoginSecrets) -> Result<bool> {
        let merchant = asked.wanted.is_none() || asked.wanted == running.wanted;
        if running.user_id != asked.user_id || !merchant || running.when_several != asked.when_several {
            return Ok(false);
        }
        let held = self.database.open_login(running.id).await?.and_then(|(_, secrets)| secrets);
        Ok(held.is_some_and(|held| held.credentials.proves_the_same(&secrets.credentials)))
    }

    /// Reads a login; with `until`, waits for the next state that needs the caller or ends the login.
    ///
    /// # Errors
    /// `login_not_found`, also for another tenant's; the database's.
    pub async fn get(&self, tenant: &Tenant, id: LoginId, until: Option<Timestamp>) -> Result<Login> {
        let mut subscription = until.map(|_| self.changes.subscribe(id));
        loop {
            let login = self.find(tenant, id).await?;
            let login = self.expire_if_due(login).await?;
            match (&mut subscription, until) {
                (Some(changes), Some(until)) if login.state.is_running() && self.clock.now() < until => {
                    changes.changed(until).await;
                }
                _ => return Ok(login),
            }
        }
    }

    /// Answers a challenge. The same key with the same answer does nothing twice.
    ///
    /// # Errors
    /// `login_not_found`, `login_not_awaiting`, `login_finished`, `login_expired`, `merchant_not_listed`, `store_taken`,
    /// `idempotency_key_reused`, `conflict`, and the database's.
    pub async fn answer(
        &self,
        tenant: &Tenant,
        id: LoginId,
        answer: Answer,
        key: Option<String>,
    ) -> Result<Login> {
        let login = self.find(tenant, id).await?;
        let key = key.map(|key| AnswerKey { key, answer: spelled(&answer) });
        if let Some(key) = &key
            && self.came_before(id, key).await?
        {
            return Ok(login);
        }
        if let Answer::Merchant(uid) = &answer {
            self.check_holder(uid, login.user_id.as_ref()).await?;
        }
        match self.change(id, Event::Answered(answer), key.clone()).await {
            Ok(work) => Ok(self.hand_over(work)),
            // The key may have come in the meantime, with a request that is a little ahead of this one.
            Err(error) => match key {
                Some(key) if self.came_before(id, &key).await? => self.find(tenant, id).await,
                _ => Err(error),
            },
        }
    }

    /// Whether this answer came before under this key.
    ///
    /// # Errors
    /// `idempotency_key_reused`: another answer did. The database's.
    async fn came_before(&self, id: LoginId, key: &AnswerKey) -> Result<bool> {
        match self.database.find_answer(id, key).await? {
            Some(true) => Ok(true),
            Some(false) => Err(Code::IdempotencyKeyReused.into()),
            None => Ok(false),
        }
    }

    /// Asks the portal for another code and waits for its word, until `until` at most.
    ///
    /// # Errors
    /// `login_not_found`, `resend_too_early`, `resend_unavailable`, `login_finished`; the portal's word when it sends none, which
    /// leaves the login waiting; the database's.
    pub async fn resend(&self, tenant: &Tenant, id: LoginId, until: Timestamp) -> Result<Login> {
        let login = self.find(tenant, id).await?;
        if login.state.is_awaiting() && !matches!(login.state.challenge(), Some(Challenge::Code(_))) {
            return Err(Code::ResendUnavailable.into());
        }
        let mut subscription = self.changes.subscribe(id);
        let work = self.change(id, Event::ResendAsked, None).await?;
        let asked = self.hand_over(work);
        let mut login = asked.clone();
        while login.version == asked.version && self.clock.now() < until {
            subscription.changed(until).await;
            login = self.find(tenant, id).await?;
        }
        match login.state.challenge() {
            Some(Challenge::Code(code)) if login.version > asked.version => match &code.last_error {
                // What is said of an answer is not this call's matter.
                Some(error) if !matches!(error.code, Code::CodeRejected | Code::CodeExpired) => {
                    Err(Error::of(error.code)
                        .with_retry_at(code.resend_after)
                        .with_portal_message(error.portal_message.clone()))
                }
                _ => Ok(login),
            },
            _ => Ok(login),
        }
    }

    /// Gives a login up. While a password or a code is with the portal, its word is waited for first, until `until` at most.
    ///
    /// # Errors
    /// `login_not_found`, `login_finished`, `conflict`, and the database's.
    pub async fn cancel(&self, tenant: &Tenant, id: LoginId, until: Timestamp) -> Result<Login> {
        let mut subscription = self.changes.subscribe(id);
        loop {
            self.find(tenant, id).await?;
            match self.change(id, Event::Cancelled, None).await {
                Err(error) if error.code() == Code::Conflict && self.clock.now() < until => {
                    subscription.changed(until).await;
                }
                cancelled => return cancelled.map(|work| self.hand_over(work)),
            }
        }
    }

    /// Takes over logins whose node died. Answers how many. One that cannot be read keeps no other waiting: its lease runs out
    /// again, and its error is the last of the pass.
    ///
    /// # Errors
    /// The database's.
    pub async fn recover(&self) -> Result<usize> {
        let now = self.clock.now();
        let lost = self.database.claim_lost_logins(self.node, now, self.lease().1, BATCH).await?;
        self.change_all(&lost, &Event::Lost).await?;
        Ok(lost.len())
    }

    /// Ends logins whose time is over. Answers how many were due. One that cannot be read keeps no other waiting.
    ///
    /// # Errors
    /// The database's.
    pub async fn expire(&self) -> Result<usize> {
        let due = self.database.due_logins(self.clock.now(), BATCH).await?;
        self.change_all(&due, &Event::Tick).await?;
        Ok(due.len())
    }

    async fn change_all(&self, ids: &[LoginId], event: &Event) -> Result<()> {
        let mut last = Ok(());
        for id in ids {
            match unless_overtaken(self.change(*id, event.clone(), None).await) {
                Ok(Some(work)) => drop(self.hand_over(work)),
                Ok(None) => {}
                Err(error) => last = Err(error),
            }
        }
        last
    }

    /// Tells the other nodes that this one works on the login. Whoever drives a login calls this now and then.
    ///
    /// # Errors
    /// The database's.
    pub async fn renew_lease(&self, id: LoginId) -> Result<()> {
        let (node, until) = self.lease();
        Ok(self.database.renew_lease(id, node, until).await?)
    }

    /// Parks what this node still runs, so that the next one may take it over at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn park(&self) -> Result<u64> {
        Ok(self.database.release_leases(self.node, self.clock.now()).await?)
    }

    /// Deletes the records of logins that ended before `before`.
    ///
    /// # Errors
    /// The database's.
    pub async fn prune(&self, before: Timestamp) -> Result<u64> {
        Ok(self.database.prune_logins(before, BATCH * 10).await?)
    }

    async fn find(&self, tenant: &Tenant, id: LoginId) -> Result<Login> {
        self.database.find_login(tenant, id).await?.ok_or_else(|| Code::LoginNotFound.into())
    }

    /// Somebody who reads a login sees its end at once, not at the next background pass.
    async fn expire_if_due(&self, login: Login) -> Result<Login> {
        if login.state.is_terminal() || step(&login, Event::Tick, self.clock.now(), &self.limits).is_err() {
            return Ok(login);
        }
        match self.change(login.id, Event::Tick, None).await {
            Ok(work) => Ok(self.hand_over(work)),
            Err(error)
                if matches!(error.code(), Code::Conflict | Code::LoginFinished | Code::LoginNotAwaiting) =>
            {
                self.find(&Tenant::All, login.id).await
            }
            Err(error) => Err(error),
        }
    }

    /// Another user's store is refused before anything is sent to the portal. Whether a store is the user's is the database's to
    /// say: an adopted column may spell an id in another way.
    async fn check_holder(&self, uid: &MerchantUid, user: Option<&UserId>) -> Result<()> {
        let Some(user) = user else { return Ok(()) };
        match self.database.find_store(&Tenant::All, uid).await? {
            Some(store) if store.user_id.is_some() => {
                let own = self.database.find_store(&Tenant::User(user.clone()), uid).await?;
                own.map(|_| ()).ok_or_else(|| Code::StoreTaken.into())
            }
            _ => Ok(()),
        }
    }

    /// Reads, steps and stores. What comes back is stored and waits for its effects. Where somebody else stores a change
    /// in between, the event is tried on what they left.
    async fn change(&self, id: LoginId, event: Event, answer: Option<AnswerKey>) -> Result<Work> {
        let mut tries = 1..TRIES;
        loop {
            match self.try_change(id, event.clone(), answer.clone()).await {
                Err(error) if error.code() == Code::Conflict && tries.next().is_some() => {}
                changed => return changed,
            }
        }
    }

    async fn try_change(&self, id: LoginId, event: Event, answer: Option<AnswerKey>) -> Result<Work> {
        let Some((login, secrets)) = self.database.open_login(id).await? else {
            return Err(Code::LoginNotFound.into());
        };
        let now = self.clock.now();
        let stepped = step(&login, event, now, &self.limits)?;
        let Some(secrets) = secrets else { return Err(Code::LoginFinished.into()) };
        let secrets_change =
            if stepped.login.state.is_terminal() { SecretsChange::Erase } else { SecretsChange::Keep };
        let lease = stepped.login.state.is_running().then(|| self.lease());
        let update =
            LoginUpdate { login: &stepped.login, secrets: secrets_change, note: None, answer, lease };
        let version = self.database.update_login(update).await?;
        let login = Login { version, ..stepped.login };
        self.changes.publish(&login);
        Ok(Work { login, secrets, effects: stepped.effects })
    }

    fn hand_over(&self, work: Work) -> Login {
        let login = work.login.clone();
        if !work.effects.is_empty() {
            self.runner.run(work);
        }
        login
    }

    fn lease(&self) -> (NodeId, Timestamp) {
        (self.node, self.clock.now() + Self::LEASE)
    }
}

/// A background pass goes on when somebody else changed the login first.
fn unless_overtaken(changed: Result<Work>) -> Result<Option<Work>> {
    match changed {
        Ok(work) => Ok(Some(work)),
        Err(error) => match error.code() {
            Code::Conflict | Code::LoginFinished | Code::LoginNotAwaiting | Code::LoginNotFound => Ok(None),
            _ => Err(error),
        },
    }
}

/// A user asks in its own name only; a service may ask in anybody's.
fn owner(tenant: &Tenant, named: Option<UserId>) -> Result<Option<UserId>> {
    match (tenant, named) {
        (Tenant::All, named) => Ok(named),
        (Tenant::User(user), None) => Ok(Some(user.clone())),
        (Tenant::User(user), Some(named)) if *user == named => Ok(Some(named)),
        (Tenant::User(_), Some(_)) => Err(Error::new(
            Code::InsufficientScope,
            "These credentials act for one user_id and cannot name another.",
        )),
    }
}

/// The answer as its idempotency digest sees it.
fn spelled(answer: &Answer) -> SecretString {
    match answer {
        Answer::Code(code) => format!("code:{}", code.expose_secret()).into(),
        Answer::Merchant(uid) => format!("merchant:{uid}").into(),
    }
}
