//! The use cases around a login: start, read and wait, answer, resend, cancel; and what a node does in the background:
//! drive, recover, expire.
//!
//! Rules stay in [`login::step`](crate::login::step); here they meet the ports. A change is stored before its effects run.

mod background;
mod drive;
mod held;
mod history;
mod ledger;
mod save;
mod start;
mod turn;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use held::Held;

use crate::account::Credentials;
use crate::egress::Egress;
use crate::egresses::Egresses;
use crate::error::{Code, Error, Result};
use crate::id::{LoginId, MerchantUid, NodeId, UserId};
use crate::keeping::{Origin, Policy};
use crate::login::{
    Answer, Challenge, Channel, Driver, Effect, EngineChoice, Event, Limits, Login, LoginSecrets,
    WhenSeveral, step,
};
use crate::port::{
    AnswerKey, Cabinet, Clock, Database, Engine, Ids, KeepingSink, LoginChanges, LoginRunner, LoginUpdate,
    SecretsChange,
};
use crate::rate::Rates;
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
    /// Who sets it going.
    pub origin: Origin,
    /// Over which channel a code source reads what the portal sends, where one does: see [`Login::code_source`].
    pub code_source: Option<Channel>,
    /// How to drive it; `None`: as the store says, or else the configuration.
    pub engine: Option<EngineChoice>,
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
    /// The login's way out, once it was read.
    pub(crate) egress: Option<Egress>,
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
    fn of(&self, driver: Driver) -> Result<&Arc<dyn Engine>> {
        match driver {
            Driver::Direct => Ok(&self.direct),
            Driver::Browser => self.browser.as_ref().ok_or_else(|| Code::EngineUnavailable.into()),
        }
    }
}

/// What the use cases around a login are made of.
pub struct Parts {
    /// Where all is kept.
    pub database: Arc<dyn Database>,
    /// The engines.
    pub engines: Engines,
    /// What proves a session before it is stored.
    pub cabinet: Arc<dyn Cabinet>,
    /// The ways out.
    pub egresses: Arc<Egresses>,
    /// Who waits for changes.
    pub changes: Arc<dyn LoginChanges>,
    /// What runs logins.
    pub runner: Arc<dyn LoginRunner>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// How long things may take.
    pub limits: Limits,
    /// How fast logins may go.
    pub rates: Rates,
    /// How many passwords and codes an account may cost.
    pub policy: Policy,
    /// Who is told of those that are not sent.
    pub sink: Arc<dyn KeepingSink>,
    /// What drives a login of which nobody has said.
    pub engine: EngineChoice,
}

/// The use cases around a login.
pub struct Logins {
    database: Arc<dyn Database>,
    engines: Engines,
    cabinet: Arc<dyn Cabinet>,
    egresses: Arc<Egresses>,
    changes: Arc<dyn LoginChanges>,
    runner: Arc<dyn LoginRunner>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    node: NodeId,
    limits: Limits,
    rates: Rates,
    policy: Policy,
    sink: Arc<dyn KeepingSink>,
    engine: EngineChoice,
    held: Held,
}

impl Logins {
    /// How long a node may be silent before others take its logins over.
    pub const LEASE: SignedDuration = SignedDuration::from_secs(15);

    /// What a caller is told to wait when too many logins are under way.
    const PAUSE: SignedDuration = SignedDuration::from_secs(5);

    /// Wires the use cases and names this process as a node.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            database,
            engines,
            cabinet,
            egresses,
            changes,
            runner,
            clock,
            ids,
            limits,
            rates,
            policy,
            sink,
            engine,
        } = parts;
        let node = NodeId(ids.uuid());
        Self {
            database,
            engines,
            cabinet,
            egresses,
            changes,
            runner,
            clock,
            ids,
            node,
            limits,
            rates,
            policy,
            sink,
            engine,
            held: Held::default(),
        }
    }

    /// The name of this process among the nodes.
    pub fn node(&self) -> NodeId {
        self.node
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
        // Another node that holds the page counts the version up once more when it takes the word over.
        let taken = asked.version + i64::from(self.is_held_elsewhere(&asked));
        while login.version <= taken && self.clock.now() < until {
            subscription.changed(until).await;
            login = self.find(tenant, id).await?;
        }
        match login.state.challenge() {
            Some(Challenge::Code(code)) if login.version > taken => match &code.last_error {
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
        let Some(mut secrets) = secrets else { return Err(Code::LoginFinished.into()) };
        let login = stepped.login;
        let forwarded = self.is_held_elsewhere(&login) && !login.state.is_terminal();
        let secrets_change = if login.state.is_terminal() {
            SecretsChange::Erase
        } else if forwarded && !stepped.effects.is_empty() {
            secrets.forwarded.clone_from(&stepped.effects);
            SecretsChange::Replace(secrets.clone())
        } else {
            SecretsChange::Keep
        };
        let node = login.holder.filter(|_| forwarded).unwrap_or(self.node);
        let lease = login.state.is_running().then(|| (node, now + Self::LEASE));
        let update = LoginUpdate { login: &login, secrets: secrets_change, note: None, answer, lease };
        let version = self.database.update_login(update).await?;
        let login = Login { version, ..login };
        self.changes.publish(&login);
        Ok(Work { login, secrets, effects: stepped.effects, egress: None })
    }

    /// Carries on with what was stored. What another node's browser holds is carried on there: it hears of the change.
    fn hand_over(&self, work: Work) -> Login {
        let login = work.login.clone();
        if !work.effects.is_empty() && !self.is_held_elsewhere(&login) {
            self.runner.run(work);
        }
        login
    }

    fn lease(&self) -> (NodeId, Timestamp) {
        (self.node, self.clock.now() + Self::LEASE)
    }
}

/// The answer as its idempotency digest sees it.
fn spelled(answer: &Answer) -> SecretString {
    match answer {
        Answer::Code(code) => format!("code:{}", code.expose_secret()).into(),
        Answer::Merchant(uid) => format!("merchant:{uid}").into(),
    }
}
