//! The wire types of the API. They are not the domain's types: what is stored can change without changing the API.

mod api_key;
mod audit;
mod batch;
mod calls;
mod egress;
mod event;
mod evidence;
mod explanation;
mod job;
mod login;
mod session;
mod store;
mod timeline;

use kaspi_auth_core::login::EngineChoice;
use kaspi_auth_core::{Code, Error};
use serde::{Deserialize, Deserializer};

pub(crate) use api_key::{ApiKeyList, ApiKeyView, CreatedApiKeyView, NewApiKeyBody};
pub(crate) use audit::{AuditPage, AuditQuery, actor};
pub(crate) use batch::{BatchBody, BatchStorePage, BatchStoreQuery, BatchStoreView, BatchView};
pub(crate) use calls::StoreCalls;
pub(crate) use egress::{EgressChangeBody, EgressList, EgressView, NewEgressBody, ProxyBody};
pub(crate) use event::{EventPage, EventQuery};
pub(crate) use evidence::{EvidenceQuery, EvidenceView, PageFixture};
pub(crate) use explanation::{ExplanationView, StoreDetailsView};
pub(crate) use job::{JobList, JobQuery, KINDS as JOB_KINDS};
pub(crate) use login::{AnswerBody, LoginView, NewLoginBody};
pub(crate) use session::{ReportBody, ReportView, SessionView, ValidationView};
pub(crate) use store::{StoreChangeBody, StorePage, StoreQuery, StoreView};
pub(crate) use timeline::{TimelinePage, TimelineQuery};

/// Tells `null` from "left out".
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads the name of an engine.
fn engine(name: &str) -> Result<EngineChoice, Error> {
    [EngineChoice::Auto, EngineChoice::Direct, EngineChoice::Browser]
        .into_iter()
        .find(|engine| engine.as_str() == name)
        .ok_or_else(|| Error::new(Code::InvalidValue, "engine is auto, direct or browser."))
}

/// How many a page has.
fn limit(asked: Option<u32>, default: u32) -> Result<u32, Error> {
    let limit = asked.unwrap_or(default);
    if (1..=500).contains(&limit) {
        Ok(limit)
    } else {
        Err(Error::new(Code::InvalidValue, "limit is 1 to 500."))
    }
}

/// The page, of what was found when one more than it takes was asked for, and whether there are more.
fn page_of<T>(found: &[T], limit: u32) -> (&[T], bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    (&found[..found.len().min(limit)], found.len() > limit)
}
