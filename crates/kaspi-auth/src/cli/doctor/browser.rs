//! The check of the browsers: found, which version, whether it starts, and whether a login goes through it, on the sandbox's page.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_browser::find_browser;
use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::port::{At, Engine as _, Finished, HolderSink, OpenRequest, Reply};
use kaspi_auth_core::{Code, Error};
use kaspi_auth_portal::{DirectEngine, PortalSettings};
use kaspi_sandbox::{Options, Sandbox};
use tokio::time::Instant;

use super::SharedClock;
use super::finding::Finding;
use crate::config::BrowserMode;
use crate::config::Config;
use crate::process::{Browser, Chain};

const NAME: &str = "browser";
/// An account of the sandbox that is let in without a code.
const ACCOUNT: &str = "plain@sandbox.test";
/// The longest that the whole check may take.
const PATIENCE: Duration = Duration::from_mins(1);
const INSTALL: &str =
    "install one (Debian: apt install chromium-headless-shell, or chromium), or name it in browser.binary";

/// Looks for the browsers and signs in to the sandbox with one that is launched here.
pub async fn check(config: &Config, clock: &SharedClock) -> Finding {
    let browser = &config.browser;
    if browser.mode == BrowserMode::Off {
        return Finding::ok(NAME, "switched off (browser.mode); logins go by HTTP alone");
    }
    let elsewhere = browser.remote.len() + browser.grid.iter().map(|grid| grid.sessions).sum::<usize>();
    if browser.shards == 0 {
        let found = format!("{elsewhere} elsewhere, which cannot reach a sandbox on this machine: not tried");
        return Finding::ok(NAME, found);
    }
    let Some(binary) = find_browser(browser.binary.as_deref()) else {
        let found = "no Chromium was found: logins that meet a wall cannot go on in a browser";
        return match browser.mode {
            BrowserMode::Warm => Finding::fail(NAME, found, INSTALL),
            _ => Finding::warn(NAME, found, INSTALL),
        };
    };
    match tokio::time::timeout(PATIENCE, sign_in(config, clock)).await {
        Ok(Ok(tried)) => Finding::ok(NAME, told(&binary, &tried, elsewhere)),
        Ok(Err(error)) => Finding::fail(
            NAME,
            format!("{}: {}", binary.display(), Chain(&error)),
            "see whether it starts by hand with --headless; as root or in a container it may need browser.sandbox = false",
        ),
        Err(_) => Finding::fail(
            NAME,
            format!("{} did not sign in to the sandbox within {} s", binary.display(), PATIENCE.as_secs()),
            "see what else this machine does: a browser needs about a core and 300 MiB",
        ),
    }
}

/// What the trial showed.
struct Tried {
    product: String,
    millis: u128,
}

fn told(binary: &Path, tried: &Tried, elsewhere: usize) -> String {
    let also = if elsewhere > 0 { format!("; {elsewhere} more elsewhere, not tried") } else { String::new() };
    let Tried { product, millis } = tried;
    format!("{} ({product}) starts and signs in to the sandbox's page in {millis} ms{also}", binary.display())
}

/// Signs in to a sandbox of its own, whatever portal the configuration names.
async fn sign_in(config: &Config, clock: &SharedClock) -> Result<Tried, Error> {
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let sandbox = Sandbox::start(Options { listen, ..Options::default() })
        .await
        .map_err(|error| Error::new(Code::Internal, "the sandbox cannot start").with_source(error))?;
    let tried = through(config, clock, &sandbox).await;
    sandbox.stop().await;
    tried
}

async fn through(config: &Config, clock: &SharedClock, sandbox: &Sandbox) -> Result<Tried, Error> {
    let origins = sandbox.origins();
    let url =
        |text: &str| url::Url::parse(text).map_err(|error| Error::of(Code::Internal).with_source(error));
    let portal = PortalSettings {
        site_url: url(&origins.site)?,
        login_url: url(&origins.login)?,
        cabinet_url: url(&origins.cabinet)?,
        ..PortalSettings::default()
    };
    let mut config = config.clone();
    config.browser.mode = BrowserMode::OnDemand;
    (config.browser.shards, config.browser.min_warm) = (1, 0);
    config.browser.remote.clear();
    config.browser.grid.clear();
    let direct = Arc::new(DirectEngine::new(portal.clone(), Arc::clone(clock))?);
    let browser = Browser::new(&config, portal, direct, Arc::new(Nobody), &[Route::direct()])
        .map_err(|error| Error::new(Code::EngineUnavailable, error.to_string()))?
        .ok_or(Code::EngineUnavailable)?;
    let started = Instant::now();
    let signed_in = login(&browser).await;
    let millis = started.elapsed().as_millis();
    let product = browser
        .figures()
        .and_then(|figures| figures.shards.first().map(|shard| shard.product.clone()))
        .unwrap_or_default();
    browser.stop(Duration::from_secs(2)).await;
    signed_in.map(|()| Tried { product, millis })
}

async fn login(browser: &Browser) -> Result<(), Error> {
    let credentials = Credentials::password(ACCOUNT, kaspi_sandbox::DEFAULT_PASSWORD.to_owned().into())
        .map_err(|error| Error::of(Code::Internal).with_source(error))?;
    let login = LoginId(uuid::Uuid::nil());
    let (account, route) = (credentials.account().clone(), Route::direct());
    let request = OpenRequest { login, user_id: None, account, device: None, route: route.clone() };
    let at = |continuation| At { login, route: route.clone(), continuation };
    let opened = browser.open(request).await?;
    let odd = |what: &str| Error::new(Code::PortalChanged, format!("the sandbox's page answered {what}"));
    match browser.submit(at(opened), &credentials).await? {
        Reply::Accepted(continuation) => match browser.finish(at(continuation), None).await? {
            Finished::Session { .. } => Ok(()),
            Finished::SeveralMerchants { .. } => Err(odd("with several merchants")),
        },
        _ => Err(odd("with something else than letting the account in")),
    }
}

/// Nobody waits for a page here.
struct Nobody;

impl HolderSink for Nobody {
    fn lost(&self, _login: LoginId) {}
}
