//! A portal, a database and the service on it, all of one test. It fails a test that leaves logins running or files lying.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kaspi_auth::config::BrowserMode;
use kaspi_auth::config::Config;
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::port::Clock;
use kaspi_sandbox::{AccountSpec, Control, Options, Sandbox};

use super::client::{Client, url};
use super::clock::TestClock;
use super::database::{Database, Kind};
use super::node::Node;
use super::wait::eventually;

/// Everything that one test needs.
pub struct World {
    pub portal: Control,
    pub clock: Arc<TestClock>,
    pub database: Database,
    pub config: Config,
    /// Calls with every right.
    pub admin: Client,
    sandbox: Option<Sandbox>,
    node: Option<Node>,
    cleared: bool,
}

impl World {
    /// Runs a test in a world of its own and clears it away.
    pub async fn prove(kind: Kind, test: impl AsyncFnOnce(&World)) {
        Self::prove_with(kind, |_| {}, test).await;
    }

    /// As [`World::prove`], in a database that something else has used before.
    pub async fn prove_on(kind: Kind, before: &str, test: impl AsyncFnOnce(&World)) {
        let database = Database::new(kind).await;
        database.execute(before).await;
        let world = Self::start(database, |_| {}).await;
        test(&world).await;
        world.clear().await;
    }

    /// As [`World::prove`], with other settings.
    pub async fn prove_with(kind: Kind, change: impl FnOnce(&mut Config), test: impl AsyncFnOnce(&World)) {
        let world = Self::start(Database::new(kind).await, change).await;
        test(&world).await;
        world.clear().await;
    }

    /// Starts a world. It must be cleared.
    async fn start(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let sandbox = start_sandbox().await;
        let mut config = settings(&sandbox, database.url());
        change(&mut config);
        config.check().unwrap();
        let clock = Arc::new(TestClock::default());
        let node = Node::start(&config, Arc::clone(&clock) as Arc<dyn Clock>, false).await;
        let admin = node.client(&[Scope::Admin]).await;
        let portal = sandbox.control();
        Self {
            portal,
            clock,
            database,
            config,
            admin,
            sandbox: Some(sandbox),
            node: Some(node),
            cleared: false,
        }
    }

    /// Another service on the same database and portal, with the passes in the background. It must be stopped.
    pub async fn second_node(&self) -> Node {
        Node::start(&self.config, Arc::clone(&self.clock) as Arc<dyn Clock>, true).await
    }

    /// The service.
    pub fn node(&self) -> &Node {
        self.node.as_ref().unwrap()
    }

    /// Moves the time forward, here and at the portal.
    pub fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
        self.portal.advance_clock(by.unsigned_abs());
    }

    /// Adds an account with one merchant and answers its e-mail.
    pub fn account(&self, name: &str, uid: &str) -> String {
        let email = format!("{name}@shop.test");
        self.portal.add_account(AccountSpec::email(&email).merchant(uid));
        email
    }

    /// Adds an account with one merchant and signs in to it.
    pub async fn store(&self, name: &str, uid: &str) -> String {
        let email = self.account(name, uid);
        self.admin.sign_in_as(&email, super::PASSWORD).await.stands("succeeded");
        email
    }

    /// The code that was sent last to an e-mail or a phone.
    #[track_caller]
    pub fn code(&self, to: &str) -> String {
        let sent = self.portal.inbox(Some(to)).pop().and_then(|message| message.code);
        sent.unwrap_or_else(|| panic!("no code was sent to {to}"))
    }

    /// How many passwords the portal has seen.
    pub fn passwords(&self) -> u64 {
        self.portal.counters().passwords
    }

    /// How many codes the portal has sent.
    pub fn codes(&self) -> u64 {
        let sent = self.portal.counters().codes_sent;
        sent.email + sent.sms
    }

    /// How many bodies the portal's login endpoint has got: phones, passwords, codes, choices.
    pub fn posts(&self) -> u64 {
        self.portal.counters().calls_to("POST", "login", "/api/p/login")
    }

    /// Where the portal listens.
    pub fn portal_address(&self) -> std::net::SocketAddr {
        self.sandbox.as_ref().unwrap().addr()
    }

    /// Opens the cabinet as any client would, with a `Cookie` header. Answers the status and the body.
    pub async fn open_cabinet(&self, cookie_header: &str) -> (u16, String) {
        let origins = self.sandbox.as_ref().unwrap().origins();
        let cabinet = url(&origins.cabinet);
        let addr = self.sandbox.as_ref().unwrap().addr();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
        let http = http.resolve(cabinet.host_str().unwrap(), addr).build().unwrap();
        let request = http.get(cabinet.join("/s/m").unwrap()).header("cookie", cookie_header);
        let response = request.header("x-auth-version", "3").send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Stops everything. Fails when something is left over.
    pub async fn clear(mut self) {
        self.node.take().unwrap().stop().await;
        self.sandbox.take().unwrap().stop().await;
        let left = eventually("no login holds a lease any more", async || {
            let count = self.database.count("kaspi_auth_logins where lease_until is not null").await;
            (count == 0).then_some(count)
        });
        left.await;
        assert_eq!(self.database.strangers(), Vec::<std::path::PathBuf>::new(), "files were left over");
        self.cleared = true;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(self.cleared || std::thread::panicking(), "the test did not clear its world");
    }
}

/// A sandbox on a port of its own.
pub async fn start_sandbox() -> Sandbox {
    let options = Options { listen: ([127, 0, 0, 1], 0).into(), ..Options::default() };
    Sandbox::start(options).await.unwrap()
}

/// The service's settings for a sandbox and a database.
pub fn settings(sandbox: &Sandbox, database_url: &str) -> Config {
    let mut config = Config::load(None).unwrap();
    let origins = sandbox.origins();
    config.database.url = database_url.to_owned().into();
    config.database.max_connections = 4;
    config.encryption.key = Some(super::encryption_key().into());
    config.encryption.key_file = None;
    config.portal.site_url = url(&origins.site);
    config.portal.login_url = url(&origins.login);
    config.portal.cabinet_url = url(&origins.cabinet);
    config.server.shutdown_grace_seconds = 5;
    // Most tests are about logins by HTTP; those about browsers switch them on.
    config.browser.mode = BrowserMode::Off;
    config
}
