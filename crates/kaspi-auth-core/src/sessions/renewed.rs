//! Keeps the cookies that the cabinet renewed in an answer to a consumer's call. Many calls run at once with one session: what one
//! answer changed is put onto what is stored by then, and never takes back what another answer brought.

use std::sync::PoisonError;

use super::Sessions;
use crate::error::Result;
use crate::id::MerchantUid;
use crate::port::{RepositoryError, SessionUpdate};
use crate::session::{Cookie, Session, Validity};
use crate::tenant::Tenant;

/// Renewals of one store that wait at once; more say nothing new.
const WAITING: usize = 64;

/// What an answer of the cabinet did to a session's cookies.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The session that the call was made with.
    pub generation: i64,
    /// Its cookies as they were sent.
    pub before: Vec<Cookie>,
    /// All of its cookies after the answer.
    pub after: Vec<Cookie>,
    /// Whether the answer brought another session: the next generation.
    pub replaced: bool,
    /// Whether the answer showed that the session lives.
    pub alive: bool,
}

/// The right to store a store's renewals; what still waits is let go when it is dropped in the middle.
struct Turn<'a> {
    sessions: &'a Sessions,
    uid: &'a MerchantUid,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.sessions.renewals.lock().unwrap_or_else(PoisonError::into_inner).remove(self.uid);
    }
}

impl Sessions {
    /// Stores what an answer changed, one after another for each store. Of a session that is not served any more nothing is stored.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep_renewed(&self, tenant: &Tenant, uid: &MerchantUid, renewal: Renewal) -> Result<()> {
        {
            let mut waiting = self.renewals.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(others) = waiting.get_mut(uid) {
                // Whoever stores now takes it along.
                if others.len() < WAITING {
                    others.push(renewal);
                }
                return Ok(());
            }
            waiting.insert(uid.clone(), vec![renewal]);
        }
        let turn = Turn { sessions: self, uid };
        while let Some(renewal) = self.next_renewal(uid) {
            self.store_renewed(tenant, uid, renewal).await?;
        }
        // The place was given back with the last one, and may be another's by now.
        std::mem::forget(turn);
        Ok(())
    }

    /// The next one; after the last the place is free again, in the same moment.
    fn next_renewal(&self, uid: &MerchantUid) -> Option<Renewal> {
        let mut waiting = self.renewals.lock().unwrap_or_else(PoisonError::into_inner);
        let own = waiting.get_mut(uid)?;
        if own.is_empty() {
            waiting.remove(uid);
            return None;
        }
        Some(own.remove(0))
    }

    async fn store_renewed(&self, tenant: &Tenant, uid: &MerchantUid, renewal: Renewal) -> Result<()> {
        let database = &self.parts.database;
        let Some(session) = database.session(tenant, uid).await? else { return Ok(()) };
        if session.generation != renewal.generation || session.validity == Validity::Dead {
            return Ok(());
        }
        let Some(cookies) = merged(&session, &renewal) else { return Ok(()) };
        let update = SessionUpdate {
            generation: session.generation,
            lease: None,
            cookies: Some(&cookies),
            renewed: renewal.replaced,
            validity: if renewal.alive { Validity::Alive } else { Validity::Unknown },
            checked_at: self.parts.clock.now(),
            authenticated_at: None,
            needs_reauth: (renewal.alive && session.needs_reauth).then_some(None),
        };
        match database.update_session(tenant, uid, update).await {
            // A newer session was stored meanwhile: what the older one's answer brought is of no account.
            Ok(()) | Err(RepositoryError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What is stored with what the answer changed; `None` where nothing is left to change. A cookie that is not any more what the call was made with
/// was renewed by another answer, and stays.
fn merged(session: &Session, renewal: &Renewal) -> Option<Vec<Cookie>> {
    let mut cookies = session.cookies.clone();
    let mut changed = false;
    for new in &renewal.after {
        let old = find(&renewal.before, new);
        if old.is_some_and(|old| same(old, new)) {
            continue;
        }
        let place = cookies.iter().position(|held| is_same_place(held, new));
        match (place, old) {
            (Some(place), Some(old)) if same(&cookies[place], old) => cookies[place] = new.clone(),
            (None, None) => cookies.push(new.clone()),
            _ => continue,
        }
        changed = true;
    }
    for gone in renewal.before.iter().filter(|old| find(&renewal.after, old).is_none()) {
        let held = cookies.len();
        cookies.retain(|cookie| !same(cookie, gone));
        changed |= cookies.len() < held;
    }
    changed.then_some(cookies)
}

fn find<'a>(cookies: &'a [Cookie], like: &Cookie) -> Option<&'a Cookie> {
    cookies.iter().find(|cookie| is_same_place(cookie, like))
}

/// Whether one would replace the other in a browser.
fn is_same_place(one: &Cookie, other: &Cookie) -> bool {
    one.name == other.name && one.domain == other.domain && one.path == other.path
}

fn same(one: &Cookie, other: &Cookie) -> bool {
    crate::session::same_cookies(std::slice::from_ref(one), std::slice::from_ref(other))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use secrecy::ExposeSecret as _;

    use super::*;

    fn jar(cookies: &[(&str, &str)]) -> Vec<Cookie> {
        let cookie = |(name, value): &(&str, &str)| {
            let text = serde_json::json!({"name": name, "value": value, "domain": "mc.test"});
            serde_json::from_value(text).unwrap()
        };
        cookies.iter().map(cookie).collect()
    }

    fn stored(cookies: &[(&str, &str)]) -> Session {
        Session {
            merchant_uid: MerchantUid::parse("1").unwrap(),
            generation: 1,
            cookies: jar(cookies),
            method: None,
            authenticated_at: Some(Timestamp::UNIX_EPOCH),
            validity: Validity::Alive,
            checked_at: None,
            needs_reauth: false,
            egress: None,
        }
    }

    fn after(held: &[(&str, &str)], before: &[(&str, &str)], after: &[(&str, &str)]) -> Option<String> {
        let renewal =
            Renewal { generation: 1, before: jar(before), after: jar(after), replaced: false, alive: true };
        let merged = merged(&stored(held), &renewal)?;
        let told = merged.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value.expose_secret()));
        Some(told.collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn what_an_answer_changed_is_put_onto_what_is_stored() {
        let before = [("sid", "1"), ("lb", "a")];
        assert_eq!(after(&before, &before, &[("sid", "2"), ("lb", "a")]).as_deref(), Some("sid=2; lb=a"));
        assert_eq!(after(&before, &before, &[("sid", "1")]).as_deref(), Some("sid=1"));
        assert_eq!(after(&[("sid", "1")], &[("sid", "1")], &before).as_deref(), Some("sid=1; lb=a"));
        assert_eq!(after(&before, &before, &before), None);
    }

    #[test]
    fn what_another_answer_brought_meanwhile_stays() {
        let before = [("sid", "1"), ("lb", "a")];
        let held = [("sid", "2"), ("lb", "a")];
        assert_eq!(after(&held, &before, &[("sid", "late"), ("lb", "a")]), None);
        assert_eq!(
            after(&held, &before, &[("sid", "1"), ("lb", "b")]).as_deref(),
            Some("sid=2; lb=b"),
            "two answers that changed different cookies are both kept"
        );
        assert_eq!(after(&held, &before, &[("lb", "a")]), None, "an older answer takes nothing away");
    }
}
