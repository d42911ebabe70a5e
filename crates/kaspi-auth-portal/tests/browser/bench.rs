//! A sandbox with both engines, sinks that remember, and a person who answers what is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaspi_auth_browser::{Farm, FarmNews, FarmObserver, FarmSettings, PageSetup, ShardSpec, find_browser};
use kaspi_auth_core::Error;
use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::evidence::Evidence;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::login::{Answer, Continuation};
use kaspi_auth_core::port::{
    At, BoxFuture, Device, Engine, EvidenceSink, Finished, HolderSink, OpenRequest, Reply, ShapeSink,
};
use kaspi_auth_portal::{BrowserEngine, BrowserSettings, DirectEngine, PortalSettings, Recipe};
use kaspi_sandbox::{Control, Counters, Knobs, Options, Sandbox};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::harness::{Noon, settings};

/// What the engines told their sinks.
#[derive(Default)]
pub struct Told {
    pub evidence: Mutex<Vec<(LoginId, Evidence)>>,
    pub shapes: Mutex<BTreeMap<String, String>>,
    pub lost: Mutex<Vec<LoginId>>,
    pub news: Mutex<Vec<FarmNews>>,
}

impl EvidenceSink for Told {
    fn keep(&self, login: LoginId, evidence: Evidence) -> BoxFuture<'_, ()> {
        self.evidence.lock().unwrap().push((login, evidence));
        Box::pin(std::future::ready(()))
    }
}

impl ShapeSink for Told {
    fn seen(&self, step: &str, shape: &str) {
        self.shapes.lock().unwrap().insert(step.to_owned(), shape.to_owned());
    }
}

impl HolderSink for Told {
    fn lost(&self, login: LoginId) {
        self.lost.lock().unwrap().push(login);
    }
}

impl FarmObserver for Told {
    fn told(&self, what: FarmNews) {
        self.news.lock().unwrap().push(what);
    }
}

impl Told {
    pub fn last_evidence(&self) -> Evidence {
        self.evidence.lock().unwrap().last().expect("evidence was kept").1.clone()
    }

    pub fn shape(&self, step: &str) -> Option<String> {
        self.shapes.lock().unwrap().get(step).cloned()
    }
}

/// What a test wants of its bench.
pub struct Wish {
    pub knobs: Knobs,
    pub recipe: Recipe,
    pub shards: usize,
    /// Instead of the first that is found.
    pub binary: Option<PathBuf>,
    pub held_limit: usize,
    pub min_warm: usize,
    pub settings: BrowserSettings,
    pub page_timeout: Duration,
    pub command_timeout: Duration,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            knobs: Knobs::default(),
            recipe: Recipe::embedded(),
            shards: 1,
            binary: None,
            held_limit: 16,
            min_warm: 1,
            settings: BrowserSettings { step_timeout: Duration::from_secs(15), ..BrowserSettings::default() },
            page_timeout: Duration::from_secs(20),
            command_timeout: Duration::from_secs(10),
        }
    }
}

/// A sandbox, a farm of its own, and both engines.
pub struct Bench {
    pub sandbox: Sandbox,
    pub browser: Arc<BrowserEngine>,
    pub direct: Arc<DirectEngine>,
    pub told: Arc<Told>,
    pub folder: TempDir,
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Wish)) -> Self {
        let mut wish = Wish::default();
        change(&mut wish);
        let listen = ([127, 0, 0, 1], 0).into();
        let knobs = std::mem::take(&mut wish.knobs);
        let sandbox = Sandbox::start(Options { listen, knobs, ..Options::default() }).await.unwrap();
        let portal = settings(&sandbox);
        let (browser, direct, told, folder) = engines(portal, wish);
        Self { sandbox, browser, direct, told, folder }
    }

    pub fn control(&self) -> Control {
        self.sandbox.control()
    }

    pub fn counters(&self) -> Counters {
        self.sandbox.control().counters()
    }

    /// The newest code that was sent to the account.
    pub fn code(&self, who: &Credentials) -> Answer {
        let to = crate::harness::form(who);
        let code = self.control().inbox(Some(&to)).last().and_then(|message| message.code.clone());
        Answer::code(&code.expect("a code was sent")).unwrap()
    }

    /// Ends the farm, and finds that nothing of it is left.
    pub async fn leaves_nothing(&self) {
        assert_eq!(self.browser.held(), 0, "no login holds a page");
        self.browser.farm().stop(Duration::from_secs(5)).await;
        until("all browsers have ended", || self.browsers().is_empty()).await;
        until("all profiles are gone", || profiles(self.folder.path()) == 0).await;
    }

    /// The browsers of this bench, by their profile folders.
    pub fn browsers(&self) -> Vec<u32> {
        processes(&|command| {
            command.contains(self.folder.path().to_str().unwrap()) && !command.contains("--type=")
        })
    }

    /// The renderers of this bench's browsers.
    pub fn renderers(&self) -> Vec<u32> {
        let mut family = self.browsers();
        let all = processes(&|_| true);
        loop {
            let more: Vec<u32> = all
                .iter()
                .copied()
                .filter(|pid| {
                    !family.contains(pid) && parent(*pid).is_some_and(|parent| family.contains(&parent))
                })
                .collect();
            if more.is_empty() {
                break;
            }
            family.extend(more);
        }
        let renderers = processes(&|command| command.contains("--type=renderer"));
        renderers.into_iter().filter(|pid| family.contains(pid)).collect()
    }
}

/// A farm and both engines for a portal.
pub fn engines(
    mut portal: PortalSettings,
    wish: Wish,
) -> (Arc<BrowserEngine>, Arc<DirectEngine>, Arc<Told>, TempDir) {
    let told = Arc::new(Told::default());
    let folder = tempfile::tempdir().unwrap();
    portal.evidence = Some(Arc::clone(&told) as _);
    portal.shapes = Some(Arc::clone(&told) as _);
    let setup: PageSetup = wish.recipe.page_setup(&portal, &wish.settings).unwrap();
    let direct = Arc::new(DirectEngine::new(portal, Arc::new(Noon)).unwrap());
    let farm_settings = FarmSettings {
        shards: vec![local(wish.binary); wish.shards],
        held_limit: wish.held_limit,
        min_warm: wish.min_warm,
        page_timeout: wish.page_timeout,
        command_timeout: wish.command_timeout,
        work_dir: folder.path().to_owned(),
        ..FarmSettings::default()
    };
    let farm = Farm::start(farm_settings, setup, Arc::clone(&told) as _);
    let holder = Arc::clone(&told) as Arc<dyn HolderSink>;
    let browser = BrowserEngine::new(farm, Arc::clone(&direct), wish.recipe, wish.settings, holder);
    (Arc::new(browser), direct, told, folder)
}

fn local(binary: Option<PathBuf>) -> ShardSpec {
    let found = binary.or_else(|| find_browser(None));
    let binary = found.expect("Chromium is installed: apt-get install chromium-headless-shell");
    ShardSpec::Local { binary, no_sandbox: true, arguments: Vec::new() }
}

/// Processes of this machine whose command line fits.
fn processes(fits: &dyn Fn(&str) -> bool) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        fits(&String::from_utf8_lossy(&command).replace('\0', " "))
    })
    .collect()
}

fn profiles(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Ends a process of this test's own.
pub fn kill(pid: u32) {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    let mut often = tokio::time::interval(Duration::from_millis(5));
    while !holds() {
        assert!(Instant::now() < end, "in 20 s it did not come to this: {what}");
        often.tick().await;
    }
}

/// One login of one engine.
pub struct Visit<'a> {
    pub engine: &'a dyn Engine,
    pub who: Credentials,
    pub login: LoginId,
}

static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

impl<'a> Visit<'a> {
    pub fn new(engine: &'a dyn Engine, who: &Credentials) -> Self {
        let number = LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { engine, who: who.clone(), login: LoginId(uuid::Uuid::from_u64_pair(7, number)) }
    }

    pub fn at(&self, continuation: Continuation) -> At {
        At { login: self.login, route: Route::direct(), continuation }
    }

    pub async fn open(&self, device: Option<Device>) -> Result<At, Error> {
        let account = self.who.account().clone();
        let request =
            OpenRequest { login: self.login, user_id: None, account, device, route: Route::direct() };
        self.engine.open(request).await.map(|continuation| self.at(continuation))
    }

    pub async fn submit(&self) -> Result<Reply, Error> {
        let at = self.open(None).await?;
        self.engine.submit(at, &self.who).await
    }

    pub async fn answer(&self, at: At, answer: &Answer) -> Result<Reply, Error> {
        self.engine.answer(at, &self.who, answer).await
    }

    /// Signs in, answering what is asked with the sandbox's codes and the last merchant; tells what happened, line by line.
    pub async fn whole(&self, bench: &Bench, device: Option<Device>) -> (Vec<String>, Option<Finished>) {
        let mut story = Vec::new();
        let result = self.tell(bench, device, &mut story).await;
        match result {
            Ok(finished) => (story, Some(finished)),
            Err(error) => {
                // To the minute: the portal counts the seconds that a slower engine takes.
                let when = error.retry_at().map(|at| at.round(jiff::Unit::Minute).unwrap().to_string());
                let when = when.unwrap_or_default();
                story.push(format!(
                    "{} {} {when}",
                    error.code().as_str(),
                    error.portal_message().unwrap_or("-")
                ));
                (story, None)
            }
        }
    }

    async fn tell(
        &self,
        bench: &Bench,
        device: Option<Device>,
        story: &mut Vec<String>,
    ) -> Result<Finished, Error> {
        let at = self.open(device).await?;
        let mut reply = self.engine.submit(at, &self.who).await?;
        let at = loop {
            reply = match reply {
                Reply::Accepted(at) => break self.at(at),
                Reply::CodeSent { channel, destination_masked, continuation } => {
                    story.push(format!("{channel:?} code to {destination_masked}"));
                    self.answer(self.at(continuation), &bench.code(&self.who)).await?
                }
                Reply::MerchantAsked { merchants, continuation } => {
                    story.push(format!("which of {merchants:?}"));
                    let last = merchants.last().unwrap().uid.clone();
                    self.answer(self.at(continuation), &Answer::Merchant(last)).await?
                }
                other => panic!("unforeseen: {other:?}"),
            };
        };
        story.push("accepted".to_owned());
        let mut finished = self.engine.finish(at, None).await?;
        if let Finished::SeveralMerchants { merchants, continuation } = finished {
            story.push(format!("several: {merchants:?}"));
            let last = merchants.last().unwrap().uid.clone();
            finished = self.engine.finish(self.at(continuation), Some(&last)).await?;
        }
        if let Finished::Session { session, .. } = &finished {
            story.push(format!("session of {:?}", session.merchant));
            let mut names: Vec<String> = session
                .cookies
                .iter()
                // Set by the page's script.
                .filter(|cookie| cookie.name != "ms_proof")
                .map(|cookie| {
                    format!(
                        "{} {} {} {} {:?}",
                        cookie.name, cookie.domain, cookie.path, cookie.http_only, cookie.same_site
                    )
                })
                .collect();
            names.sort();
            story.push(names.join("\n"));
        }
        Ok(finished)
    }
}
