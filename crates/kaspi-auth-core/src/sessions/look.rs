//! Looks at a session by asking the cabinet, and keeps what was seen: the verdict, the cookies that the cabinet renewed, the session's age.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use super::Sessions;
use crate::error::Result;
use crate::id::MerchantUid;
use crate::keeping::Origin;
use crate::port::{RepositoryError, SessionUpdate};
use crate::refreshes::status_of;
use crate::session::{Probe, Session, Validity};
use crate::tenant::Tenant;
use crate::timeline::{Act, NewEntry};

/// The longest that a caller waits for another's look before it looks itself.
const OTHERS: SignedDuration = SignedDuration::from_secs(15);
/// A look that told nothing is not repeated for callers within this time.
const MOMENT: SignedDuration = SignedDuration::from_secs(2);
/// So many such looks are remembered before old ones are forgotten.
const MANY: usize = 1000;
/// How often it then asks whether that look has ended.
const ASK: SignedDuration = SignedDuration::from_millis(250);

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

/// The right to look at a store; given back when dropped, also by a caller that goes away.
pub(super) struct Look<'a> {
    sessions: &'a Sessions,
    uid: MerchantUid,
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.sessions.looking.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.uid);
    }
}

/// Whether somebody has looked since `begun`. A look that was known before and seems to come after is one of a clock that has been set back.
fn was_looked_at(before: &Session, now: &Session, begun: Timestamp) -> bool {
    now.checked_at != before.checked_at && now.checked_at.is_some_and(|at| at >= begun)
}

impl Sessions {
    /// The right to look, if nobody in this process looks.
    pub(super) fn begin_look(&self, uid: &MerchantUid) -> Option<Look<'_>> {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        looking.insert(uid.clone()).then(|| Look { sessions: self, uid: uid.clone() })
    }

    /// Looks, or waits for the look of another caller; answers the session as it is then.
    pub(super) async fn look_together(
        &self,
        tenant: &Tenant,
        session: Session,
        origin: Origin,
    ) -> Result<(Session, Option<Validated>)> {
        let (parts, uid) = (&self.parts, session.merchant_uid.clone());
        let begun = parts.clock.now();
        let mut changes = parts.changes.subscribe(&uid);
        loop {
            if let Some(_look) = self.begin_look(&uid) {
                let now = self.stored(tenant, &uid).await?;
                // Another's look ended meanwhile: what it found is as good.
                if now.generation != session.generation || was_looked_at(&session, &now, begun) {
                    return Ok((now, None));
                }
                if self.was_in_vain(&uid, begun) {
                    return Ok((now, None));
                }
                let found = self.look_at(&now, origin).await?;
                return Ok((self.stored(tenant, &uid).await?, Some(found)));
            }
            let now = parts.clock.now();
            if now >= begun + OTHERS {
                // A look that takes so long will tell nothing: the last word stands.
                return Ok((self.stored(tenant, &uid).await?, None));
            }
            changes.changed(now + ASK).await;
        }
    }

    /// A look of the service's own: the verdict, and when to look again where it told nothing and somebody has named a time.
    ///
    /// # Errors
    /// `egress_unusable`: the session's way out is gone. The database's.
    pub(crate) async fn look_by_itself(&self, session: &Session) -> Result<(Validity, Option<Timestamp>)> {
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
        in_vain.get(uid).is_some_and(|at| begun < *at + MOMENT && *at <= begun + OTHERS + MOMENT)
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
            // A newer session was stored while we looked at the old one: what we saw is of no account.
            Err(RepositoryError::Conflict) => return Ok(()),
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
