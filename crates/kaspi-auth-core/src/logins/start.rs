//! The beginning of a login: who may ask, by what it is driven, which way it goes.

use super::{Logins, NewLogin, Started, TRIES, Work};
use crate::account::Credentials;
use crate::error::{Code, Error, Result};
use crate::id::{LoginId, UserId};
use crate::keeping::Origin;
use crate::login::{Driver, EngineChoice, Event, Login, LoginSecrets, LoginState, step};
use crate::port::{Inserted, RepositoryError};
use crate::tenant::Tenant;

impl Logins {
    /// Starts a login, or answers the account's running one.
    ///
    /// # Errors
    /// `store_taken` when another user holds the store that a service wants, `account_busy` when the account is being signed in
    /// with other credentials or for another user or merchant, `insufficient_scope` when a user asks in another's name,
    /// `engine_unavailable`, `egress_unusable`, `overloaded`, and the database's.
    pub async fn start(&self, tenant: &Tenant, new: NewLogin) -> Result<Started> {
        let user_id = owner(tenant, new.user_id.clone())?;
        if !self.runner.has_room() {
            return Err(Error::of(Code::Overloaded).with_retry_at(self.clock.now() + Self::PAUSE));
        }
        // A user learns whose a store is only after the portal has let it in: before, the answer would tell on others.
        if let (Some(uid), Tenant::All) = (&new.wanted, tenant) {
            self.check_holder(uid, user_id.as_ref()).await?;
        }
        let engine = self.engine_for(tenant, &new).await?;
        let driver = self.driver_for(engine, &new.credentials).await?;
        let chosen = self.egresses.choose(new.credentials.account()).await?;
        let now = self.clock.now();
        let queued = Login {
            id: LoginId(self.ids.uuid()),
            version: 0,
            user_id,
            account: new.credentials.account().clone(),
            origin: new.origin,
            code_source: new.code_source,
            engine,
            driver,
            egress: chosen.egress.id,
            holder: None,
            store_password: new.store_password,
            wanted: new.wanted,
            when_several: new.when_several,
            code_verified: false,
            state: LoginState::Queued,
            created_at: now,
            updated_at: now,
            expires_at: now + self.limits.login,
        };
        let secrets =
            LoginSecrets { credentials: new.credentials, continuation: None, forwarded: Vec::new() };
        let begun = step(&queued, Event::Start, now, &self.limits)?;
        for _ in 0..TRIES {
            match self.database.insert_login(tenant, &begun.login, &secrets, self.lease()).await? {
                Inserted::New => {
                    self.changes.publish(&begun.login);
                    let login = begun.login.clone();
                    let egress = Some(chosen.egress.clone());
                    self.runner.run(Work { login: begun.login, secrets, effects: begun.effects, egress });
                    self.egresses.tell_replaced(&login.account, &chosen).await?;
                    return Ok(Started::New(login));
                }
                Inserted::Running(login) if self.asks_the_same(&login, &begun.login, &secrets).await? => {
                    if let Some(login) = self.join(*login, &begun.login).await? {
                        return Ok(Started::Running(login));
                    }
                    // It has just ended, for want of somebody to ask.
                }
                Inserted::Running(_) | Inserted::Busy => break,
            }
        }
        Err(Code::AccountBusy.into())
    }

    /// Gives the running login to who has asked for it too. A login that asks nobody becomes that of a caller who can be asked: the portal is not made
    /// to send two codes, and nobody is told that nobody was there. `None`: it has ended meanwhile without success.
    async fn join(&self, mut running: Login, asked: &Login) -> Result<Option<Login>> {
        for _ in 0..TRIES {
            // What the login host has accepted asks for nothing any more.
            let asks_nobody = running.origin == Origin::Automatic
                && !running.state.is_terminal()
                && !matches!(running.state, LoginState::Finishing { .. });
            if asked.origin != Origin::Caller || !asks_nobody {
                let failed = matches!(running.state, LoginState::Failed { .. } | LoginState::Cancelled);
                return Ok((!failed).then_some(running));
            }
            let (origin, code_source, store_password) = (Origin::Caller, None, asked.store_password);
            let joined = Login { origin, code_source, store_password, ..running.clone() };
            match self.database.join_login(&joined).await {
                Ok(version) => {
                    let joined = Login { version, ..joined };
                    self.changes.publish(&joined);
                    return Ok(Some(joined));
                }
                Err(RepositoryError::Conflict) => match self.database.open_login(running.id).await? {
                    Some((login, _)) => running = login,
                    None => return Ok(None),
                },
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(running))
    }

    /// What the login is to be driven by: the caller's word, the store's, the configuration's.
    async fn engine_for(&self, tenant: &Tenant, new: &NewLogin) -> Result<EngineChoice> {
        if let Some(engine) = new.engine {
            return Ok(engine);
        }
        let store = match &new.wanted {
            Some(uid) => self.database.find_store(tenant, uid).await?,
            None => None,
        };
        Ok(store.and_then(|store| store.engine).unwrap_or(self.engine))
    }

    /// What it begins with. `auto` begins with what worked for the account the last time, and with HTTP where nothing is known.
    async fn driver_for(&self, engine: EngineChoice, credentials: &Credentials) -> Result<Driver> {
        let driver = match engine {
            EngineChoice::Direct => Driver::Direct,
            EngineChoice::Browser => Driver::Browser,
            EngineChoice::Auto if self.engines.browser.is_none() => Driver::Direct,
            EngineChoice::Auto => self.database.ledger(credentials).await?.driver.unwrap_or(Driver::Direct),
        };
        self.engines.of(driver)?;
        Ok(driver)
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
