//! One page in a context of its own: how it is prepared, and its commands. What its events mean stands in `driver`, what
//! is let through in `filter`. Must not print an argument.

mod driver;
mod filter;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use super::{Door, Manners, Shard};
use crate::{
    CrashKind, FarmError, FarmNews, PageEvent, PageSetup,
    cdp::{Attached, Pending, SessionEvents},
};
pub use filter::Stage;

/// A page that is not ready after this is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(2);
/// How many events of a page wait for its login. A page that tells more without being listened to floods us.
const EVENTS: usize = 512;

/// A context of a browser. Dropped, it is disposed in the background.
struct Guard {
    shard: Arc<Shard>,
    id: String,
    disposed: AtomicBool,
}

impl Guard {
    /// Tells the browser to dispose it; only once.
    fn dispose(&self) -> Option<Pending> {
        if self.disposed.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.shard.contexts.lock().remove(&self.id);
        self.shard.tell(FarmNews::ContextClosed { shard: self.shard.id });
        let params = json!({"browserContextId": self.id});
        Some(self.shard.connection.begin(None, "Target.disposeBrowserContext", params))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.dispose());
    }
}

/// How the main frame is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moving {
    /// It stays.
    No,
    /// It waits for our word.
    Held,
    /// It goes on, since then.
    On(Instant),
}

/// What those who hold a page and those who watch over it share.
pub struct PageCore {
    /// Where it is.
    pub shard: Arc<Shard>,
    setup: Arc<PageSetup>,
    door: Door,
    context: Guard,
    session: String,
    /// The target, which is the main frame too.
    frame: String,
    /// The isolated world of the current document; 0 when it is not known.
    world: AtomicI64,
    stage: Mutex<Stage>,
    /// Whether the main frame is about to have another document. The page answers nothing then.
    moving: watch::Sender<Moving>,
    /// Navigations of ours that are on their way: they are not asked about.
    own: AtomicUsize,
    fate: watch::Sender<Option<FarmError>>,
}

/// A page whose script has said that it is ready.
pub struct Page {
    /// What others see of it.
    pub core: Arc<PageCore>,
    /// What happened since.
    pub events: mpsc::Receiver<PageEvent>,
    /// The report that made it ready.
    pub first_report: String,
    /// When that came.
    pub ready_at: Instant,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.core.kill(&FarmError::Stopped);
    }
}

impl Page {
    /// Makes a context on a way out, and loads the page in it.
    pub async fn prepare(shard: &Arc<Shard>, door: Door, setup: Arc<PageSetup>) -> Result<Self, FarmError> {
        let began = Instant::now();
        let until = began + shard.page_timeout;
        let (core, events) = PageCore::open(shard, door, setup).await?;
        let core = Arc::new(core);
        let (sender, receiver) = mpsc::channel(EVENTS);
        let (ready, is_ready) = oneshot::channel();
        tokio::spawn(driver::drive(core.clone(), events, sender, ready));
        // From here on the page disposes itself when it is dropped.
        let mut page = Self { core, events: receiver, first_report: String::new(), ready_at: began };
        let late = |_| FarmError::Page { what: "it was not ready in time".to_owned() };
        page.first_report = tokio::time::timeout_at(until, page.load(is_ready)).await.map_err(late)??;
        page.ready_at = Instant::now();
        shard.tell(FarmNews::ContextOpened { shard: shard.id, took: page.ready_at - began });
        Ok(page)
    }

    /// Waits for the report.
    async fn load(&self, ready: oneshot::Receiver<String>) -> Result<String, FarmError> {
        let core = &self.core;
        let loading = async {
            if core.shard.attaches {
                // The target has its address and waits: nothing happens in it before all of this stands.
                let commands = core.set_up();
                let run = core.begin("Runtime.runIfWaitingForDebugger", json!({}));
                for command in commands.into_iter().chain([run]) {
                    command.done().await?;
                }
            } else {
                for command in core.set_up() {
                    command.done().await?;
                }
                let navigate = core.begin("Page.navigate", json!({"url": core.setup.url.as_str()}));
                loaded(&navigate.within(core.shard.page_timeout).done().await?)?;
            }
            let report = core.first_report(ready).await?;
            core.enter(Stage::Ready).await?;
            Ok(report)
        };
        tokio::select! {
            report = loading => report.map_err(|error| core.fate().unwrap_or(error)),
            fate = core.lost() => Err(fate),
        }
    }
}

/// What `Page.navigate` answers.
fn loaded(answer: &Value) -> Result<(), FarmError> {
    match answer["errorText"].as_str() {
        None | Some("net::ERR_ABORTED") => Ok(()),
        Some(error) => Err(FarmError::Page { what: error.to_owned() }),
    }
}

impl PageCore {
    async fn open(
        shard: &Arc<Shard>,
        door: Door,
        setup: Arc<PageSetup>,
    ) -> Result<(Self, SessionEvents), FarmError> {
        let context = json!({
            "disposeOnDetach": true,
            "proxyServer": door.server,
            "proxyBypassList": door.server.as_ref().map(|_| "<-loopback>"),
        });
        let answer =
            shard.connection.call(None, "Target.createBrowserContext", without_nulls(context)).await?;
        let id = text(&answer, "browserContextId");
        shard.contexts.lock().insert(id.clone());
        let context = Guard { shard: shard.clone(), id, disposed: AtomicBool::new(false) };
        let (width, height) = setup.viewport;
        let url = if shard.attaches { setup.url.as_str() } else { "about:blank" };
        let target = json!({
            "url": url, "browserContextId": context.id, "width": width, "height": height,
        });
        let Attached { session, target: frame, events } = shard.new_target(&context.id, target).await?;
        let core = Self {
            shard: shard.clone(),
            setup,
            door,
            context,
            session,
            frame,
            world: AtomicI64::new(0),
            stage: Mutex::new(Stage::Loading),
            moving: watch::Sender::new(Moving::No),
            own: AtomicUsize::new(0),
            fate: watch::Sender::new(None),
        };
        Ok((core, events))
    }

    /// Everything that must stand before the first document, sent at once.
    fn set_up(&self) -> Vec<Pending> {
        let setup = &self.setup;
        let (width, height) = setup.viewport;
        // In frames of the page the script would report as if it were the page.
        let script = format!("if (window.top === window) {{\n{}\n}}", setup.script);
        let mut commands = vec![
            self.begin("Page.enable", json!({})),
            self.begin("Inspector.enable", json!({})),
            // Without it a binding is missing in documents that come later.
            self.begin("Runtime.enable", json!({})),
            self.begin(
                "Runtime.addBinding",
                json!({"name": setup.binding, "executionContextName": setup.world}),
            ),
            self.begin(
                "Page.addScriptToEvaluateOnNewDocument",
                json!({"source": script, "worldName": setup.world}),
            ),
            self.begin(
                "Emulation.setDeviceMetricsOverride",
                json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
            ),
            self.begin("Emulation.setFocusEmulationEnabled", json!({"enabled": true})),
            // Not every browser takes it from its arguments.
            self.begin("Emulation.setLocaleOverride", json!({"locale": setup.locale})),
        ];
        let knows_manners = self.shard.manners.as_ref() == Some(&Manners::of(setup));
        if !knows_manners {
            commands
                .push(self.begin("Emulation.setTimezoneOverride", json!({"timezoneId": setup.time_zone})));
        }
        if setup.user_agent.is_some() || !knows_manners {
            let agent = setup.user_agent.as_ref().unwrap_or(&self.shard.user_agent);
            let params = json!({"userAgent": agent, "acceptLanguage": setup.accept_language});
            commands.push(self.begin("Emulation.setUserAgentOverride", params));
        }
        commands.extend(self.filter(Stage::Loading));
        commands
    }

    /// Waits until the page is ready. A process that dies before the first document is there is not told of unasked.
    async fn first_report(&self, mut ready: oneshot::Receiver<String>) -> Result<String, FarmError> {
        loop {
            tokio::select! {
                biased;
                report = &mut ready => return report.map_err(|_| FarmError::PageCrashed),
                () = tokio::time::sleep(SILENCE) => drop(self.begin("Inspector.enable", json!({}))),
            }
        }
    }

    /// Sends a command to the page.
    pub fn begin(&self, method: &'static str, params: impl Serialize) -> Pending {
        self.shard.connection.begin(Some(&self.session), method, params)
    }

    /// Waits for an answer of the page, but no longer than the page lives. One that does not come ends the page.
    pub async fn finish(&self, pending: Pending) -> Result<Value, FarmError> {
        if let Some(fate) = self.fate() {
            return Err(fate);
        }
        let answer = tokio::select! {
            biased;
            answer = pending.done() => answer,
            fate = self.lost() => return Err(fate),
        };
        match answer {
            Err(FarmError::Hung { .. }) if self.moving() != Moving::No => {
                Err(FarmError::Page { what: "it is on its way to another document".to_owned() })
            }
            Err(error @ FarmError::Hung { .. }) => {
                self.hung(&error);
                Err(self.fate().unwrap_or(error))
            }
            Err(error) => Err(self.fate().unwrap_or(error)),
            Ok(answer) => Ok(answer),
        }
    }

    /// Sends a command to the page and waits for its answer.
    pub async fn call(&self, method: &'static str, params: impl Serialize) -> Result<Value, FarmError> {
        self.finish(self.begin(method, params)).await
    }

    /// Sends a command about the context to the browser and waits for its answer.
    pub async fn of_context(&self, method: &'static str, mut params: Value) -> Result<Value, FarmError> {
        params["browserContextId"] = json!(self.context.id);
        self.finish(self.shard.connection.begin(None, method, params)).await
    }

    /// The isolated world of the current document.
    pub async fn world(&self) -> Result<i64, FarmError> {
        let known = self.world.load(Ordering::Relaxed);
        if known != 0 {
            return Ok(known);
        }
        let params = json!({"frameId": self.frame, "worldName": self.setup.world});
        let answer = self.call("Page.createIsolatedWorld", params).await?;
        let world = answer["executionContextId"].as_i64().unwrap_or_default();
        self.world.store(world, Ordering::Relaxed);
        Ok(world)
    }

    /// The world is not that of the current document.
    pub fn forget_world(&self) {
        self.world.store(0, Ordering::Relaxed);
    }

    /// The page that is kept warm.
    pub fn home(&self) -> &url::Url {
        &self.setup.url
    }

    /// Goes somewhere without being asked.
    pub async fn navigate(&self, url: &str) -> Result<(), FarmError> {
        self.own.fetch_add(1, Ordering::Relaxed);
        let pending = self.begin("Page.navigate", json!({"url": url})).within(self.shard.page_timeout);
        let answer = self.finish(pending).await;
        self.own.fetch_sub(1, Ordering::Relaxed);
        if answer.as_ref().is_ok_and(|answer| answer.get("errorText").is_some()) {
            self.moves(Moving::No);
        }
        loaded(&answer?)
    }

    /// Whether it still answers. One that is under way does not, and has its time.
    pub async fn answers(&self, patience: Duration) -> Result<(), FarmError> {
        match self.moving() {
            Moving::No => {}
            Moving::On(since) if since.elapsed() > self.shard.page_timeout => {
                let error = FarmError::Hung { what: "Page.navigate" };
                self.hung(&error);
                return Err(error);
            }
            Moving::On(_) | Moving::Held => return Ok(()),
        }
        let pending = self.begin("Runtime.evaluate", json!({"expression": "0"})).within(patience);
        match self.finish(pending).await {
            // A page that is just leaving has answered, or is under way.
            Ok(_) | Err(FarmError::Protocol { .. } | FarmError::Page { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn moving(&self) -> Moving {
        *self.moving.borrow()
    }

    /// The main frame is under way, or no longer.
    pub fn moves(&self, moving: Moving) {
        self.moving.send_replace(moving);
    }

    /// Waits until it wants to leave and is held.
    pub async fn held(&self) {
        let mut moving = self.moving.subscribe();
        // The sender is ours: it does not go away.
        let _ = moving.wait_for(|moving| *moving == Moving::Held).await;
    }

    /// What became of it, if it is over.
    pub fn fate(&self) -> Option<FarmError> {
        self.fate.borrow().clone()
    }

    /// Waits until it is over.
    pub async fn lost(&self) -> FarmError {
        let mut fate = self.fate.subscribe();
        let fate = fate.wait_for(Option::is_some).await.ok().and_then(|fate| fate.clone());
        fate.unwrap_or(FarmError::PageCrashed)
    }

    /// Ends it for this reason, and disposes its context. The first reason stays.
    pub fn kill(&self, why: &FarmError) {
        self.doom(why);
        drop(self.context.dispose());
        self.shard.connection.forget(&self.session);
    }

    /// Ends it, and waits until the browser has disposed its context.
    pub async fn close(&self) {
        self.doom(&FarmError::Stopped);
        let disposing = self.context.dispose();
        if let Some(disposing) = disposing {
            // A browser that does not answer is the supervisor's affair.
            let _ = disposing.done().await;
        }
        self.shard.connection.forget(&self.session);
    }

    /// Settles what became of it.
    fn doom(&self, why: &FarmError) {
        let settled = self.fate.send_if_modified(|fate| {
            let first = fate.is_none();
            if first {
                *fate = Some(why.clone());
            }
            first
        });
        if settled && !matches!(why, FarmError::Stopped) {
            self.shard.nudge.notify_one();
        }
    }

    fn crashed(&self) {
        self.doom(&FarmError::PageCrashed);
        self.shard.tell(FarmNews::Crash { shard: self.shard.id, kind: CrashKind::Page });
    }

    fn hung(&self, error: &FarmError) {
        self.doom(error);
        self.shard.tell(FarmNews::Crash { shard: self.shard.id, kind: CrashKind::Hung });
        self.shard.suspect.notify_one();
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_default().to_owned()
}

fn without_nulls(mut params: Value) -> Value {
    if let Some(object) = params.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    params
}
