//! Logins whose page a browser holds: only its node can go on with them. Other nodes store what the caller said, and the holder
//! carries it out; when the holder is gone, the login fails clearly.

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use super::background::unless_overtaken;
use super::{BATCH, Logins, Work};
use crate::error::{Code, Result};
use crate::id::LoginId;
use crate::login::{Event, Login};
use crate::port::{At, LoginUpdate, Reply, RepositoryError, SecretsChange};

/// The logins that this process holds pages for.
#[derive(Default)]
pub(super) struct Held(Mutex<HashSet<LoginId>>);

impl Held {
    pub(super) fn insert(&self, id: LoginId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    pub(super) fn remove(&self, id: LoginId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn contains(&self, id: LoginId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    fn all(&self) -> Vec<LoginId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl Logins {
    /// Whether another node's browser holds the login's page.
    pub(super) fn is_held_elsewhere(&self, login: &Login) -> bool {
        login.holder.is_some_and(|holder| holder != self.node)
    }

    /// A login has changed, perhaps on another node: carries out what was left for this one. Cheap for logins that are not held here.
    ///
    /// # Errors
    /// The database's.
    pub async fn pick_up(&self, id: LoginId) -> Result<()> {
        if !self.held.contains(id) {
            return Ok(());
        }
        let Some((login, secrets)) = self.database.open_login(id).await? else {
            self.held.remove(id);
            return Ok(());
        };
        let Some(mut secrets) = secrets.filter(|_| !login.state.is_terminal()) else {
            // Ended elsewhere: the page is let go.
            self.let_go_of(login).await;
            return Ok(());
        };
        if self.is_held_elsewhere(&login) {
            // Another node took the login over and opened a page of its own: what is forwarded is for that one.
            self.let_go_of(login).await;
            return Ok(());
        }
        if secrets.forwarded.is_empty() {
            return Ok(());
        }
        let effects = std::mem::take(&mut secrets.forwarded);
        let lease = login.state.is_running().then(|| self.lease());
        let secrets_change = SecretsChange::Replace(secrets.clone());
        let update = LoginUpdate { login: &login, secrets: secrets_change, note: None, answer: None, lease };
        match self.database.update_login(update).await {
            Ok(version) => {
                let login = Login { version, ..login };
                self.runner.run(Work { login, secrets, effects, egress: None });
                Ok(())
            }
            // Changed meanwhile: that change wakes this again.
            Err(RepositoryError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks after all held logins, in case word of a change was lost.
    ///
    /// # Errors
    /// The last of the database's; one login keeps no other waiting.
    pub async fn pick_up_all(&self) -> Result<()> {
        let mut last = Ok(());
        for id in self.held.all() {
            if let Err(error) = self.pick_up(id).await {
                last = Err(error);
            }
        }
        last
    }

    async fn let_go_of(&self, login: Login) {
        self.held.remove(login.id);
        if let Ok(engine) = self.engines.of(login.driver) {
            let route = self.egresses.way_back(login.egress).await;
            engine.give_up(super::drive::at_of(&login, route, None)).await;
        }
    }

    /// Tells the other nodes that this one lives.
    ///
    /// # Errors
    /// The database's.
    pub async fn beat(&self) -> Result<()> {
        Ok(self.database.beat(self.node, self.clock.now()).await?)
    }

    /// Fails logins that wait for a person while the node that holds their page is gone. Answers how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn fail_orphans(&self) -> Result<usize> {
        let seen_before = self.clock.now() - Self::LEASE;
        let orphans = self.database.orphaned_logins(seen_before, BATCH).await?;
        self.change_all(&orphans, &Event::HolderLost).await?;
        Ok(orphans.len())
    }

    /// Fails what this node's browser holds, because the node stops: nobody else could go on with it.
    ///
    /// # Errors
    /// The database's.
    pub async fn leave(&self) -> Result<()> {
        let held = self.database.held_logins(self.node, u32::MAX).await?;
        self.change_all(&held, &Event::HolderLost).await?;
        Ok(self.database.forget_node(self.node).await?)
    }

    /// Waits for a person to move a held page on, and carries on from there. Ends with the challenge.
    ///
    /// # Errors
    /// The database's.
    pub async fn watch(&self, mut work: Work) -> Result<()> {
        work.effects.clear();
        let watched = match self.at(&mut work).await {
            Ok(at) => self.watch_page(&work.login, at).await,
            Err(error) => Some(Err(error)),
        };
        let outcome = match watched {
            // Whoever ended the login lets the page go.
            None => return Ok(()),
            Some(Ok(reply)) => super::drive::replied(&mut work, reply),
            Some(Err(error)) if error.code() == Code::BrowserLost => {
                super::drive::Outcome::of(Event::HolderLost)
            }
            Some(Err(error)) => super::drive::failed(&error),
        };
        if self.store_outcome(&mut work, outcome).await? && !work.effects.is_empty() {
            // Another watch included: driving hands it on.
            self.runner.run(work);
        }
        Ok(())
    }

    /// Where the page moved to; `None` when the login no longer asks for a person.
    async fn watch_page(&self, login: &Login, at: At) -> Option<Result<Reply>> {
        let engine = match self.engines.of(login.driver) {
            Ok(engine) => engine,
            Err(error) => return Some(Err(error)),
        };
        let mut moved = pin!(engine.watch(at));
        let mut over = pin!(self.asks_no_more(login));
        poll_fn(|context| match moved.as_mut().poll(context) {
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending => over.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    /// Returns when the login is not as it was any more, or the time for its challenge is over.
    async fn asks_no_more(&self, login: &Login) {
        let asked = login.state.challenge().map_or(login.expires_at, crate::login::Challenge::expires_at);
        let until = asked.min(login.expires_at);
        let mut changes = self.changes.subscribe(login.id);
        while self.clock.now() < until {
            // A database that is away for a moment ends no wait.
            if let Ok(stored) = self.database.open_login(login.id).await
                && stored.is_none_or(|(stored, _)| stored.version != login.version)
            {
                return;
            }
            changes.changed(until).await;
        }
    }

    /// The browser says that it no longer holds the login's page.
    ///
    /// # Errors
    /// The database's.
    pub async fn holder_lost(&self, id: LoginId) -> Result<()> {
        let stored = self.database.open_login(id).await?;
        if stored.is_none_or(|(login, _)| login.holder != Some(self.node)) {
            // The login went on without this page, perhaps in another node's.
            self.held.remove(id);
            return Ok(());
        }
        match unless_overtaken(self.change(id, Event::HolderLost, None).await)? {
            Some(work) => drop(self.hand_over(work)),
            None => self.held.remove(id),
        }
        Ok(())
    }
}
