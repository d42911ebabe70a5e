//! One browser: what it is, the contexts made in it, and the way to it. Decides neither when it starts nor when it ends.

mod arguments;
mod door;
mod grid;
mod local;
mod page;
mod processes;

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use arguments::ARGUMENTS_FOR_ALL;
pub use door::Door;
use grid::Grid;
pub use local::{Graves, LocalBrowser, clear_dead_profiles};
pub use page::{Moving, Page, PageCore, Stage};
pub use processes::{Processes, own_folder_name};

use crate::{
    FarmError, FarmNews, FarmObserver, FarmSettings, PageSetup, RecycleReason, ShardId, ShardSpec,
    cdp::{Attached, Connection, over_socket},
};

/// How long a browser may take to say its first word.
const START: Duration = Duration::from_secs(20);

/// What a browser was told at its start, so that its pages need not be told again.
#[derive(Clone, PartialEq, Eq)]
pub struct Manners {
    accept_language: String,
    time_zone: String,
}

impl Manners {
    /// Those of a page.
    pub fn of(page: &PageSetup) -> Self {
        Self { accept_language: page.accept_language.clone(), time_zone: page.time_zone.clone() }
    }
}

/// What a shard lives in, and what must be ended with it.
pub enum Body {
    /// A process of ours.
    Local(Box<LocalBrowser>),
    /// Somebody else's.
    Remote,
    /// A session on a Grid.
    Grid(Box<grid::Session>),
}

impl Body {
    /// Waits until it ends by itself, and says how.
    pub async fn ended(&mut self) -> String {
        match self {
            Self::Local(browser) => browser.ended().await,
            Self::Grid(session) => session.ended().await,
            Self::Remote => std::future::pending().await,
        }
    }

    /// Ends it.
    pub async fn end(self) {
        match self {
            Self::Local(browser) => browser.end().await,
            Self::Grid(mut session) => session.give_back().await,
            Self::Remote => {}
        }
    }
}

/// A browser that is up.
pub struct Shard {
    /// Its name.
    pub id: ShardId,
    /// `local`, `remote` or `grid`.
    pub kind: &'static str,
    /// What it calls itself.
    pub product: String,
    /// The way to it.
    pub connection: Connection,
    /// Since when.
    pub started: Instant,
    /// Its process, when it is ours.
    pub process: Option<u32>,
    /// Something seems wrong: it should be looked at soon.
    pub suspect: Notify,
    /// Nobody else makes contexts in it.
    pub exclusive: bool,
    retires: watch::Sender<Option<RecycleReason>>,
    /// Its pages changed by themselves.
    pub nudge: Arc<Notify>,
    /// How long a page may take.
    pub page_timeout: Duration,
    /// It attaches us to targets as they are made, and lets them wait: only where nobody else uses the browser.
    pub attaches: bool,
    user_agent: String,
    manners: Option<Manners>,
    contexts: Mutex<HashSet<String>>,
    observer: Arc<dyn FarmObserver>,
}

impl Shard {
    /// Brings a browser up.
    ///
    /// # Errors
    ///
    /// [`FarmError::BrowserLost`] with what it said, [`FarmError::Hung`] when it says nothing.
    pub async fn open(
        id: ShardId,
        spec: &ShardSpec,
        settings: &FarmSettings,
        page: &PageSetup,
        observer: Arc<dyn FarmObserver>,
        nudge: Arc<Notify>,
        graves: &Graves,
    ) -> Result<(Arc<Self>, Body), FarmError> {
        let (connection, body, manners) = match spec {
            ShardSpec::Local { binary, no_sandbox, arguments } => {
                let manners = Manners::of(page);
                let launch =
                    local::Launch { binary, no_sandbox: *no_sandbox, arguments, page, settings, graves };
                let (connection, browser) = launch.start()?;
                (connection, Body::Local(Box::new(browser)), Some(manners))
            }
            ShardSpec::Remote { endpoint } => {
                (over_socket(endpoint, settings.command_timeout).await?, Body::Remote, None)
            }
            ShardSpec::Grid { url, credentials, capabilities } => {
                let session = Grid::new(url, credentials.as_ref())?.session(capabilities, page).await?;
                let connection = session.connect(settings.command_timeout).await?;
                (connection, Body::Grid(Box::new(session)), None)
            }
        };
        let version = connection.begin(None, "Browser.getVersion", json!({})).within(START).done().await;
        let (version, body) = match (version, body) {
            (Ok(version), body) => (version, body),
            (Err(error), Body::Local(browser)) => return Err(browser.why_not(error).await),
            (Err(error), Body::Remote | Body::Grid(_)) => return Err(error),
        };
        // The full browser now and then lets such a target wait for ever; the shell gains most by it.
        let is_shell =
            version["product"].as_str().is_some_and(|product| product.starts_with("HeadlessChrome/"));
        let attaches = is_shell && matches!(spec, ShardSpec::Local { .. });
        if attaches {
            let params = json!({
                "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true,
                "filter": [{"type": "page"}, {"exclude": true}],
            });
            connection.call(None, "Target.setAutoAttach", params).await?;
        }
        let text = |name: &str| version[name].as_str().unwrap_or_default().to_owned();
        let shard = Self {
            id,
            kind: spec.kind(),
            product: text("product"),
            connection,
            started: Instant::now(),
            process: if let Body::Local(browser) = &body { Some(browser.pid()) } else { None },
            suspect: Notify::new(),
            exclusive: !matches!(spec, ShardSpec::Remote { .. }),
            retires: watch::Sender::new(None),
            nudge,
            page_timeout: settings.page_timeout,
            attaches,
            user_agent: text("userAgent"),
            manners,
            contexts: Mutex::default(),
            observer,
        };
        Ok((Arc::new(shard), body))
    }

    /// Passes news on.
    pub fn tell(&self, what: FarmNews) {
        self.observer.told(what);
    }

    /// It is to retire. The first reason stays.
    pub fn retire(&self, reason: RecycleReason) {
        self.retires.send_if_modified(|retires| {
            let first = retires.is_none();
            *retires = retires.or(Some(reason));
            first
        });
    }

    /// Waits until it is to retire.
    pub async fn retires(&self) -> RecycleReason {
        let mut retires = self.retires.subscribe();
        let reason = retires.wait_for(Option::is_some).await.ok().and_then(|reason| *reason);
        reason.unwrap_or(RecycleReason::Age)
    }

    /// Whether it answers.
    pub async fn answers(&self, patience: Duration) -> Result<(), FarmError> {
        self.connection.begin(None, "Browser.getVersion", json!({})).within(patience).done().await.map(drop)
    }

    /// Makes a target and attaches to it.
    async fn new_target(&self, context: &str, params: Value) -> Result<Attached, FarmError> {
        let connection = &self.connection;
        let mut attached = connection.expect(context);
        let made = async {
            let made = connection.call(None, "Target.createTarget", params).await?;
            if !self.attaches {
                // The event that tells of it hands the session out, as where the browser attaches us.
                let attach = json!({"targetId": made["targetId"], "flatten": true});
                connection.call(None, "Target.attachToTarget", attach).await?;
            }
            Ok::<_, FarmError>(())
        };
        tokio::select! {
            biased;
            attached = &mut attached => attached.map_err(|_| connection.fate().unwrap_or(FarmError::PageCrashed)),
            made = made => {
                made?;
                let hung = |_| FarmError::Hung { what: "Target.setAutoAttach" };
                let attached = tokio::time::timeout(START, attached).await.map_err(hung)?;
                attached.map_err(|_| connection.fate().unwrap_or(FarmError::PageCrashed))
            }
        }
    }

    /// How many contexts of ours are in it.
    pub fn contexts(&self) -> usize {
        self.contexts.lock().len()
    }

    /// The contexts that the browser has and nobody owns.
    pub async fn strays(&self) -> Result<HashSet<String>, FarmError> {
        let answer = self.connection.call(None, "Target.getBrowserContexts", json!({})).await?;
        let owned = self.contexts.lock();
        let there = answer["browserContextIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(there.filter(|id| !owned.contains(*id)).map(ToOwned::to_owned).collect())
    }

    /// Disposes a context that nobody owns.
    pub fn dispose_stray(&self, context: &str) {
        drop(self.connection.begin(
            None,
            "Target.disposeBrowserContext",
            json!({"browserContextId": context}),
        ));
    }
}
