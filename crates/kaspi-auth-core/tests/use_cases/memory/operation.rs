//! Ways out, rates, nodes, evidence, shapes and events in memory.

use std::collections::HashMap;

use jiff::SignedDuration;
use kaspi_auth_core::Timestamp;
use kaspi_auth_core::account::Account;
use kaspi_auth_core::egress::{Egress, EgressId, Health, Way};
use kaspi_auth_core::event::{Happening, StoredEvent};
use kaspi_auth_core::evidence::Evidence;
use kaspi_auth_core::id::{LoginId, NodeId};
use kaspi_auth_core::port::{
    Answered, EgressRepository, EventRepository, EvidenceRepository, NodeRepository, RateRepository,
    RepositoryError, Seen, ShapeRepository, Slot, SlotRequest,
};
use kaspi_auth_core::rate::Budget;
use kaspi_auth_core::tenant::Tenant;

use super::{Memory, Tables, done};

/// What is kept beside logins and stores.
pub struct Operation {
    egresses: Vec<Egress>,
    /// Places of logins, with the way and the end of each.
    slots: HashMap<LoginId, (EgressId, Timestamp)>,
    /// When the next login would be on time: of all ways (`None`), and of each.
    due: HashMap<Option<EgressId>, Timestamp>,
    nodes: HashMap<NodeId, Timestamp>,
    /// Whoever asks for a permit is told to wait for so long.
    pub no_permits: Option<jiff::SignedDuration>,
    evidence: HashMap<LoginId, (Evidence, Timestamp)>,
    shapes: HashMap<String, Vec<String>>,
    pub events: Vec<StoredEvent>,
}

impl Default for Operation {
    fn default() -> Self {
        let direct = Egress {
            id: EgressId::DIRECT,
            name: "direct".to_owned(),
            revision: 1,
            way: Way::Direct,
            enabled: true,
            managed: false,
            budget: Budget::default(),
            health: Health::default(),
            pinned: 0,
            checked_at: None,
            check_error: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        Self {
            egresses: vec![direct],
            slots: HashMap::new(),
            due: HashMap::new(),
            no_permits: None,
            nodes: HashMap::new(),
            evidence: HashMap::new(),
            shapes: HashMap::new(),
            events: Vec::new(),
        }
    }
}

impl Operation {
    pub fn free_slot(&mut self, id: LoginId) {
        self.slots.remove(&id);
    }

    fn egress(&mut self, id: EgressId) -> Option<&mut Egress> {
        self.egresses.iter_mut().find(|egress| egress.id == id)
    }

    fn has_name(&self, name: &str, except: Option<EgressId>) -> bool {
        self.egresses.iter().any(|egress| egress.name == name && Some(egress.id) != except)
    }

    /// From when on the budget lets a login begin; `None`: now.
    fn wait(&self, key: Option<EgressId>, budget: &Budget, now: Timestamp) -> Option<Timestamp> {
        let interval = budget.interval_micros();
        let ahead = SignedDuration::from_micros(interval * i64::from(budget.burst.max(1) - 1));
        let due = self.due_of(key, budget, now);
        let from = due - ahead;
        (interval > 0 && from > now).then_some(from)
    }

    /// A time that is too far ahead was written by a clock that has been set back.
    fn due_of(&self, key: Option<EgressId>, budget: &Budget, now: Timestamp) -> Timestamp {
        let span = SignedDuration::from_micros(budget.interval_micros() * i64::from(budget.burst.max(1)));
        let latest = now + span + kaspi_auth_core::keeping::CLOCKS_DIFFER;
        self.due.get(&key).copied().filter(|due| *due <= latest).unwrap_or(now)
    }

    fn count(&mut self, key: Option<EgressId>, budget: &Budget, now: Timestamp) {
        let due = self.due_of(key, budget, now).max(now);
        self.due.insert(key, due + SignedDuration::from_micros(budget.interval_micros()));
    }

    fn acquire(&mut self, request: &SlotRequest) -> Slot {
        let SlotRequest { login, egress, now, until, portal, way } = *request;
        self.slots.retain(|_, (_, end)| *end > now);
        if self.slots.contains_key(&login) {
            return Slot::Granted;
        }
        let on_way = self.slots.values().filter(|(id, _)| *id == egress).count();
        let is_full = |budget: &Budget, taken: usize| {
            budget.in_flight > 0 && taken >= usize::try_from(budget.in_flight).unwrap()
        };
        if is_full(&portal, self.slots.len()) || is_full(&way, on_way) {
            return Slot::Wait(None);
        }
        let waits = [self.wait(None, &portal, now), self.wait(Some(egress), &way, now)];
        if let Some(at) = waits.into_iter().flatten().max() {
            return Slot::Wait(Some(at));
        }
        self.count(None, &portal, now);
        self.count(Some(egress), &way, now);
        self.slots.insert(login, (egress, until));
        Slot::Granted
    }
}

impl Tables {
    /// All ways by name, with the number of accounts that are pinned to each.
    fn egresses(&self) -> Vec<Egress> {
        let pinned = |id| self.pins.values().filter(|pin| **pin == id).count().try_into().unwrap();
        let all = self.operation.egresses.iter();
        let mut all: Vec<_> =
            all.map(|egress| Egress { pinned: pinned(egress.id), ..egress.clone() }).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}

impl EgressRepository for Memory {
    fn list_egresses(&self) -> Answered<'_, Vec<Egress>> {
        done(Ok(self.tables().egresses()))
    }

    fn find_egress(&self, id: EgressId) -> Answered<'_, Option<Egress>> {
        done(Ok(self.tables().egresses().into_iter().find(|egress| egress.id == id)))
    }

    fn egresses_for<'a>(&'a self, account: &'a Account) -> Answered<'a, (Vec<Egress>, Option<EgressId>)> {
        let tables = self.tables();
        done(Ok((tables.egresses(), tables.pins.get(&account.canonical()).copied())))
    }

    fn insert_egress<'a>(&'a self, egress: &'a Egress) -> Answered<'a, ()> {
        let operation = &mut self.tables().operation;
        if operation.has_name(&egress.name, None) || operation.egress(egress.id).is_some() {
            return done(Err(RepositoryError::Conflict));
        }
        operation.egresses.push(egress.clone());
        done(Ok(()))
    }

    fn update_egress<'a>(&'a self, egress: &'a Egress) -> Answered<'a, ()> {
        let operation = &mut self.tables().operation;
        if operation.has_name(&egress.name, Some(egress.id)) {
            return done(Err(RepositoryError::Conflict));
        }
        match operation.egress(egress.id).filter(|stored| stored.revision == egress.revision) {
            Some(stored) => {
                *stored = Egress { revision: stored.revision + 1, health: stored.health, ..egress.clone() };
                done(Ok(()))
            }
            None => done(Err(RepositoryError::Conflict)),
        }
    }

    fn delete_egress(&self, id: EgressId) -> Answered<'_, bool> {
        let egresses = &mut self.tables().operation.egresses;
        let before = egresses.len();
        egresses.retain(|egress| egress.id != id);
        done(Ok(egresses.len() < before))
    }

    fn note_health(&self, id: EgressId, health: Health, _: Timestamp) -> Answered<'_, ()> {
        if let Some(egress) = self.tables().operation.egress(id) {
            egress.health = health;
        }
        done(Ok(()))
    }

    fn note_check<'a>(&'a self, id: EgressId, error: Option<&'a str>, now: Timestamp) -> Answered<'a, ()> {
        if let Some(egress) = self.tables().operation.egress(id) {
            egress.checked_at = Some(now);
            egress.check_error = error.map(str::to_owned);
        }
        done(Ok(()))
    }
}

impl RateRepository for Memory {
    fn acquire_permit(
        &self,
        _key: &'static str,
        _budget: kaspi_auth_core::rate::Budget,
        now: Timestamp,
    ) -> Answered<'_, Slot> {
        let wait = self.tables().operation.no_permits;
        done(Ok(wait.map_or(Slot::Granted, |wait| Slot::Wait(Some(now + wait)))))
    }

    fn acquire_slot(&self, request: SlotRequest) -> Answered<'_, Slot> {
        done(Ok(self.tables().operation.acquire(&request)))
    }

    fn release_slot(&self, login: LoginId) -> Answered<'_, ()> {
        self.tables().operation.free_slot(login);
        done(Ok(()))
    }
}

impl NodeRepository for Memory {
    fn beat(&self, node: NodeId, now: Timestamp) -> Answered<'_, ()> {
        self.tables().operation.nodes.insert(node, now);
        done(Ok(()))
    }

    fn forget_node(&self, node: NodeId) -> Answered<'_, ()> {
        self.tables().operation.nodes.remove(&node);
        done(Ok(()))
    }

    fn count_other_nodes(&self, node: NodeId, seen_since: Timestamp) -> Answered<'_, u32> {
        let tables = self.tables();
        let others =
            tables.operation.nodes.iter().filter(|(other, seen)| **other != node && **seen >= seen_since);
        done(Ok(others.count().try_into().unwrap()))
    }

    fn orphaned_logins(&self, seen_before: Timestamp, _: u32) -> Answered<'_, Vec<LoginId>> {
        let tables = self.tables();
        let is_gone = |node: NodeId| tables.operation.nodes.get(&node).is_none_or(|seen| *seen < seen_before);
        let waiting = tables.logins.iter().map(|row| &row.login).filter(|login| login.state.is_awaiting());
        done(Ok(waiting.filter(|login| login.holder.is_some_and(is_gone)).map(|login| login.id).collect()))
    }

    fn held_logins(&self, node: NodeId, _: u32) -> Answered<'_, Vec<LoginId>> {
        let tables = self.tables();
        let waiting = tables.logins.iter().map(|row| &row.login).filter(|login| login.state.is_awaiting());
        done(Ok(waiting.filter(|login| login.holder == Some(node)).map(|login| login.id).collect()))
    }
}

impl EvidenceRepository for Memory {
    fn keep_evidence<'a>(
        &'a self,
        id: LoginId,
        evidence: &'a Evidence,
        expires_at: Timestamp,
    ) -> Answered<'a, ()> {
        self.tables().operation.evidence.insert(id, (evidence.clone(), expires_at));
        done(Ok(()))
    }

    fn find_evidence<'a>(
        &'a self,
        tenant: &'a Tenant,
        id: LoginId,
        now: Timestamp,
    ) -> Answered<'a, Option<Evidence>> {
        let mut tables = self.tables();
        let sees = tables.row(id).is_some_and(|row| tenant.sees(row.login.user_id.as_ref()));
        let kept = tables.operation.evidence.get(&id).filter(|(_, end)| sees && *end > now);
        done(Ok(kept.map(|(evidence, _)| evidence.clone())))
    }

    fn prune_evidence(&self, now: Timestamp, _: u32) -> Answered<'_, u64> {
        let evidence = &mut self.tables().operation.evidence;
        let before = evidence.len();
        evidence.retain(|_, (_, end)| *end > now);
        done(Ok((before - evidence.len()).try_into().unwrap()))
    }
}

impl ShapeRepository for Memory {
    fn see_shape<'a>(&'a self, step: &'a str, shape: &'a str, _: Timestamp) -> Answered<'a, Seen> {
        let mut tables = self.tables();
        let known = tables.operation.shapes.entry(step.to_owned()).or_default();
        let seen = match known.last().cloned() {
            _ if known.iter().any(|old| old == shape) => Seen::Known,
            Some(before) => Seen::New { before },
            None => Seen::First,
        };
        if seen != Seen::Known {
            known.push(shape.to_owned());
        }
        done(Ok(seen))
    }
}

impl EventRepository for Memory {
    fn append_event<'a>(&'a self, happening: &'a Happening, at: Timestamp) -> Answered<'a, ()> {
        let events = &mut self.tables().operation.events;
        let sequence = events.last().map_or(1, |last| last.sequence + 1);
        events.push(StoredEvent { sequence, at, happening: happening.clone() });
        done(Ok(()))
    }

    fn list_events(&self, after: i64, limit: u32) -> Answered<'_, Vec<StoredEvent>> {
        let tables = self.tables();
        let later = tables.operation.events.iter().filter(|event| event.sequence > after);
        done(Ok(later.take(limit.try_into().unwrap()).cloned().collect()))
    }

    fn prune_events(&self, before: Timestamp, _: u32) -> Answered<'_, u64> {
        let events = &mut self.tables().operation.events;
        let all = events.len();
        events.retain(|event| event.at >= before);
        done(Ok((all - events.len()).try_into().unwrap()))
    }
}
