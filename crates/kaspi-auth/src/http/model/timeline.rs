//! What happened to a store, on the wire.

use jiff::Timestamp;
use kaspi_auth_core::timeline::{Act, Entry};
use kaspi_auth_core::{Code, Error};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which part of a timeline.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// Only what came before this: the `next_before` of the answer before. From the newest when left out.
    #[param(minimum = 1)]
    before: Option<i64>,
    /// At most so many: 1 to 500, 100 when left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

impl TimelineQuery {
    /// The cursor and the limit.
    pub(crate) fn read(&self) -> Result<(Option<i64>, u32), Error> {
        if self.before.is_some_and(|before| before < 1) {
            return Err(Error::new(Code::InvalidValue, "before is the next_before of the answer before."));
        }
        Ok((self.before, super::limit(self.limit, 100)?))
    }
}

/// Something that happened to a store. What happens several times in a row in the same way is one entry.
#[derive(Serialize, ToSchema)]
pub struct EntryView {
    /// Counts up.
    sequence: i64,
    /// When it ended; of several, the last.
    at: Timestamp,
    /// Of several, when the first ended.
    first_at: Timestamp,
    /// How often in a row.
    times: u32,
    /// `login`, `refresh`, `probe` (the cabinet was asked), `report` (a consumer told), `import` (taken over by `kaspi-auth import`).
    act: &'static str,
    /// Who set it going: `caller` or `automatic`.
    origin: &'static str,
    /// Of a refresh, the way that was tried last: `silent`, `password`, `code_source`, `person`.
    rung: Option<&'static str>,
    /// Where the store stood before: `alive`, `dead`, `unknown`, `needs_reauth`, `none`.
    before: String,
    /// Where it stood after.
    after: String,
    /// The session's generation after.
    generation: i64,
    /// How long it took, in milliseconds.
    took_ms: i64,
    /// What it failed with: the code of an error.
    code: Option<&'static str>,
    /// Why, in words; may be empty.
    reason: String,
    /// The login that did it.
    login_id: Option<Uuid>,
}

impl From<&Entry> for EntryView {
    fn from(entry: &Entry) -> Self {
        let what = &entry.what;
        Self {
            sequence: entry.sequence,
            at: what.at,
            first_at: entry.first_at,
            times: entry.times,
            act: Act::as_str(what.act),
            origin: what.origin.as_str(),
            rung: what.rung.map(kaspi_auth_core::keeping::Rung::as_str),
            before: what.before.clone(),
            after: what.after.clone(),
            generation: what.generation,
            took_ms: i64::try_from(what.took.as_millis()).unwrap_or(i64::MAX),
            code: what.code.map(Code::as_str),
            reason: what.reason.clone(),
            login_id: what.login.map(|login| login.0),
        }
    }
}

/// What happened to a store, newest first.
#[derive(Serialize, ToSchema)]
pub struct TimelinePage {
    /// What happened.
    entries: Vec<EntryView>,
    /// The `before` of the next call; null when there is nothing older.
    next_before: Option<i64>,
}

impl TimelinePage {
    /// Of what was found, one more than the page takes if there are more.
    pub(crate) fn new(found: &[Entry], limit: u32) -> Self {
        let (page, more) = super::page_of(found, limit);
        Self {
            entries: page.iter().map(Into::into).collect(),
            next_before: page.last().filter(|_| more).map(|entry| entry.sequence),
        }
    }
}
