//! The wire types of the API. They are not the domain's types: what is stored can change without changing the API.

mod api_key;
mod egress;
mod event;
mod evidence;
mod login;
mod session;
mod store;

use kaspi_auth_core::login::EngineChoice;
use kaspi_auth_core::{Code, Error};
use serde::{Deserialize, Deserializer};

pub(crate) use api_key::{ApiKeyList, ApiKeyView, CreatedApiKeyView, NewApiKeyBody};
pub(crate) use egress::{EgressChangeBody, EgressList, EgressView, NewEgressBody, ProxyBody};
pub(crate) use event::{EventPage, EventQuery};
pub(crate) use evidence::{EvidenceQuery, EvidenceView, PageFixture};
pub(crate) use login::{AnswerBody, LoginView, NewLoginBody};
pub(crate) use session::{SessionView, ValidationView};
pub(crate) use store::{StoreChangeBody, StorePage, StoreQuery, StoreView};

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
