//! The browsers of one process: the farm and its engine, started when the configuration says, and the recipe's file looked after.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kaspi_auth_browser::{Farm, FarmSettings, Figures, ShardSpec, find_browser, is_root};
use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::egress::{EgressId, Route};
use kaspi_auth_core::error::{Code, Error};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::{Answer, Continuation};
use kaspi_auth_core::port::{At, BoxFuture, Engine, Finished, HolderSink, OpenRequest, Reply};
use kaspi_auth_core::session::{Cookie, NewSession};
use kaspi_auth_portal::{BrowserEngine, BrowserSettings, DirectEngine, PortalSettings, Recipe};
use parking_lot::Mutex;

use super::{Chain, FarmMetrics};
use crate::config::BrowserMode;
use crate::config::Config;

/// How often the recipe's file is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The browsers, asleep until they are needed unless the configuration has them warm.
pub struct Browser {
    farm: FarmSettings,
    portal: PortalSettings,
    settings: BrowserSettings,
    recipe_file: Option<PathBuf>,
    direct: Arc<DirectEngine>,
    holder: Arc<dyn HolderSink>,
    engine: Mutex<Option<Arc<BrowserEngine>>>,
    /// The ways out that pages are kept warm for.
    routes: Mutex<Vec<EgressId>>,
}

/// Why there are no browsers.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// The configuration wants them warm, and none is there.
    #[error(
        "browser.mode is warm and no Chromium was found: install one (Debian: chromium-headless-shell or chromium), name it in \
         browser.binary, or set browser.mode to on_demand"
    )]
    Missing,
    /// The recipe cannot be used.
    #[error("browser.recipe_file cannot be used: {0}")]
    Recipe(String),
}

impl Browser {
    /// The browsers that the configuration names; `None` when it names none or none is there. `routes` are the ways out that can
    /// be used now.
    ///
    /// # Errors
    /// They are wanted from the start and cannot be had; a recipe that cannot be read.
    pub fn new(
        config: &Config,
        portal: PortalSettings,
        direct: Arc<DirectEngine>,
        holder: Arc<dyn HolderSink>,
        routes: &[Route],
    ) -> Result<Option<Self>, BrowserError> {
        let browser = &config.browser;
        if browser.mode == BrowserMode::Off {
            return Ok(None);
        }
        let Some(shards) = shards(config) else {
            if browser.mode == BrowserMode::Warm {
                return Err(BrowserError::Missing);
            }
            tracing::info!("no Chromium was found: logins go by HTTP alone");
            return Ok(None);
        };
        let farm = FarmSettings {
            shards,
            min_warm: browser.min_warm,
            max_contexts: browser.max_contexts,
            warm_age: Duration::from_secs(browser.warm_age_seconds),
            running_per_shard: (browser.max_running > 0).then_some(browser.max_running),
            queue_limit: browser.max_queued,
            held_limit: browser.max_held,
            recycle_after_logins: browser.recycle_logins,
            recycle_after: Duration::from_hours(browser.recycle_hours),
            recycle_memory_mib: browser.recycle_memory_mib,
            command_timeout: Duration::from_secs(browser.command_timeout_seconds),
            page_timeout: Duration::from_secs(browser.page_timeout_seconds),
            ..FarmSettings::default()
        };
        let settings = BrowserSettings {
            open_timeout: Duration::from_secs(browser.queue_seconds),
            step_timeout: Duration::from_secs(browser.page_timeout_seconds),
            // A little longer than the challenge: the login expires first and says so.
            hold: Duration::try_from(config.logins.limits().input).unwrap_or_default()
                + Duration::from_mins(1),
            ..BrowserSettings::default()
        };
        let recipe_file = browser.recipe_file.clone();
        let engine = Mutex::new(None);
        let routes = Mutex::new(routes.iter().map(|route| route.id).collect());
        let this = Self { farm, portal, settings, recipe_file, direct, holder, engine, routes };
        this.recipe().map_err(BrowserError::Recipe)?;
        if browser.mode == BrowserMode::Warm {
            this.engine().map_err(|error| BrowserError::Recipe(error.detail().to_owned()))?;
        }
        Ok(Some(this))
    }

    fn recipe(&self) -> Result<Recipe, String> {
        match &self.recipe_file {
            Some(file) => Recipe::load(file).map_err(|error| Chain(&error).to_string()),
            None => Ok(Recipe::embedded()),
        }
    }

    /// The engine; its browsers start with the first call.
    ///
    /// # Errors
    /// `engine_unavailable`: the recipe cannot be used.
    pub fn engine(&self) -> Result<Arc<BrowserEngine>, Error> {
        let mut engine = self.engine.lock();
        if let Some(engine) = &*engine {
            return Ok(Arc::clone(engine));
        }
        let recipe = self.recipe().map_err(|problem| {
            Error::new(Code::EngineUnavailable, format!("The recipe cannot be used: {problem}. Mend it."))
        })?;
        let setup = recipe.page_setup(&self.portal, &self.settings)?;
        let farm = Farm::start(self.farm.clone(), setup, Arc::new(FarmMetrics::default()));
        if !self.routes.lock().contains(&EgressId::DIRECT) {
            // The farm begins with it, and must not load a page that way.
            farm.forget_route(EgressId::DIRECT);
        }
        let (direct, holder) = (Arc::clone(&self.direct), Arc::clone(&self.holder));
        let made = Arc::new(BrowserEngine::new(farm, direct, recipe, self.settings.clone(), holder));
        *engine = Some(Arc::clone(&made));
        Ok(made)
    }

    fn started(&self) -> Option<Arc<BrowserEngine>> {
        self.engine.lock().clone()
    }

    /// How the farm stands; `None` while it sleeps.
    pub fn figures(&self) -> Option<Figures> {
        self.started().map(|engine| engine.farm().figures())
    }

    /// Keeps pages warm for these ways out, where browsers run, and for no other: a way that is switched off or rests loads no
    /// page.
    pub fn keep_warm(&self, routes: &[Route]) {
        let mut kept = self.routes.lock();
        if let Some(engine) = self.started() {
            let gone = kept.iter().filter(|id| !routes.iter().any(|route| route.id == **id));
            gone.for_each(|id| engine.farm().forget_route(*id));
            engine.farm().keep_warm(routes);
        }
        *kept = routes.iter().map(|route| route.id).collect();
    }

    /// Reads the recipe's file again whenever it changes. One that cannot be used changes nothing and is told.
    pub async fn watch_recipe(&self) {
        let Some(file) = &self.recipe_file else { return std::future::pending().await };
        let mut seen = stamp(file).await;
        let mut beat = tokio::time::interval(LOOK);
        loop {
            beat.tick().await;
            let now = stamp(file).await;
            if now == seen || now.is_none() {
                continue;
            }
            seen = now;
            let Some(engine) = self.started() else { continue };
            match self.recipe() {
                Ok(recipe) => {
                    engine.set_recipe(recipe);
                    tracing::info!(file = %file.display(), "the recipe was read again");
                }
                Err(problem) => {
                    tracing::error!(file = %file.display(), problem, "the recipe cannot be used; the one before stays");
                }
            }
        }
    }

    /// Ends the browsers; logins that run have the grace to finish.
    pub async fn stop(&self, grace: Duration) {
        if let Some(engine) = self.started() {
            engine.farm().stop(grace).await;
        }
    }
}

/// When the file was last written, and how long it is.
async fn stamp(file: &std::path::Path) -> Option<(SystemTime, u64)> {
    let about = tokio::fs::metadata(file).await.ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// The browsers that the configuration names; `None` when there is none.
fn shards(config: &Config) -> Option<Vec<ShardSpec>> {
    let browser = &config.browser;
    let mut shards = Vec::new();
    if browser.shards > 0
        && let Some(binary) = find_browser(browser.binary.as_deref())
    {
        let no_sandbox = !browser.sandbox || is_root();
        let arguments = browser.arguments.clone();
        let local = ShardSpec::Local { binary, no_sandbox, arguments };
        shards.extend(std::iter::repeat_n(local, browser.shards));
    }
    let remote = browser.remote.iter().map(|remote| ShardSpec::Remote { endpoint: remote.endpoint.clone() });
    shards.extend(remote);
    for grid in &browser.grid {
        let credentials = grid.username.clone().zip(grid.password.clone());
        let capabilities = serde_json::Value::Object(grid.capabilities.clone());
        let spec = ShardSpec::Grid { url: grid.url.clone(), credentials, capabilities };
        shards.extend(std::iter::repeat_n(spec, grid.sessions));
    }
    (!shards.is_empty()).then_some(shards)
}

/// Every call wakes the browsers, but those that only let go.
impl Engine for Browser {
    fn open(&self, request: OpenRequest) -> BoxFuture<'_, Result<Continuation, Error>> {
        Box::pin(async move { self.engine()?.open(request).await })
    }

    fn submit<'a>(&'a self, at: At, credentials: &'a Credentials) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move { self.engine()?.submit(at, credentials).await })
    }

    fn answer<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
        answer: &'a Answer,
    ) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move { self.engine()?.answer(at, credentials, answer).await })
    }

    fn resend<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Continuation, Error>> {
        Box::pin(async move { self.engine()?.resend(at, credentials).await })
    }

    fn finish<'a>(
        &'a self,
        at: At,
        merchant: Option<&'a MerchantUid>,
    ) -> BoxFuture<'a, Result<Finished, Error>> {
        Box::pin(async move { self.engine()?.finish(at, merchant).await })
    }

    fn renew<'a>(
        &'a self,
        route: &'a Route,
        cookies: &'a [Cookie],
        merchant: &'a MerchantUid,
    ) -> BoxFuture<'a, Result<NewSession, Error>> {
        self.direct.renew(route, cookies, merchant)
    }

    fn watch(&self, at: At) -> BoxFuture<'_, Result<Reply, Error>> {
        Box::pin(async move { self.engine()?.watch(at).await })
    }

    fn give_up(&self, at: At) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(engine) = self.started() {
                engine.give_up(at).await;
            }
        })
    }
}
