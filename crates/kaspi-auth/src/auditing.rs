//! Writes down who read or changed what: changes at once, reads added up for a few seconds. Must not hold a secret, and must not undo an action because
//! it could not be written down.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use jiff::Timestamp;
use kaspi_auth_core::api_key::ApiKey;
use kaspi_auth_core::audit::{Actor, NewAudit};
use kaspi_auth_core::error::Result;
use kaspi_auth_core::id::{MerchantUid, UserId};
use kaspi_auth_core::records::Records;
use parking_lot::Mutex;
use std::collections::HashMap;

use crate::process::Chain;

/// Locks that share the reads out.
const SHARDS: usize = 16;
/// Different reads that one lock holds; what comes on top is counted without its store.
const HELD: usize = 1024;
/// With this many, nothing new is taken apart any more: it is counted as anybody's.
const FULL: usize = HELD * 2;
/// Entries that are written in one transaction.
const BATCH: usize = 500;
/// Changes that are held until the database takes them. Those on top stand in the service's own log alone.
const UNWRITTEN: usize = 4096;
/// Nobody was there any more to be told how it ended: it may have been carried out.
const CUT_OFF: &str = "cut_off";

/// Who acts, as the edge knows it.
#[derive(Debug, Clone)]
pub enum Who {
    /// A service.
    Key(Arc<ApiKey>),
    /// A user.
    User(UserId),
    /// Nobody that is known.
    Anonymous,
}

impl Who {
    fn actor(&self) -> Actor {
        match self {
            Self::Key(key) => Actor::ApiKey(key.id.clone()),
            Self::User(user) => Actor::User(user.to_string()),
            Self::Anonymous => Actor::Anonymous,
        }
    }

    fn name(&self) -> (u8, &str) {
        match self {
            Self::Key(key) => (1, &key.id),
            Self::User(user) => (2, user.as_str()),
            Self::Anonymous => (0, ""),
        }
    }
}

/// Something that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// By whom.
    pub who: &'a Who,
    /// What.
    pub action: &'a str,
    /// About which store, as the path names it.
    pub store: Option<&'a str>,
    /// About what else.
    pub subject: Option<&'a str>,
    /// `ok`, or the error's code.
    pub result: &'a str,
    /// The request.
    pub request_id: &'a Arc<str>,
}

/// Reads of the same thing by the same actor, so far.
#[derive(Debug)]
struct Reads {
    who: Who,
    action: String,
    store: Option<MerchantUid>,
    result: String,
    times: u64,
    last: Timestamp,
    request_id: Arc<str>,
}

impl Reads {
    fn are(&self, act: &Act<'_>) -> bool {
        self.action == act.action
            && self.result == act.result
            && self.store.as_ref().map(MerchantUid::as_str) == act.store
            && self.who.name() == act.who.name()
    }
}

/// Writes the audit log of one process.
pub struct Auditor {
    records: Arc<Records>,
    hasher: RandomState,
    /// By the hash of what tells them apart; should two have the same, the second takes the next number.
    shards: Vec<Mutex<HashMap<u64, Reads>>>,
    /// Changes that could not be written at once.
    unwritten: Mutex<Vec<NewAudit>>,
}

impl Auditor {
    /// With nothing to write.
    pub fn new(records: Arc<Records>) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { records, hasher: RandomState::new(), shards, unwritten: Mutex::default() }
    }

    /// Counts a read. Nothing is written, and nothing is copied where it is known already.
    pub fn read(&self, act: Act<'_>, at: Timestamp) {
        let hash = self.hasher.hash_one((act.who.name(), act.action, act.store, act.result));
        // The remainder is below SHARDS and so fits any usize.
        let shard = &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)];
        let mut reads = shard.lock();
        let mut place = hash;
        while let Some(known) = reads.get_mut(&place) {
            if known.are(&act) {
                known.times += 1;
                known.last = at;
                known.request_id = Arc::clone(act.request_id);
                return;
            }
            place = place.wrapping_add(1);
        }
        let count = reads.len();
        drop(reads);
        if count >= FULL {
            if act.action != MORE {
                self.read(Act { who: &Who::Anonymous, action: MORE, store: None, result: MORE, ..act }, at);
                return;
            }
        } else if count >= HELD && act.store.is_some() {
            self.read(Act { store: None, ..act }, at);
            return;
        }
        let new = Reads {
            who: act.who.clone(),
            action: act.action.to_owned(),
            store: act.store.and_then(|uid| MerchantUid::parse(uid).ok()),
            result: act.result.to_owned(),
            times: 1,
            last: at,
            request_id: Arc::clone(act.request_id),
        };
        // Another of the same may have come meanwhile: then there are two entries, and both are true.
        let mut reads = shard.lock();
        while reads.contains_key(&place) {
            place = place.wrapping_add(1);
        }
        reads.insert(place, new);
    }

    /// Writes a change down before its answer goes out. That it could not be written undoes nothing.
    pub async fn changed(&self, act: Act<'_>, at: Timestamp) {
        self.write(change(&act, at)).await;
    }

    /// Holds a change whose caller went away before the answer: nobody hides what he does by hanging up.
    pub fn cut_off(&self, act: Act<'_>, at: Timestamp) {
        self.hold(std::iter::once(change(&Act { result: CUT_OFF, ..act }, at)));
    }

    /// Writes an entry, or holds it until the database takes it.
    pub async fn write(&self, entry: NewAudit) {
        let entries = [entry];
        if let Err(error) = self.records.audit(&entries).await {
            let [entry] = &entries;
            tracing::error!(
                action = entry.action, result = entry.result, actor.kind = entry.actor.kind(), actor.id = entry.actor.id(),
                request.id = entry.request_id, error = %Chain(&error),
                "an action could not be written into the audit log; it was carried out all the same, and is written later"
            );
            self.hold(entries.into_iter());
        }
    }

    fn hold(&self, entries: impl Iterator<Item = NewAudit>) {
        let mut unwritten = self.unwritten.lock();
        for entry in entries {
            if unwritten.len() < UNWRITTEN {
                unwritten.push(entry);
            } else {
                tracing::error!(
                    action = entry.action,
                    result = entry.result,
                    actor.kind = entry.actor.kind(),
                    actor.id = entry.actor.id(),
                    request.id = entry.request_id,
                    "an action is left out of the audit log: too many wait for the database"
                );
            }
        }
    }

    /// Writes the changes that were held and the reads that were counted. What cannot be written now is kept.
    ///
    /// # Errors
    /// The database's.
    pub async fn flush(&self) -> Result<()> {
        let held = std::mem::take(&mut *self.unwritten.lock());
        for (place, some) in held.chunks(BATCH).enumerate() {
            if let Err(error) = self.records.audit(some).await {
                self.hold(held[place * BATCH..].iter().cloned());
                return Err(error);
            }
        }
        for shard in &self.shards {
            let taken: Vec<Reads> = shard.lock().drain().map(|(_, reads)| reads).collect();
            let mut left = taken.into_iter().peekable();
            while left.peek().is_some() {
                let some: Vec<Reads> = left.by_ref().take(BATCH).collect();
                let entries: Vec<NewAudit> = some.iter().map(entry).collect();
                if let Err(error) = self.records.audit(&entries).await {
                    self.put_back(shard, some.into_iter().chain(left));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn put_back(&self, shard: &Mutex<HashMap<u64, Reads>>, left: impl Iterator<Item = Reads>) {
        let mut held = shard.lock();
        for reads in left {
            let store = reads.store.as_ref().map(MerchantUid::as_str);
            let mut place =
                self.hasher.hash_one((reads.who.name(), reads.action.as_str(), store, reads.result.as_str()));
            let act = Act {
                who: &reads.who,
                action: &reads.action,
                store,
                subject: None,
                result: &reads.result,
                request_id: &reads.request_id,
            };
            loop {
                match held.get_mut(&place) {
                    Some(known) if known.are(&act) => {
                        known.times += reads.times;
                        break;
                    }
                    Some(_) => place = place.wrapping_add(1),
                    None => {
                        held.insert(place, reads);
                        break;
                    }
                }
            }
        }
    }
}

/// What is counted when too much is told apart.
const MORE: &str = "more";

fn change(act: &Act<'_>, at: Timestamp) -> NewAudit {
    NewAudit {
        at,
        actor: act.who.actor(),
        action: act.action.to_owned(),
        store: act.store.and_then(|uid| MerchantUid::parse(uid).ok()),
        subject: act.subject.map(str::to_owned),
        result: act.result.to_owned(),
        times: 1,
        request_id: Some(act.request_id.to_string()),
    }
}

fn entry(reads: &Reads) -> NewAudit {
    NewAudit {
        at: reads.last,
        actor: reads.who.actor(),
        action: reads.action.clone(),
        store: reads.store.clone(),
        subject: None,
        result: reads.result.clone(),
        times: reads.times,
        request_id: Some(reads.request_id.to_string()),
    }
}
