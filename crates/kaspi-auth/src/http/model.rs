//! The wire types of the API. They are not the domain's types: what is stored can change without changing the API.

mod login;
mod session;
mod store;

pub(super) use login::{AnswerBody, ErrorView, LoginView, NewLoginBody};
pub(super) use session::{SessionView, ValidationView};
pub(super) use store::{PointView, StoreChangeBody, StorePage, StoreQuery, StoreView};
