//! The cabinet host (mc): its router, the session's cookie, CORS and the answers without a session (CONTRACT 3.1, 4).
//! It must not know passwords or codes: sessions come from the OAuth2 callback only.

mod catalogue;
mod cors;
mod entry;
mod graphql;
mod jobs;
mod merchants;
mod oauth;
mod offers;
mod orders;
mod others;
mod price;
mod users;

pub(crate) use self::{
    cors::Origin,
    entry::{enter, is_preflight},
};
use crate::world::World;
use axum::{
    Router,
    routing::{get, post},
};
use std::sync::Arc;

/// The paths of the cabinet host.
pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/oauth2/authorization/1", get(oauth::kick_off))
        .route(crate::login::authorize::CALLBACK, get(oauth::callback))
        .route("/s/m", get(merchants::list))
        .route("/mc/facade/graphql", post(graphql::answer))
        .route("/bff/offer-view/list", get(offers::list))
        .route("/bff/offer-view/details", get(offers::details))
        .route("/offers/api/v1/offer/details", post(offers::details_of_many))
        .route("/offers/api/v1/offer/settings", get(offers::settings))
        .route("/offers/api/v1/offer/export/trigger", get(jobs::trigger_export))
        .route("/offers/api/v1/offer/export/status", get(jobs::export_status))
        .route("/pricefeed/upload/merchant/process", post(price::push))
        .route("/pricefeed/upload/merchant/upload", post(jobs::upload_prices))
        .route("/pricefeed/protocol/merchant/file/{id}", get(jobs::price_protocol))
        .route("/user-assignments/api/v1/mc/users/registered", get(users::registered))
        .route("/user-assignments/api/v1/mc/users/add-email", post(users::add_email))
        .route("/mc/api/orderTabs/{tab}", get(orders::tab))
        .route("/mc/api/order/{code}", get(orders::order_by_code))
        .route("/mc/api/order/cargo/assembled", get(others::assembled).post(others::assembled))
        .route("/refund/api/v1/merchant-cabinet/load-refunds", get(others::refunds).post(others::refunds))
        .route("/price/trends/api/v1/mc/discount", get(others::discounts).post(others::discounts))
        .route("/content/pending/mc/product/{uid}/download", get(others::pending))
        .with_state(world)
}
