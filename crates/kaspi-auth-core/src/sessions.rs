//! Serve, validate and refresh the session of a store.

use std::sync::Arc;

use jiff::Timestamp;

use crate::account::Credentials;
use crate::egress::Route;
use crate::egresses::Egresses;
use crate::error::{Code, Error, Result};
use crate::id::MerchantUid;
use crate::keeping::Origin;
use crate::login::{Login, LoginState, WhenSeveral};
use crate::logins::{Engines, Logins, NewLogin};
use crate::port::{Cabinet, Clock, Database, RepositoryError, SessionUpdate};
use crate::session::{Session, Validity};
use crate::store::Store;
use crate::tenant::Tenant;

/// What a look at a session found.
#[derive(Debug, Clone)]
pub struct Validated {
    /// The verdict of this look. `unknown` changed nothing.
    pub validity: Validity,
    /// What is known now: this verdict, or the last one where this look told nothing.
    pub known: Validity,
    /// Why, in words.
    pub reason: String,
    /// When the look was.
    pub checked_at: Timestamp,
    /// Which session it was about.
    pub generation: i64,
}

/// What a refresh came to.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// A new session is stored and served.
    Session(Session),
    /// The login goes on and needs the caller, or needs longer than was waited.
    Login(Login),
}

/// The use cases around a session.
pub struct Sessions {
    database: Arc<dyn Database>,
    engines: Engines,
    cabinet: Arc<dyn Cabinet>,
    logins: Arc<Logins>,
    egresses: Arc<Egresses>,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// Wires the use cases.
    pub fn new(
        database: Arc<dyn Database>,
        engines: Engines,
        cabinet: Arc<dyn Cabinet>,
        logins: Arc<Logins>,
        egresses: Arc<Egresses>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { database, engines, cabinet, logins, egresses, clock }
    }

    /// The session as stored, for calling the cabinet.
    ///
    /// # Errors
    /// `store_not_found`, `session_not_found`; when the last look found it dead `session_expired`, or `needs_reauth` where a
    /// refresh cannot mend that; the database's.
    pub async fn get(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Session> {
        let session = self.stored(tenant, uid).await?;
        match (session.validity, session.needs_reauth) {
            (Validity::Dead, true) => Err(Code::NeedsReauth.into()),
            (Validity::Dead, false) => Err(Code::SessionExpired.into()),
            _ => Ok(session),
        }
    }

    /// Asks the cabinet whether the session lives. Three-valued: an outage changes nothing.
    ///
    /// # Errors
    /// `store_not_found`, `session_not_found`, and the database's.
    pub async fn validate(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Validated> {
        let session = self.stored(tenant, uid).await?;
        let route = self.route(&session).await?;
        let probe = self.cabinet.probe(&route, &session.cookies, uid).await;
        let checked_at = self.clock.now();
        if probe.validity != Validity::Unknown {
            let update = SessionUpdate {
                generation: session.generation,
                lease: None,
                cookies: probe.renewed.then_some(&probe.cookies[..]),
                renewed: false,
                validity: probe.validity,
                checked_at,
                authenticated_at: None,
                needs_reauth: None,
            };
            match self.database.update_session(tenant, uid, update).await {
                // A newer session was stored while we looked at the old one: what we saw is of no account.
                Ok(()) | Err(RepositoryError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let known = match probe.validity {
            Validity::Unknown => session.validity,
            verdict => verdict,
        };
        Ok(Validated {
            validity: probe.validity,
            known,
            reason: probe.reason,
            checked_at,
            generation: session.generation,
        })
    }

    /// Signs in again, cheapest way first: by the login host's memory, then by the stored password. Waits until `until`.
    ///
    /// # Errors
    /// `store_not_found`; `session_not_found` of a store that is switched off; `credentials_missing` when only a person can go on; the portal's codes; the database's.
    pub async fn refresh(&self, tenant: &Tenant, uid: &MerchantUid, until: Timestamp) -> Result<Refreshed> {
        let store = self.find_store(tenant, uid).await?;
        if !store.is_active {
            return Err(Error::new(Code::SessionNotFound, "The store is switched off. Switch it on first."));
        }
        if let Some(session) = self.database.session(tenant, uid).await? {
            let renewed = match self.route(&session).await {
                Ok(route) => self.engines.direct.renew(&route, &session.cookies, uid).await,
                // Its way is gone: the account signs in again and moves to another.
                Err(error) if error.code() == Code::EgressUnusable => Err(Code::SsoExpired.into()),
                Err(error) => Err(error),
            };
            match renewed {
                Ok(renewed) => {
                    let now = self.clock.now();
                    let update = SessionUpdate {
                        generation: session.generation,
                        lease: None,
                        cookies: Some(&renewed.cookies),
                        renewed: true,
                        validity: Validity::Alive,
                        checked_at: now,
                        authenticated_at: Some(renewed.authenticated_at),
                        needs_reauth: Some(None),
                    };
                    match self.database.update_session(tenant, uid, update).await {
                        // Somebody else was quicker: theirs is served.
                        Ok(()) | Err(RepositoryError::Conflict) => {}
                        Err(error) => return Err(error.into()),
                    }
                    return Ok(Refreshed::Session(self.stored(tenant, uid).await?));
                }
                Err(error) if error.code() == Code::SsoExpired => {}
                Err(error) => return Err(error),
            }
        }
        self.sign_in_again(tenant, store, until).await
    }

    async fn sign_in_again(&self, tenant: &Tenant, store: Store, until: Timestamp) -> Result<Refreshed> {
        let uid = &store.merchant_uid;
        let stored = self.database.credentials(tenant, uid).await?.unwrap_or_default();
        let (Some(email), Some(password)) = (stored.email, stored.password) else {
            return Err(Code::CredentialsMissing.into());
        };
        let credentials = Credentials::password(&email, password)
            .map_err(|error| Error::of(Code::CredentialsMissing).with_source(error))?;
        let new = NewLogin {
            credentials,
            user_id: store.user_id.clone(),
            origin: Origin::Caller,
            engine: None,
            store_password: true,
            wanted: Some(uid.clone()),
            when_several: WhenSeveral::Ask,
        };
        let started = self.logins.start(tenant, new).await?.login();
        let login = self.logins.get(tenant, started.id, Some(until)).await?;
        match &login.state {
            LoginState::Succeeded { store } if store.merchant_uid == *uid => {
                Ok(Refreshed::Session(self.stored(tenant, uid).await?))
            }
            LoginState::Succeeded { .. } => Err(Code::AccountMismatch.into()),
            LoginState::Failed { failure } => {
                if failure.code == Code::InvalidCredentials {
                    self.mark_for_reauth(tenant, uid, failure.code).await?;
                }
                Err(failure.into())
            }
            LoginState::Expired => Err(Code::LoginExpired.into()),
            LoginState::Cancelled => Err(Code::LoginCancelled.into()),
            _ => Ok(Refreshed::Login(login)),
        }
    }

    /// The stored password is wrong: only a person can mend that. The old session stays served while it lives.
    async fn mark_for_reauth(&self, tenant: &Tenant, uid: &MerchantUid, reason: Code) -> Result<()> {
        let Some(session) = self.database.session(tenant, uid).await? else { return Ok(()) };
        let update = SessionUpdate {
            generation: session.generation,
            lease: None,
            cookies: None,
            renewed: false,
            validity: session.validity,
            checked_at: session.checked_at.unwrap_or_else(|| self.clock.now()),
            authenticated_at: None,
            needs_reauth: Some(Some(reason.as_str().to_owned())),
        };
        match self.database.update_session(tenant, uid, update).await {
            Ok(()) | Err(RepositoryError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The way that the session was won on; a row of another program's takes any.
    async fn route(&self, session: &Session) -> Result<Route> {
        let egress = match session.egress {
            Some(id) => self.egresses.keep_to(id).await?,
            None => self.egresses.any().await?,
        };
        Ok(egress.route())
    }

    async fn stored(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Session> {
        if let Some(session) = self.database.session(tenant, uid).await? {
            return Ok(session);
        }
        self.find_store(tenant, uid).await?;
        Err(Code::SessionNotFound.into())
    }

    async fn find_store(&self, tenant: &Tenant, uid: &MerchantUid) -> Result<Store> {
        self.database.find_store(tenant, uid).await?.ok_or_else(|| Code::StoreNotFound.into())
    }
}
