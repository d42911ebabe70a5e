//! A sandbox with a farm in front of it, and what tests ask of both. It must not outlive its test, nor decide anything.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kaspi_auth_browser::{
    Ask, Context, Farm, FarmError, FarmNews, FarmObserver, FarmSettings, PageEvent, PageSetup, ShardSpec,
    find_browser,
};
use kaspi_auth_core::egress::Route;
use kaspi_sandbox::{Options, Sandbox};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::Notify, time::Instant};
use url::Url;

/// Far more than anything takes.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// The password of every story account.
pub const PASSWORD: &str = "sandbox-password";

/// Reports what the page shows, whenever that changes.
const SCRIPT: &str = r"
let last = null;
const shows = () =>
    document.querySelector('nav.navbar') ? 'cabinet'
    : document.querySelector('input[name=security-code]') ? 'code'
    : document.querySelector('.is-danger') ? 'error'
    : document.querySelector('#password_field') ? 'password'
    : document.querySelector('#user_email_field') ? 'form' : null;
const look = () => {
    const now = shows();
    if (now !== null && now !== last) { last = now; report(JSON.stringify({shows: now})); }
};
new MutationObserver(look).observe(document, {childList: true, subtree: true, attributes: true});
look();
";

/// Fills a field as a person would and presses the button.
pub const FILL: &str = "function (selector, text) {
    const field = document.querySelector(selector);
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, text);
    field.dispatchEvent(new Event('input', {bubbles: true}));
    field.dispatchEvent(new Event('change', {bubbles: true}));
    document.querySelector('.button.is-primary').click();
}";

/// Remembers the farm's news.
#[derive(Default)]
pub struct News {
    heard: Mutex<Vec<FarmNews>>,
    more: Notify,
}

impl FarmObserver for News {
    fn told(&self, what: FarmNews) {
        self.heard.lock().push(what);
        self.more.notify_waiters();
    }
}

impl News {
    /// Waits until as many fit.
    pub async fn until(&self, count: usize, what: &str, fits: impl Fn(&FarmNews) -> bool) {
        let heard = async {
            loop {
                let more = self.more.notified();
                if self.count(&fits) >= count {
                    return;
                }
                more.await;
            }
        };
        let heard = tokio::time::timeout(PATIENCE, heard).await;
        assert!(heard.is_ok(), "never heard of {what}, but of {:#?}", self.heard.lock());
    }

    /// How many fit so far.
    pub fn count(&self, fits: impl Fn(&FarmNews) -> bool) -> usize {
        self.heard.lock().iter().filter(|news| fits(news)).count()
    }
}

/// A sandbox and a farm of one test.
pub struct Yard {
    pub farm: Farm,
    pub sandbox: Sandbox,
    pub news: Arc<News>,
    pub work_dir: TempDir,
    groups: Mutex<HashSet<u32>>,
}

/// The browsers of this machine: the shell and the full one.
pub fn browsers() -> Vec<PathBuf> {
    let found = ["chromium-headless-shell", "chromium"].map(|name| find_browser(Some(Path::new(name))));
    let found: Vec<PathBuf> = found.into_iter().flatten().collect();
    if found.is_empty() { find_browser(None).into_iter().collect() } else { found }
}

/// The leanest of them.
pub fn browser() -> PathBuf {
    browsers().into_iter().next().expect("a Chromium: install chromium or chromium-headless-shell")
}

/// A browser of this machine as a shard.
pub fn local(binary: PathBuf) -> ShardSpec {
    ShardSpec::Local { binary, no_sandbox: true, arguments: Vec::new() }
}

/// A farm of one shard with one warm page.
pub fn settings(work_dir: &Path) -> FarmSettings {
    FarmSettings {
        shards: vec![local(browser())],
        min_warm: 1,
        running_per_shard: Some(2),
        command_timeout: Duration::from_secs(8),
        page_timeout: Duration::from_secs(20),
        work_dir: work_dir.to_path_buf(),
        ..FarmSettings::default()
    }
}

/// The sandbox's login page.
pub fn page(url: &str) -> PageSetup {
    PageSetup {
        url: Url::parse(url).unwrap(),
        script: SCRIPT.to_owned(),
        world: "kaspi-auth".to_owned(),
        binding: "report".to_owned(),
        is_ready: Arc::new(|report| report.contains("form")),
        locale: "ru-KZ".to_owned(),
        accept_language: "ru-KZ,ru".to_owned(),
        time_zone: "Asia/Almaty".to_owned(),
        viewport: (1280, 800),
        user_agent: None,
        blocked_types: vec!["Image".to_owned(), "Font".to_owned(), "Media".to_owned()],
        blocked_urls: Vec::new(),
        read_paths: vec!["/api/".to_owned()],
    }
}

impl Yard {
    /// With changed settings and page.
    pub async fn with(settle: impl FnOnce(&mut FarmSettings, &mut PageSetup)) -> Self {
        let options = Options { listen: "127.0.0.1:0".parse().unwrap(), ..Options::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let work_dir = tempfile::tempdir().unwrap();
        let mut settings = settings(work_dir.path());
        let mut page = page(&format!("{}/login", sandbox.origins().login));
        settle(&mut settings, &mut page);
        let news = Arc::new(News::default());
        let farm = Farm::start(settings, page, news.clone());
        Self { farm, sandbox, news, work_dir, groups: Mutex::default() }
    }

    /// With one shard and its page warm.
    pub async fn ready(settle: impl FnOnce(&mut FarmSettings, &mut PageSetup)) -> Self {
        let yard = Self::with(settle).await;
        yard.warm().await;
        yard
    }

    /// Waits until the warm pages are there.
    pub async fn warm(&self) {
        if let Err(error) = self.farm.ready(soon()).await {
            panic!("not warm: {error}, {:?}, {:#?}", self.farm.figures(), self.news.heard.lock());
        }
    }

    /// A context for a tenant.
    pub async fn lease(&self, tenant: &str) -> Result<Context, FarmError> {
        self.farm.lease(ask(tenant)).await
    }

    /// Waits until the figures fit.
    pub async fn until(&self, what: &str, fits: impl Fn(&kaspi_auth_browser::Figures) -> bool) {
        let reached = tokio::time::timeout(PATIENCE, async {
            while !fits(&self.farm.figures()) {
                tokio::task::yield_now().await;
            }
        });
        assert!(reached.await.is_ok(), "never {what}: {:#?}", self.farm.figures());
    }

    /// The processes of all browsers of this farm.
    pub fn processes(&self) -> Vec<u32> {
        processes_below(self.work_dir.path(), &mut self.groups.lock())
    }

    /// Ends both. Nothing may be left.
    pub async fn end(self) {
        self.processes();
        self.farm.stop(Duration::from_secs(5)).await;
        assert_eq!(self.processes(), Vec::<u32>::new(), "processes are left");
        let folders: Vec<_> = fs::read_dir(self.work_dir.path()).into_iter().flatten().flatten().collect();
        assert!(folders.is_empty(), "profiles are left: {folders:?}");
        let opened = self.news.count(|news| matches!(news, FarmNews::ContextOpened { .. }));
        let closed = self.news.count(|news| matches!(news, FarmNews::ContextClosed { .. }));
        assert!(closed >= opened, "{opened} contexts were opened, {closed} closed");
        self.sandbox.stop().await;
    }
}

/// An ask on the direct way with much time.
pub fn ask(tenant: &str) -> Ask {
    Ask { tenant: tenant.to_owned(), route: Route::direct(), deadline: soon(), avoid: None }
}

/// Later than anything takes.
pub fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// The processes of browsers whose profiles are below a folder, and the groups that they form. A page's process hides its
/// environment: it is known by its group.
pub fn processes_below(folder: &Path, groups: &mut HashSet<u32>) -> Vec<u32> {
    let wanted = format!("TMPDIR={}", folder.to_str().unwrap());
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids: Vec<u32> = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let group = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
        let state = fields.next()?;
        fields.nth(1)?.parse::<u32>().ok().filter(|_| state != "Z")
    };
    groups.extend(pids.iter().filter_map(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        String::from_utf8_lossy(&environment).contains(&wanted).then(|| group(*pid)).flatten()
    }));
    pids.into_iter().filter(|pid| group(*pid).is_some_and(|group| groups.contains(&group))).collect()
}

/// Waits for a report of what the page shows.
pub async fn shows(context: &mut Context, what: &str) {
    let wanted = json!({"shows": what});
    until(context, what, |event| match event {
        PageEvent::Report(report) => {
            serde_json::from_str::<Value>(report).is_ok_and(|report| report == wanted)
        }
        _ => false,
    })
    .await;
}

/// Waits for an event. Navigations go on.
pub async fn until(context: &mut Context, what: &str, fits: impl Fn(&PageEvent) -> bool) -> PageEvent {
    let mut seen = Vec::new();
    loop {
        let event = tokio::time::timeout(PATIENCE, context.next()).await;
        let event = event.unwrap_or_else(|_| panic!("never {what}, but {seen:?}"));
        let event = event.unwrap_or_else(|error| panic!("{error} before {what}, after {seen:?}"));
        seen.push(format!("{event:?}"));
        if fits(&event) {
            return event;
        }
        if let PageEvent::Leaving { id, .. } = event {
            context.go_on(id).await.unwrap();
        }
    }
}

/// Signs in with a password.
pub async fn sign_in(context: &mut Context, email: &str) {
    context.call(FILL, &[json!("#user_email_field"), json!(email)]).await.unwrap();
    shows(context, "password").await;
    context.call(FILL, &[json!("#password_field"), json!(PASSWORD)]).await.unwrap();
    shows(context, "cabinet").await;
}
