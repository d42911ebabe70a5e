//! Events on the wire.

use jiff::Timestamp;
use kaspi_auth_core::event::{Happening, StoredEvent};
use kaspi_auth_core::{Code, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// Which events to read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Only those after this one: the `next_after` of the answer before. From the first when left out.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// At most so many: 1 to 500, 100 when left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

impl EventQuery {
    /// The cursor and the limit.
    pub(crate) fn read(&self) -> Result<(i64, u32), Error> {
        let unfit = |what: &str| Error::new(Code::InvalidValue, what);
        let (after, limit) = (self.after.unwrap_or(0), self.limit.unwrap_or(100));
        if after < 0 {
            return Err(unfit("after is the next_after of the answer before."));
        }
        if !(1..=500).contains(&limit) {
            return Err(unfit("limit is 1 to 500."));
        }
        Ok((after, limit))
    }
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub struct EventView {
    /// Counts up.
    sequence: i64,
    /// `egress.replaced`, `egress.resting` or `portal.changed`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// When it happened.
    at: Timestamp,
    /// What, by its type.
    #[schema(value_type = Object)]
    data: Value,
}

impl From<&StoredEvent> for EventView {
    fn from(event: &StoredEvent) -> Self {
        let data = match &event.happening {
            Happening::EgressReplaced { account, from, to, reason } => {
                json!({ "account_masked": account, "from_egress_id": from, "to_egress_id": to, "reason": reason })
            }
            Happening::EgressResting { egress, name, until } => {
                json!({ "egress_id": egress, "name": name, "rest_until": until })
            }
            Happening::PortalChanged { step, shape, before } => {
                json!({ "step": step, "shape": shape, "before": before })
            }
        };
        Self { sequence: event.sequence, kind: event.happening.name(), at: event.at, data }
    }
}

/// Events, oldest first.
#[derive(Serialize, ToSchema)]
pub struct EventPage {
    /// What happened after the cursor.
    events: Vec<EventView>,
    /// The `after` of the next call; it stays as it was when nothing is new.
    next_after: i64,
}

impl EventPage {
    pub(crate) fn new(events: &[StoredEvent], after: i64) -> Self {
        Self {
            events: events.iter().map(Into::into).collect(),
            next_after: events.last().map_or(after, |last| last.sequence),
        }
    }
}
