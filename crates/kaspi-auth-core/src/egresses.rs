//! The ways out: which one a login takes, how they fare, when they rest, and what operators do with them.
//!
//! An account keeps to one egress for logins, probes and refreshes; it moves to another only with an event.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::account::Account;
use crate::egress::{Egress, EgressId, Health, RestPolicy, Route, Sign, Way};
use crate::error::{Code, Error, Result};
use crate::event::Happening;
use crate::port::{Clock, Database, Ids, RepositoryError, RouteCheck};
use crate::rate::{Budget, BudgetChange};

/// A rest that is over sooner is waited for; an account moves only for a longer one.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// What an operator says of a new egress.
#[derive(Debug, Clone)]
pub struct NewEgress {
    /// What to call it.
    pub name: String,
    /// The way.
    pub way: Way,
    /// Whether it is used.
    pub enabled: bool,
    /// How many logins it takes.
    pub budget: Budget,
}

/// What is changed of an egress. `None` leaves a part as it is.
#[derive(Debug, Clone, Default)]
pub struct EgressChange {
    /// Another name.
    pub name: Option<String>,
    /// Another way.
    pub way: Option<Way>,
    /// On or off.
    pub enabled: Option<bool>,
    /// Other limits.
    pub budget: BudgetChange,
    /// Ends a rest.
    pub wake: bool,
}

/// The egress that a login takes.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Which.
    pub egress: Egress,
    /// From which the account moves, and why.
    pub replaces: Option<(EgressId, &'static str)>,
}

/// The use cases around the ways out.
pub struct Egresses {
    database: Arc<dyn Database>,
    check: Arc<dyn RouteCheck>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    policy: RestPolicy,
}

impl Egresses {
    /// Wires the use cases.
    pub fn new(
        database: Arc<dyn Database>,
        check: Arc<dyn RouteCheck>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        policy: RestPolicy,
    ) -> Self {
        Self { database, check, clock, ids, policy }
    }

    /// Chooses for an account: its own, or the healthiest with the fewest accounts.
    ///
    /// # Errors
    /// `egress_unusable`: the account's own rests for a while, or none can be used. The database's.
    pub async fn choose(&self, account: &Account) -> Result<Chosen> {
        let now = self.clock.now();
        let (all, pinned) = self.database.egresses_for(account).await?;
        let own = pinned.map(|id| (id, all.iter().find(|egress| egress.id == id)));
        let replaces = match own {
            Some((_, Some(egress))) if egress.is_usable(now) => {
                return Ok(Chosen { egress: egress.clone(), replaces: None });
            }
            Some((_, Some(egress))) if egress.enabled && rests_briefly(egress, now) => {
                return Err(resting(egress));
            }
            Some((id, Some(egress))) if egress.enabled => {
                Some((id, if egress.health.is_resting(now) { "it rests" } else { "its check failed" }))
            }
            Some((id, Some(_))) => Some((id, "it is switched off")),
            Some((id, None)) => Some((id, "it was deleted")),
            None => None,
        };
        best(&all, now).map(|egress| Chosen { egress: egress.clone(), replaces })
    }

    /// Any way that can be used: for a session of which nobody knows on which way it was won.
    ///
    /// # Errors
    /// `egress_unusable`; the database's.
    pub async fn any(&self) -> Result<Egress> {
        let all = self.database.list_egresses().await?;
        best(&all, self.clock.now()).cloned()
    }

    /// Makes the move of an account known.
    ///
    /// # Errors
    /// The database's.
    pub async fn tell_replaced(&self, account: &Account, chosen: &Chosen) -> Result<()> {
        let Some((from, reason)) = chosen.replaces else { return Ok(()) };
        let happening = Happening::EgressReplaced {
            account: account.masked(),
            from,
            to: chosen.egress.id,
            reason: reason.to_owned(),
        };
        Ok(self.database.append_event(&happening, self.clock.now()).await?)
    }

    /// The way that a login or a session keeps to.
    ///
    /// # Errors
    /// `egress_unusable`: it was deleted or switched off. The database's.
    pub async fn keep_to(&self, id: EgressId) -> Result<Egress> {
        match self.database.find_egress(id).await? {
            Some(egress) if egress.enabled => Ok(egress),
            _ => Err(Error::new(
                Code::EgressUnusable,
                "The egress that this session was won on was deleted or switched off. Sign in again: the account then \
                 moves to another one.",
            )),
        }
    }

    /// The way on which something is let go: also one that is switched off. What is deleted is only named, nothing is sent on it.
    pub(crate) async fn way_back(&self, id: EgressId) -> Route {
        match self.database.find_egress(id).await {
            Ok(Some(egress)) => egress.route(),
            _ => Route { id, ..Route::direct() },
        }
    }

    /// Notes how a way fared. What changes nothing is not written.
    ///
    /// # Errors
    /// The database's.
    pub async fn note(&self, egress: &Egress, sign: Sign) -> Result<()> {
        if sign == Sign::Passed && egress.health.is_perfect() {
            return Ok(());
        }
        let now = self.clock.now();
        // Others have noted since this one was read: their signs count too.
        let Some(fresh) = self.database.find_egress(egress.id).await? else { return Ok(()) };
        let health = fresh.health.after(sign, now, &self.policy);
        if health == fresh.health {
            return Ok(());
        }
        self.database.note_health(egress.id, health, now).await?;
        match health.rest_until {
            Some(until) if health.rests > fresh.health.rests => {
                let happening =
                    Happening::EgressResting { egress: fresh.id, name: fresh.name.clone(), until };
                Ok(self.database.append_event(&happening, now).await?)
            }
            _ => Ok(()),
        }
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self) -> Result<Vec<Egress>> {
        Ok(self.database.list_egresses().await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// `egress_not_found`; the database's.
    pub async fn get(&self, id: EgressId) -> Result<Egress> {
        self.database.find_egress(id).await?.ok_or_else(|| Code::EgressNotFound.into())
    }

    /// Adds one and checks it; what the check says stands in the answer.
    ///
    /// # Errors
    /// `invalid_value`: the name is taken. The database's.
    pub async fn add(&self, new: NewEgress) -> Result<Egress> {
        self.insert(new, EgressId(self.ids.uuid()), false).await
    }

    async fn insert(&self, new: NewEgress, id: EgressId, managed: bool) -> Result<Egress> {
        let now = self.clock.now();
        let egress = Egress {
            id,
            name: new.name,
            revision: 1,
            way: new.way,
            enabled: new.enabled,
            managed,
            budget: new.budget,
            health: Health::default(),
            pinned: 0,
            checked_at: None,
            check_error: None,
            created_at: now,
            updated_at: now,
        };
        self.database.insert_egress(&egress).await.map_err(taken)?;
        self.look(&egress).await?;
        self.get(egress.id).await
    }

    /// Changes one. Another way is checked anew.
    ///
    /// # Errors
    /// `egress_not_found`, `egress_managed`, `invalid_value`, `conflict`; the database's.
    pub async fn change(&self, id: EgressId, change: EgressChange) -> Result<Egress> {
        let mut egress = self.get(id).await?;
        if egress.managed && (change.name.is_some() || change.way.is_some() || !change.budget.is_empty()) {
            return Err(Code::EgressManaged.into());
        }
        if id == EgressId::DIRECT && change.way.is_some() {
            return Err(Error::new(
                Code::InvalidValue,
                "The built-in egress goes directly. Add another for a proxy.",
            ));
        }
        if let Some(name) = &change.name
            && self.database.list_egresses().await?.iter().any(|other| other.id != id && other.name == *name)
        {
            return Err(taken(RepositoryError::Conflict));
        }
        let moved = change.way.is_some();
        let changed = moved || change.name.is_some() || change.enabled.is_some() || !change.budget.is_empty();
        egress.name = change.name.unwrap_or(egress.name);
        egress.way = change.way.unwrap_or(egress.way);
        egress.enabled = change.enabled.unwrap_or(egress.enabled);
        egress.budget = change.budget.of(egress.budget);
        if moved {
            egress.checked_at = None;
            egress.check_error = None;
        }
        let now = self.clock.now();
        egress.updated_at = now;
        if changed {
            self.database.update_egress(&egress).await?;
        }
        if moved || change.wake {
            self.database.note_health(id, Health::default(), now).await?;
        }
        let changed = self.get(id).await?;
        if moved {
            self.look(&changed).await?;
            return self.get(id).await;
        }
        Ok(changed)
    }

    /// Deletes one. Its accounts move at their next login.
    ///
    /// # Errors
    /// `egress_not_found`, `egress_managed`; `invalid_value` for the built-in one. The database's.
    pub async fn delete(&self, id: EgressId) -> Result<()> {
        if id == EgressId::DIRECT {
            return Err(Error::new(Code::InvalidValue, "The built-in egress stays. Switch it off instead."));
        }
        if self.get(id).await?.managed {
            return Err(Code::EgressManaged.into());
        }
        self.database.delete_egress(id).await?;
        Ok(())
    }

    /// Tries the way against the portal's login page and notes what came of it. A check that is well ends a rest.
    ///
    /// # Errors
    /// `egress_not_found`; the database's. What is wrong with the way is no error: it stands in the answer.
    pub async fn check(&self, id: EgressId) -> Result<Egress> {
        let egress = self.get(id).await?;
        self.look(&egress).await?;
        self.get(id).await
    }

    async fn look(&self, egress: &Egress) -> Result<()> {
        let found = self.check.check(&egress.route()).await;
        let now = self.clock.now();
        let error =
            found.as_ref().err().map(|error| format!("{}: {}", error.code().as_str(), error.detail()));
        self.database.note_check(egress.id, error.as_deref(), now).await?;
        let sign = match found {
            Ok(()) => Sign::Passed,
            Err(error) if error.code() == Code::PortalBlocked => Sign::Blocked,
            Err(_) => Sign::Unreachable,
        };
        self.note(egress, sign).await
    }

    /// Makes the configuration's egresses those of the database: named ones are added or changed, managed ones that it no longer names are
    /// deleted. `id_of` makes the id of a name, the same at every start and on every node.
    ///
    /// # Errors
    /// `invalid_value`: an unmanaged one has the name. The database's.
    pub async fn adopt(&self, configured: Vec<NewEgress>, id_of: impl Fn(&str) -> EgressId) -> Result<()> {
        let held = self.database.list_egresses().await?;
        let named: Vec<EgressId> = configured.iter().map(|new| id_of(&new.name)).collect();
        for gone in held.iter().filter(|egress| egress.managed && !named.contains(&egress.id)) {
            self.database.delete_egress(gone.id).await?;
        }
        for (new, id) in configured.into_iter().zip(named) {
            match held.iter().find(|egress| egress.id == id) {
                None => match self.insert(new, id, true).await {
                    // Another node was quicker.
                    Err(_) if self.database.find_egress(id).await?.is_some() => {}
                    inserted => drop(inserted?),
                },
                Some(old) => match self.align(old, new.clone()).await {
                    // Another node was quicker, and what it left is looked at once more.
                    Err(error) if error.code() == Code::Conflict => {
                        self.align(&self.get(id).await?, new).await?;
                    }
                    aligned => aligned?,
                },
            }
        }
        Ok(())
    }

    /// Makes a held egress what the configuration says.
    async fn align(&self, old: &Egress, new: NewEgress) -> Result<()> {
        let moved = !same_way(&old.way, &new.way);
        let changed = Egress {
            way: new.way,
            enabled: new.enabled,
            budget: new.budget,
            managed: true,
            checked_at: old.checked_at.filter(|_| !moved),
            check_error: old.check_error.clone().filter(|_| !moved),
            updated_at: self.clock.now(),
            ..old.clone()
        };
        if moved || old.enabled != changed.enabled || old.budget != changed.budget {
            self.database.update_egress(&changed).await?;
        }
        if changed.checked_at.is_none() {
            self.look(&self.get(old.id).await?).await?;
        }
        Ok(())
    }

    /// The routes that are in use, for those who keep things ready for them.
    ///
    /// # Errors
    /// The database's.
    pub async fn routes(&self) -> Result<Vec<Route>> {
        let now = self.clock.now();
        let all = self.database.list_egresses().await?;
        Ok(all.iter().filter(|egress| egress.is_usable(now)).map(Egress::route).collect())
    }
}

/// The healthiest with the fewest accounts.
fn best(all: &[Egress], now: Timestamp) -> Result<&Egress> {
    let order = |egress: &&Egress| (std::cmp::Reverse(egress.health.score), egress.pinned, egress.id);
    if let Some(egress) = all.iter().filter(|egress| egress.is_usable(now)).min_by_key(order) {
        return Ok(egress);
    }
    let first_awake = all
        .iter()
        .filter(|egress| egress.enabled && egress.health.is_resting(now))
        .min_by_key(|egress| egress.health.rest_until);
    Err(first_awake.map_or_else(|| Code::EgressUnusable.into(), resting))
}

/// Whether two ways are the same, credentials included. Not constant-time: both are the operator's own.
fn same_way(one: &Way, other: &Way) -> bool {
    use secrecy::ExposeSecret as _;
    match (one, other) {
        (Way::Direct, Way::Direct) => true,
        (Way::Proxy(one), Way::Proxy(other)) => {
            let secret = |proxy: &crate::egress::Proxy| {
                proxy.password.as_ref().map(|password| password.expose_secret().to_owned())
            };
            one.server() == other.server() && one.username == other.username && secret(one) == secret(other)
        }
        _ => false,
    }
}

fn rests_briefly(egress: &Egress, now: Timestamp) -> bool {
    egress.health.rest_until.is_some_and(|until| now < until && now.duration_until(until) <= PATIENCE)
}

fn resting(egress: &Egress) -> Error {
    let error = Error::new(
        Code::EgressUnusable,
        format!("The egress {} rests because the portal blocked it. Try again after retry_at.", egress.name),
    );
    match egress.health.rest_until {
        Some(until) => error.with_retry_at(until),
        None => error,
    }
}

fn taken(error: RepositoryError) -> Error {
    match error {
        RepositoryError::Conflict => Error::new(Code::InvalidValue, "Another egress has this name."),
        other => other.into(),
    }
}
