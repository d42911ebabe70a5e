//! The wire types of the API. They are not the domain's types: what is stored can change without changing the API.

mod api_key;
mod login;
mod session;
mod store;

pub(crate) use api_key::{ApiKeyList, ApiKeyView, CreatedApiKeyView, NewApiKeyBody};
pub(crate) use login::{AnswerBody, LoginView, NewLoginBody};
pub(crate) use session::{SessionView, ValidationView};
pub(crate) use store::{StoreChangeBody, StorePage, StoreQuery, StoreView};
