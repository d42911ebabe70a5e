//! The audit log on the wire.

use jiff::Timestamp;
use kaspi_auth_core::audit::{Actor, AuditEntry, AuditFilter};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::{Code, Error};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which entries to read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only those about this store.
    #[param(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    store: Option<String>,
    /// Only those of this actor: `api_key:ID`, `user:ID`, `command_line:NAME` or `anonymous`.
    actor: Option<String>,
    /// Only this action: `get_session`, `delete_store` …
    action: Option<String>,
    /// Only those before this one: the `next_before` of the answer before.
    #[param(minimum = 1)]
    before: Option<i64>,
    /// At most so many: 1 to 500, 100 when left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

impl AuditQuery {
    /// The filter.
    pub(crate) fn read(self) -> Result<AuditFilter, Error> {
        let unfit = |what: &str| Error::new(Code::InvalidValue, what);
        let store = self.store.as_deref().map(MerchantUid::parse).transpose();
        let store = store.map_err(|error| Error::new(Code::InvalidValue, error.0))?;
        let actor = self.actor.as_deref().map(actor).transpose().map_err(unfit)?;
        if self.before.is_some_and(|before| before < 1) {
            return Err(unfit("before is the next_before of the answer before."));
        }
        let limit = self.limit.unwrap_or(100);
        if !(1..=500).contains(&limit) {
            return Err(unfit("limit is 1 to 500."));
        }
        Ok(AuditFilter { store, actor, action: self.action, before: self.before, limit })
    }
}

/// Reads an actor as it is asked for.
pub(crate) fn actor(text: &str) -> Result<Actor, &'static str> {
    let (kind, id) = text.split_once(':').unwrap_or((text, ""));
    Actor::from_parts(kind, id.to_owned())
        .filter(|actor| id.is_empty() == matches!(actor, Actor::Anonymous))
        .ok_or("actor is api_key:ID, user:ID, command_line:NAME or anonymous.")
}

/// Something that was done.
#[derive(Serialize, ToSchema)]
pub struct AuditView {
    /// Counts up.
    sequence: i64,
    /// When; the last time where it was done several times.
    at: Timestamp,
    /// Who.
    actor: ActorView,
    /// The operation's name, or the command's.
    action: String,
    /// The store that it was about.
    store: Option<String>,
    /// What else it was about: an id of a login, a key, an egress; the path of a call of the cabinet.
    subject: Option<String>,
    /// `ok`, the code of the problem, or the class of the status that the cabinet answered with.
    result: String,
    /// How often: reads of the same thing within a few seconds are one entry.
    times: u64,
    /// The (last) request.
    request_id: Option<String>,
}

/// Who acted.
#[derive(Serialize, ToSchema)]
pub struct ActorView {
    /// `api_key`, `user`, `command_line` or `anonymous`.
    kind: &'static str,
    /// The public part of the key, the user's id, or the operating system's user; empty for nobody.
    id: String,
}

impl From<&AuditEntry> for AuditView {
    fn from(entry: &AuditEntry) -> Self {
        let what = &entry.what;
        Self {
            sequence: entry.sequence,
            at: what.at,
            actor: ActorView { kind: what.actor.kind(), id: what.actor.id().to_owned() },
            action: what.action.clone(),
            store: what.store.as_ref().map(ToString::to_string),
            subject: what.subject.clone(),
            result: what.result.clone(),
            times: what.times,
            request_id: what.request_id.clone(),
        }
    }
}

/// Entries, newest first.
#[derive(Serialize, ToSchema)]
pub struct AuditPage {
    /// What was done before the cursor.
    entries: Vec<AuditView>,
    /// The `before` of the next call; nothing on the last page.
    next_before: Option<i64>,
}

impl AuditPage {
    /// A page of what was found when one more than it takes was asked for.
    pub(crate) fn new(found: &[AuditEntry], limit: u32) -> Self {
        let size = found.len().min(limit as usize);
        let page = &found[..size];
        let more = found.len() > size;
        Self {
            entries: page.iter().map(Into::into).collect(),
            next_before: page.last().filter(|_| more).map(|last| last.sequence),
        }
    }
}
