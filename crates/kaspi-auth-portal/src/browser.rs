//! The browser engine: drives a login through the portal's own page in a real browser (CONTRACT, section 2).
//!
//! A login's page is held in this process under the login's id, and never shared with or reused by another. What the page looks
//! like is the recipe's to know; what the portal's answers mean is `wire`'s, as for the direct engine. A password leaves a page
//! once: before that, a page that dies is replaced; after that, the login fails and says so. We act openly for the account's
//! owner: nothing here hides that a browser is driven.

mod acts;
mod answer;
mod check;
mod finish;
mod open;
mod page;
mod proof;
mod reply;
mod report;
mod script;
mod seats;
mod settings;
mod submit;
mod trouble;
mod verdict;
mod watch;

use std::sync::Arc;

use kaspi_auth_browser::Farm;
use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::error::Error;
use kaspi_auth_core::id::{LoginId, MerchantUid};
use kaspi_auth_core::login::{Answer, Continuation};
use kaspi_auth_core::port::{At, BoxFuture, Engine, Finished, HolderSink, OpenRequest, Reply};
use kaspi_auth_core::session::{Cookie, NewSession};
use parking_lot::RwLock;
use serde_json::Value;

pub use self::check::{ElementCheck, PageCheck};
use self::seats::Seats;
pub use self::settings::BrowserSettings;
use crate::direct::DirectEngine;
use crate::recipe::Recipe;

/// Drives logins in browsers. Cheap to share.
pub struct BrowserEngine {
    farm: Farm,
    direct: Arc<DirectEngine>,
    recipe: RwLock<Arc<Recipe>>,
    settings: BrowserSettings,
    seats: Arc<Seats>,
}

impl BrowserEngine {
    /// An engine on a farm that keeps the page of [`Recipe::page_setup`] warm. `direct` finishes its logins over HTTP; `holder`
    /// is told when a page that waits for a person is lost.
    pub fn new(
        farm: Farm,
        direct: Arc<DirectEngine>,
        recipe: Recipe,
        settings: BrowserSettings,
        holder: Arc<dyn HolderSink>,
    ) -> Self {
        Self { farm, direct, recipe: RwLock::new(Arc::new(recipe)), settings, seats: Seats::new(holder) }
    }

    /// The farm.
    pub fn farm(&self) -> &Farm {
        &self.farm
    }

    /// Another recipe from now on. Logins under way keep theirs; pages that wait in the farm are made anew.
    pub fn set_recipe(&self, recipe: Recipe) {
        self.farm.set_page(recipe.setup(&self.direct.here().http.origins, &self.settings));
        *self.recipe.write() = Arc::new(recipe);
    }

    /// How many logins hold a page here.
    pub fn held(&self) -> usize {
        self.seats.count()
    }

    /// Calls a function declaration in the page of a login that waits for a person: the hook for whoever brings the person to the
    /// page. Arguments may be secrets and are not logged.
    ///
    /// # Errors
    /// `browser_lost`: no page of this login is held here, or it is gone. `internal`: the function fails.
    pub async fn act_in_page(
        &self,
        login: LoginId,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        self.seats.call(login, function, arguments).await
    }

    fn recipe(&self) -> Arc<Recipe> {
        Arc::clone(&self.recipe.read())
    }
}

impl Engine for BrowserEngine {
    fn open(&self, request: OpenRequest) -> BoxFuture<'_, Result<Continuation, Error>> {
        Box::pin(self.open_login(request))
    }

    fn submit<'a>(&'a self, at: At, credentials: &'a Credentials) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(self.submit_credentials(at, credentials))
    }

    fn answer<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
        answer: &'a Answer,
    ) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(self.submit_answer(at, credentials, answer))
    }

    fn resend<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Continuation, Error>> {
        Box::pin(self.ask_for_code(at, credentials))
    }

    fn finish<'a>(
        &'a self,
        at: At,
        merchant: Option<&'a MerchantUid>,
    ) -> BoxFuture<'a, Result<Finished, Error>> {
        Box::pin(self.finish_login(at, merchant))
    }

    /// Over HTTP: nothing of it needs a page.
    fn renew<'a>(
        &'a self,
        route: &'a Route,
        cookies: &'a [Cookie],
        merchant: &'a MerchantUid,
    ) -> BoxFuture<'a, Result<NewSession, Error>> {
        self.direct.renew(route, cookies, merchant)
    }

    fn watch(&self, at: At) -> BoxFuture<'_, Result<Reply, Error>> {
        Box::pin(self.watch_page(at))
    }

    fn give_up(&self, at: At) -> BoxFuture<'_, ()> {
        self.seats.give_up(at.login);
        Box::pin(std::future::ready(()))
    }
}
