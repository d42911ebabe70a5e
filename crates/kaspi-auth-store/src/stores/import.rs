//! Taking a found store in: read what is here, let the core judge, write in one transaction if nobody wrote in between.

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::account::Method;
use kaspi_auth_core::audit::{Actor, NewAudit};
use kaspi_auth_core::import::{FoundStore, Imported, Judgement, Present, judge};
use kaspi_auth_core::keeping::{Origin, RefreshReason};
use kaspi_auth_core::port::RepositoryError;
use kaspi_auth_core::session::{StoredCredentials, Validity};
use kaspi_auth_core::timeline::{Act, NewEntry};
use secrecy::SecretString;
use sqlx::types::Json;

use super::save::clean;
use super::{TRIES, guid_error, stored_guid};
use crate::audit::append_audit;
use crate::changes::Change;
use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_write};
use crate::sealed::{Encrypted, Guid, GuidParts};
use crate::statements::imports::{ADD, FIND, TAKE_CREDENTIALS, TAKE_POINTS, TAKE_SESSION};
use crate::timelines::append_entry;
use crate::values::{Instant, UserParam, from_micros, without_nul};

/// What is here already.
#[derive(sqlx::FromRow)]
struct HereRow {
    guid: Option<String>,
    kaspi_email: Option<String>,
    kaspi_password: Option<String>,
    user_id: Option<String>,
    auth_revision: i64,
    auth_method: Option<String>,
    auth_signed_in_at: Option<i64>,
    updated_at: Option<Instant>,
    auth_generation: i64,
    auth_validity: String,
    needs_reauth: bool,
}

/// The same, opened.
struct Here {
    guid: Option<Guid>,
    credentials: StoredCredentials,
    revision: i64,
    generation: i64,
    status: String,
}

/// What is written, sealed.
struct Sealed {
    user: UserParam,
    name: Option<String>,
    guid: Option<Json<Encrypted>>,
    email: Option<String>,
    password: Option<String>,
    method: Option<&'static str>,
    signed_in_at: Option<i64>,
}

impl SqlDatabase {
    pub(crate) async fn import(
        &self,
        found: &FoundStore,
        by: Option<&Actor>,
        now: Timestamp,
    ) -> Result<Imported, RepositoryError> {
        let user = self.users.write(found.user_id.as_ref())?;
        for _ in 0..TRIES {
            let rows = read!(&self.pool, FIND => HereRow, found.merchant_uid.as_str())?;
            let (judgement, here) = match rows.into_iter().next() {
                None => (judge(found, None), None),
                Some(row) => {
                    let (judgement, here) = self.judge_row(found, &user, &row)?;
                    (judgement, Some(here))
                }
            };
            let Some(by) = by.filter(|_| judgement.session || judgement.credentials) else {
                return Ok(judgement.answer);
            };
            if self.take_in(found, &user, judgement, here, (by, now)).await? {
                self.announcer.announce(Change::Store(found.merchant_uid.clone()));
                return Ok(judgement.answer);
            }
        }
        Err(RepositoryError::Conflict)
    }

    /// A store of another holder's is not opened.
    fn judge_row(
        &self,
        found: &FoundStore,
        user: &UserParam,
        row: &HereRow,
    ) -> Result<(Judgement, Here), RepositoryError> {
        let uid = &found.merchant_uid;
        let held = row.user_id.as_deref().and_then(|text| self.users.find_text(text));
        let taken = user.is_somebody() && held.is_some_and(|held| held != *user);
        let guid = match stored_guid(uid, row.guid.as_deref())?.filter(|_| !taken) {
            Some(stored) => {
                let ours = row.auth_method.is_some();
                Some(self.sealer.open_guid(uid, stored, ours).map_err(|error| guid_error(uid, error))?)
            }
            None => None,
        };
        let credentials = if taken {
            StoredCredentials::default()
        } else {
            let (email, password) = (row.kaspi_email.as_deref(), row.kaspi_password.as_deref());
            self.open_credentials(uid, guid.as_ref(), email, password)?
        };
        let cookies =
            guid.as_ref().map_or(Ok(Vec::new()), Guid::cookies).map_err(|error| guid_error(uid, error))?;
        let signed_in_at = row.auth_signed_in_at.map(from_micros);
        let present = Present {
            taken,
            cookies: &cookies,
            credentials: &credentials,
            authenticated_at: signed_in_at.or_else(|| guid.as_ref().and_then(Guid::authenticated_at)),
            updated_at: row.updated_at.map_or(Timestamp::UNIX_EPOCH, |instant| instant.0),
        };
        let judgement = judge(found, Some(&present));
        let status = match &guid {
            None => "none",
            Some(_) if row.needs_reauth => NEEDS_REAUTH,
            Some(_) => &row.auth_validity,
        };
        let (revision, generation, status) = (row.auth_revision, row.auth_generation, status.to_owned());
        Ok((judgement, Here { guid, credentials, revision, generation, status }))
    }

    /// Writes it; `false`: somebody else wrote in between.
    async fn take_in(
        &self,
        found: &FoundStore,
        user: &UserParam,
        judgement: Judgement,
        here: Option<Here>,
        (by, now): (&Actor, Timestamp),
    ) -> Result<bool, RepositoryError> {
        let uid = &found.merchant_uid;
        let entry = entry_of(found, judgement, here.as_ref(), now);
        let audit = audit_of(found, by, now);
        let (guid, kept, revision) = match here {
            None => (None, StoredCredentials::default(), None),
            Some(here) => (here.guid, here.credentials, Some(here.revision)),
        };
        let credentials = if judgement.credentials { credentials_of(found, &kept) } else { kept };
        let sealed = self.seal_found(found, user, judgement, &credentials, guid, now);
        let points = Json(clean(&found.points));
        // A phone needs a person for its code: nothing else would say that this store has no session.
        let waits = !judgement.session && sealed.guid.is_some();
        let reason = waits.then_some(RefreshReason::NeedsCodeSms.as_str());
        let written = transaction!(&self.pool, |tx| {
            let Sealed { user, name, guid, email, password, method, signed_in_at } = &sealed;
            let written = match revision {
                None => tx_write!(
                    tx,
                    ADD,
                    user,
                    uid.as_str(),
                    name.as_deref(),
                    guid.as_ref(),
                    email.as_deref(),
                    password.as_deref(),
                    found.is_active,
                    waits,
                    reason,
                    Instant(now),
                    i64::from(judgement.session),
                    *method,
                    *signed_in_at,
                )?,
                Some(revision) if judgement.session => tx_write!(
                    tx,
                    TAKE_SESSION,
                    uid.as_str(),
                    revision,
                    user,
                    name.as_deref(),
                    guid.as_ref(),
                    email.as_deref(),
                    password.as_deref(),
                    Instant(now),
                    *method,
                    *signed_in_at,
                )?,
                Some(revision) => tx_write!(
                    tx,
                    TAKE_CREDENTIALS,
                    uid.as_str(),
                    revision,
                    user,
                    name.as_deref(),
                    guid.as_ref(),
                    email.as_deref(),
                    password.as_deref(),
                    Instant(now),
                    password.is_some(),
                )?,
            };
            if written > 0 && !points.0.is_empty() && (judgement.session || revision.is_none()) {
                tx_write!(tx, TAKE_POINTS, uid.as_str(), &points)?;
            }
            if written > 0 {
                append_entry!(tx, &entry)?;
                append_audit!(tx, &audit)?;
            }
            written
        });
        Ok(written > 0)
    }

    fn seal_found(
        &self,
        found: &FoundStore,
        user: &UserParam,
        judgement: Judgement,
        credentials: &StoredCredentials,
        guid: Option<Guid>,
        now: Timestamp,
    ) -> Sealed {
        let uid = &found.merchant_uid;
        let method = method_of(credentials);
        let guid = if judgement.session {
            let parts = GuidParts {
                cookies: &found.cookies,
                credentials,
                code_verified: found.code_verified,
                authenticated_at: found.authenticated_at,
                method,
            };
            Some(parts.build())
        } else if guid.is_none() && credentials.phone.is_some() {
            // The one place where a phone stands.
            let parts = GuidParts {
                cookies: &[],
                credentials,
                code_verified: found.code_verified,
                authenticated_at: None,
                method,
            };
            Some(parts.build())
        } else {
            guid.map(|guid| guid.with_credentials(credentials))
        };
        let sealed = |key: &str, value: &SecretString| self.sealer.seal_value(uid, key, value, now);
        Sealed {
            user: user.clone(),
            name: found.name.as_deref().map(without_nul),
            guid: guid.map(|guid| Json(self.sealer.seal_guid(uid, &guid, now))),
            email: credentials
                .email
                .as_ref()
                .map(|email| sealed("email", &SecretString::from(email.clone()))),
            password: credentials.password.as_ref().map(|password| sealed("password", password)),
            method: method.filter(|_| judgement.session).map(|method| match method {
                Method::Password => "password",
                Method::Phone => "phone",
            }),
            signed_in_at: found.authenticated_at.filter(|_| judgement.session).map(Timestamp::as_microsecond),
        }
    }
}

const NEEDS_REAUTH: &str = "needs_reauth";

/// What the store's timeline says of it.
fn entry_of(found: &FoundStore, judgement: Judgement, here: Option<&Here>, now: Timestamp) -> NewEntry {
    let before = here.map_or("none", |here| here.status.as_str());
    let after = match (judgement.session, before) {
        (true, _) => Validity::Unknown.as_str(),
        // A password ends the wait for a person; what the session is, nobody has looked since.
        (false, NEEDS_REAUTH) if found.password.is_some() => Validity::Unknown.as_str(),
        (false, before) => before,
    };
    let reason = match (judgement.session, judgement.credentials) {
        (true, true) => "a session and what to sign in with",
        (true, false) => "a session",
        (false, _) => "what to sign in with",
    };
    NewEntry {
        merchant_uid: found.merchant_uid.clone(),
        at: now,
        act: Act::Import,
        origin: Origin::Caller,
        rung: None,
        before: before.to_owned(),
        after: after.to_owned(),
        generation: here.map_or(0, |here| here.generation) + i64::from(judgement.session),
        took: SignedDuration::ZERO,
        code: None,
        reason: reason.to_owned(),
        login: None,
    }
}

fn audit_of(found: &FoundStore, by: &Actor, now: Timestamp) -> NewAudit {
    NewAudit {
        at: now,
        actor: by.clone(),
        action: "import".to_owned(),
        store: Some(found.merchant_uid.clone()),
        subject: None,
        result: "ok".to_owned(),
        times: 1,
        request_id: None,
    }
}

/// What was found, and what was not where the account is the same.
fn credentials_of(found: &FoundStore, kept: &StoredCredentials) -> StoredCredentials {
    let same = found.email.is_some() && found.email == kept.email;
    StoredCredentials {
        email: found.email.clone(),
        password: found.password.clone().or_else(|| kept.password.clone().filter(|_| same)),
        phone: found.phone.clone().or_else(|| kept.phone.clone().filter(|_| same)),
        code_verified: found.code_verified,
    }
}

fn method_of(credentials: &StoredCredentials) -> Option<Method> {
    match (&credentials.email, &credentials.phone) {
        (Some(_), _) => Some(Method::Password),
        (None, Some(_)) => Some(Method::Phone),
        (None, None) => None,
    }
}
