//! Looks at a session by asking the cabinet, and keeps what was seen: the verdict, the cookies that the cabinet renewed, the session's age.
//!
//! A look that was begun goes on when its caller does not wait any longer: the cabinet may have renewed a cookie by then.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use jiff::{SignedDuration, Timestamp};

use super::Sessions;
use crate::error::{Error, Result};
use crate::id::MerchantUid;
use crate::keeping::Origin;
use crate::port::{RepositoryError, SessionUpdate};
use crate::refreshes::status_of;
use crate::session::{Probe, Session, Validity};
use crate::tenant::Tenant;
use crate::timeline::{Act, NewEntry};

/// A look that told nothing is not repeated for callers within this time.
const MOMENT: SignedDuration = SignedDuration::from_secs(2);
/// Nobody waits for a look for longer than this.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// So many such looks are remembered before old ones are forgotten.
const MANY: usize = 1000;

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
    /// When to look again, where the look told nothing and somebody has named a time.
    pub retry_at: Option<Timestamp>,
}

/// Stores that are being looked at by this process, with who waits for the end of that look.
pub(super) type Looking = HashMap<MerchantUid, Vec<Waker>>;

/// The right to look at a store; given back when dropped, also by a task that is stopped.
pub(super) struct Look {
    sessions: Arc<Sessions>,
    uid: MerchantUid,
}

impl Drop for Look {
    fn drop(&mut self) {
        let waiting = self.sessions.looking().remove(&self.uid);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

/// Whether somebody has looked since `begun`. A look that was known before and seems to come after is one of a clock that has been set back.
fn was_looked_at(before: &Session, now: &Session, begun: Timestamp) -> bool {
    now.checked_at != before.checked_at && now.checked_at.is_some_and(|at| at >= begun)
}

impl Sessions {
    fn looking(&self) -> std::sync::MutexGuard<'_, Looking> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to look, if nobody in this process looks.
    fn begin_look(self: &Arc<Self>, uid: &MerchantUid) -> Option<Look> {
        let mut looking = self.looking();
        if looking.contains_key(uid) {
            return None;
        }
        looking.insert(uid.clone(), Vec::new());
        Some(Look { sessions: Arc::clone(self), uid: uid.clone() })
    }

    /// Looks, or waits for the look of another caller, until `until`; answers the session as it is then. Of a look that takes longer nothing is
    /// known yet: the last word stands.
    pub(super) async fn look_together(
        self: &Arc<Self>,
        tenant: &Tenant,
        session: Session,
        origin: Origin,
        until: Timestamp,
    ) -> Result<Session> {
        let uid = session.merchant_uid.clone();
        let begun = self.parts.clock.now();
        loop {
            let mut failed = None;
            if let Some(look) = self.begin_look(&uid) {
                let now = self.stored(tenant, &uid).await?;
                // Another's look ended meanwhile: what it found is as good.
                if now.generation != session.generation || was_looked_at(&session, &now, begun) {
                    return Ok(now);
                }
                if self.was_in_vain(&uid, begun) {
                    return Ok(now);
                }
                failed = Some(self.look_apart(look, now, origin));
            }
            let has_ended = self.look_ended(&uid, until).await;
            if let Some(error) = failed.as_ref().and_then(|failed| failed.lock().ok()?.take()) {
                return Err(error);
            }
            if failed.is_some() || !has_ended {
                return self.stored(tenant, &uid).await;
            }
        }
    }

    /// Looks in a task of its own. What went wrong is found in the answer when the look has ended.
    fn look_apart(
        self: &Arc<Self>,
        look: Look,
        session: Session,
        origin: Origin,
    ) -> Arc<Mutex<Option<Error>>> {
        let failed = Arc::new(Mutex::new(None));
        let (this, place) = (Arc::clone(self), Arc::clone(&failed));
        self.parts.tasks.run(Box::pin(async move {
            let looked = this.look_at(&session, origin).await;
            if let (Err(error), Ok(mut place)) = (looked, place.lock()) {
                *place = Some(error);
            }
            drop(look);
        }));
        failed
    }

    /// Waits for the end of the look that goes on, if one does; whether it has ended by `until`.
    async fn look_ended(&self, uid: &MerchantUid, until: Timestamp) -> bool {
        let mut changes = self.parts.changes.subscribe(uid);
        loop {
            let mut word = changes.changed(until);
            let has_ended = poll_fn(|context| {
                if let Some(waiting) = self.looking().get_mut(uid) {
                    if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                        waiting.push(context.waker().clone());
                    }
                } else {
                    return Poll::Ready(true);
                }
                word.as_mut().poll(context).map(|()| false)
            })
            .await;
            if has_ended || self.parts.clock.now() >= until {
                return has_ended;
            }
        }
    }

    /// A look of the service's own: the verdict, and when to look again where it told nothing and somebody has named a time.
    ///
    /// # Errors
    /// `egress_unusable`: the session's way out is gone. The database's.
    pub(crate) async fn look_by_itself(
        self: &Arc<Self>,
        session: &Session,
    ) -> Result<(Validity, Option<Timestamp>)> {
        let Some(_look) = self.begin_look(&session.merchant_uid) else { return Ok((session.validity, None)) };
        let found = self.look_at(session, Origin::Automatic).await?;
        Ok((found.validity, found.retry_at))
    }

    /// Asks the cabinet, and stores what is seen.
    pub(super) async fn look_at(&self, session: &Session, origin: Origin) -> Result<Validated> {
        let (parts, uid) = (&self.parts, &session.merchant_uid);
        let route = parts.refreshes.route(session).await?;
        let began = parts.clock.now();
        let probe = parts.cabinet.probe(&route, &session.cookies, uid).await;
        let checked_at = parts.clock.now();
        let took = began.duration_until(checked_at);
        parts.sink.probed(uid, origin, probe.validity, took);
        self.note_vain(uid, probe.validity, checked_at);
        self.keep(session, &probe, checked_at).await?;
        let known = match probe.validity {
            Validity::Unknown => session.validity,
            verdict => verdict,
        };
        let entry = NewEntry {
            merchant_uid: uid.clone(),
            at: checked_at,
            act: Act::Probe,
            origin,
            rung: None,
            before: status_of(Some(session)),
            after: if session.needs_reauth { status_of(Some(session)) } else { known.as_str().to_owned() },
            generation: session.generation,
            took,
            code: None,
            reason: probe.reason.clone(),
            login: None,
        };
        // That it cannot be written down changes nothing of what was found.
        let _ = parts.database.append_entry(&entry).await;
        Ok(Validated {
            validity: probe.validity,
            known,
            reason: probe.reason,
            checked_at,
            generation: session.generation,
            retry_at: probe.retry_at,
        })
    }

    /// Whether a look told nothing since `begun`, or a moment before it: an outage is not made worse by all who ask.
    fn was_in_vain(&self, uid: &MerchantUid, begun: Timestamp) -> bool {
        let in_vain = self.in_vain.lock().unwrap_or_else(PoisonError::into_inner);
        // Of one that ended long after this caller came, the clock has been set back since.
        in_vain.get(uid).is_some_and(|at| begun < *at + MOMENT && *at <= begun + LONGEST + MOMENT)
    }

    fn note_vain(&self, uid: &MerchantUid, found: Validity, now: Timestamp) {
        let mut in_vain = self.in_vain.lock().unwrap_or_else(PoisonError::into_inner);
        if found != Validity::Unknown {
            in_vain.remove(uid);
            return;
        }
        if in_vain.len() >= MANY {
            in_vain.retain(|_, at| now < *at + MOMENT);
        }
        in_vain.insert(uid.clone(), now);
    }

    /// Stores a verdict, and what the cabinet renewed on the way. A new generation begins only with a new session cookie.
    async fn keep(&self, session: &Session, probe: &Probe, checked_at: Timestamp) -> Result<()> {
        let (parts, uid) = (&self.parts, &session.merchant_uid);
        if probe.validity == Validity::Unknown && !probe.renewed {
            return Ok(());
        }
        // What a refusal sets is no part of a session that is dead.
        let renewed = probe.renewed && probe.validity != Validity::Dead;
        let update = SessionUpdate {
            generation: session.generation,
            lease: None,
            cookies: renewed.then_some(&probe.cookies[..]),
            renewed: renewed && probe.replaced,
            validity: probe.validity,
            checked_at,
            authenticated_at: None,
            needs_reauth: (probe.validity == Validity::Alive && session.needs_reauth).then_some(None),
        };
        match parts.database.update_session(&Tenant::All, uid, update).await {
            Ok(()) => {}
            // A newer session was stored while we looked at the old one, or another's look: what we saw is of no account. What is served now is
            // what is in the row, which memory may not have heard of yet.
            Err(RepositoryError::Conflict) => {
                parts.database.fresh_session(&Tenant::All, uid).await?;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        if probe.validity == Validity::Unknown {
            return Ok(());
        }
        if probe.validity == Validity::Alive && (session.needs_reauth || session.validity == Validity::Dead) {
            // It lives after all, and is looked after again.
            parts.database.hasten(uid, checked_at).await?;
        }
        let died = probe.validity == Validity::Dead;
        if died && session.validity == Validity::Dead {
            return Ok(());
        }
        parts
            .refreshes
            .observe(uid, &Session { checked_at: Some(checked_at), ..session.clone() }, died)
            .await;
        if let (true, Some(begun)) = (died, session.authenticated_at) {
            parts.sink.died(uid, begun.duration_until(checked_at));
        }
        Ok(())
    }
}
