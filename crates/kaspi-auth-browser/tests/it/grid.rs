//! Browsers of a real Selenium Grid: a hub and two nodes on loopback, with the driver of this machine. Starts and ends its
//! own processes only.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{
    env, fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use kaspi_auth_browser::{Context, FarmError, FarmNews, ShardSpec};
use kaspi_auth_core::session::Cookie;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::harness::{FILL, PASSWORD, PATIENCE, Yard, shows, sign_in};

/// How long a look at the Grid is worth.
const GLANCE: Duration = Duration::from_millis(50);

/// A hub with its nodes. Fields drop in this order: processes before their folders.
struct Grid {
    url: Url,
    http: reqwest::Client,
    nodes: Vec<Server>,
    hub: Server,
    /// Where the parts of the Grid tell each other of events.
    events: String,
    folder: TempDir,
}

/// A process of the Grid, and all that it starts.
struct Server {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Server {
    /// Starts one with its configuration. What it and its children put into temporary files is below its folder.
    fn start(role: &str, port: u16, folder: PathBuf, config: &str) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("config.toml");
        fs::write(&file, config).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let jar = env::var("KASPI_AUTH_TEST_SELENIUM_JAR").expect(
            "KASPI_AUTH_TEST_SELENIUM_JAR: `cargo xtask test` brings the Selenium server and names it",
        );
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", &jar, role, "--config"]).arg(&file);
        java.env("TMPDIR", &folder).process_group(0);
        let process = java.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        Self { process: process.expect("java: install openjdk-17-jre-headless"), port, folder }
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// As when the machine loses its power: the server, its drivers and its browsers, without a word.
    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        loop {
            let left = processes_of(&self.folder);
            if left.is_empty() {
                return;
            }
            let pids = left.iter().map(u32::to_string);
            let _ = Command::new("kill").arg("-9").args(pids).stderr(Stdio::null()).status();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Grid {
    /// A hub without nodes.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [port, publish, subscribe] = free_ports();
        let events = format!(
            "[events]\npublish = \"tcp://127.0.0.1:{publish}\"\nsubscribe = \"tcp://127.0.0.1:{subscribe}\"\n"
        );
        let config =
            format!("{}{events}bind = true\n[distributor]\nhealthcheck-interval = 10\n", listens(port));
        let hub = Server::start("hub", port, folder.path().join("hub"), &config);
        let url = Url::parse(&hub.address()).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url, http, nodes: Vec::new(), hub, events, folder }
    }

    /// One more node, for so many browsers at once. It is there when the Grid says so.
    fn add_node(&mut self, browsers: usize) {
        let [port] = free_ports();
        let stereotype = json!({
            "browserName": "chrome", "goog:chromeOptions": {"binary": program("CHROMIUM", "chromium")},
        });
        let config = format!(
            "{}{}[node]\nhub = \"{}\"\ndetect-drivers = false\nselenium-manager = false\n\
             max-sessions = {browsers}\noverride-max-sessions = true\nsession-timeout = 60\nheartbeat-period = 2\n\
             [[node.driver-configuration]]\ndisplay-name = \"chromium\"\nmax-sessions = {browsers}\n\
             webdriver-executable = \"{}\"\nstereotype = '{stereotype}'\n",
            listens(port),
            self.events,
            self.hub.address(),
            program("CHROMEDRIVER", "chromedriver").display(),
        );
        let folder = self.folder.path().join(format!("node-{port}"));
        self.nodes.push(Server::start("node", port, folder, &config));
    }

    /// Waits until all nodes are up.
    async fn ready(&self) {
        let count = self.nodes.len();
        self.until("ready", |nodes| nodes.len() == count && nodes.iter().all(|node| node.up)).await;
    }

    /// A browser of this Grid.
    fn shard(&self) -> ShardSpec {
        let capabilities = json!({"goog:chromeOptions": {"args": ["--no-sandbox"]}});
        ShardSpec::Grid { url: self.url.clone(), credentials: None, capabilities }
    }

    /// What its `/status` says of its nodes; nothing while it starts.
    async fn status(&self) -> Vec<Node> {
        let answer = self.http.get(self.url.join("status").unwrap()).send().await;
        let Ok(answer) = answer else { return Vec::new() };
        let status: Value = answer.json().await.unwrap_or_default();
        let nodes = status["value"]["nodes"].as_array().cloned().unwrap_or_default();
        nodes.iter().map(Node::read).collect()
    }

    async fn until(&self, what: &str, fits: impl Fn(&[Node]) -> bool) {
        let mut seen = Vec::new();
        let reached = tokio::time::timeout(PATIENCE, async {
            loop {
                seen = self.status().await;
                if fits(&seen) {
                    return;
                }
                tokio::time::sleep(GLANCE).await;
            }
        });
        let reached = reached.await;
        assert!(reached.is_ok(), "the Grid is never {what}: {seen:?}\n{}", self.logs());
    }

    /// The sessions of each node, in the order in which they were added.
    async fn sessions(&self) -> Vec<usize> {
        let status = self.status().await;
        let of = |node: &Server| status.iter().find(|seen| seen.address == node.address());
        self.nodes.iter().map(|node| of(node).map_or(0, |seen| seen.sessions)).collect()
    }

    /// Waits until the nodes have so many sessions.
    async fn has_sessions(&self, wanted: &[usize]) {
        let addresses: Vec<String> = self.nodes.iter().map(Server::address).collect();
        let count = |nodes: &[Node], address: &String| {
            nodes.iter().find(|node| &node.address == address).map_or(0, |node| node.sessions)
        };
        let what = format!("with {wanted:?} sessions");
        self.until(&what, |nodes| {
            addresses.iter().zip(wanted).all(|(address, wanted)| count(nodes, address) == *wanted)
        })
        .await;
    }

    fn logs(&self) -> String {
        let logs = self.nodes.iter().chain([&self.hub]).map(|server| server.folder.join("log"));
        logs.map(|log| fs::read_to_string(log).unwrap_or_default()).collect::<Vec<_>>().join("\n---\n")
    }
}

/// A node as the Grid sees it.
#[derive(Debug)]
struct Node {
    address: String,
    up: bool,
    sessions: usize,
}

impl Node {
    fn read(node: &Value) -> Self {
        let slots = node["slots"].as_array().cloned().unwrap_or_default();
        Self {
            address: node["externalUri"]
                .as_str()
                .or_else(|| node["uri"].as_str())
                .unwrap_or_default()
                .to_owned(),
            up: node["availability"] == "UP",
            sessions: slots.iter().filter(|slot| slot["session"].is_object()).count(),
        }
    }
}

fn listens(port: u16) -> String {
    format!("[server]\nhost = \"127.0.0.1\"\nport = {port}\n")
}

/// The processes that were started with a folder for their temporary files.
fn processes_of(folder: &Path) -> Vec<u32> {
    let wanted = format!("TMPDIR={}\0", folder.display());
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let started_there = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.windows(wanted.len()).any(|part| part == wanted.as_bytes())
    };
    pids.filter(started_there).collect()
}

/// Ports that are free now, all different.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A program: where the variable says, or on `PATH`.
fn program(variable: &str, name: &str) -> PathBuf {
    let told = env::var_os(variable).map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    told.or(on_path).unwrap_or_else(|| panic!("{name} is missing: `cargo xtask test` brings it"))
}

/// A farm whose browsers are the Grid's, one login at once in each.
async fn yard(grid: &Grid, shards: usize) -> Yard {
    let specs = (0..shards).map(|_| grid.shard()).collect();
    Yard::with(|settings, _| {
        settings.shards = specs;
        settings.min_warm = shards;
        settings.running_per_shard = Some(1);
    })
    .await
}

/// Waits until so many browsers came up since the farm started, and until its pages are warm.
async fn warm_at(yard: &Yard, browsers: usize) {
    yard.news
        .until(browsers, "browsers", |news| matches!(news, FarmNews::ShardUp { kind: "grid", .. }))
        .await;
    yard.warm().await;
}

/// Waits until a context is lost, and says how.
async fn lost(context: &mut Context) -> FarmError {
    loop {
        if let Err(error) = context.next().await {
            return error;
        }
    }
}

/// The first steps of a login, up to where the password is typed.
async fn begin(context: &mut Context, email: &str) {
    context.call(FILL, &[json!("#user_email_field"), json!(email)]).await.unwrap();
    shows(context, "password").await;
}

/// The cookie that opens the cabinet.
fn session_of(cookies: &[Cookie]) -> &str {
    let session = cookies.iter().find(|cookie| cookie.name == "mc-sid");
    session.expect("the cabinet's cookie").value.expose_secret()
}

/// No driver and no browser is left on a node.
fn is_quiet(folder: &Path) -> bool {
    let left = processes_of(folder);
    left.iter()
        .all(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.ends_with("java")))
}

#[tokio::test]
async fn logins_run_in_browsers_of_a_grid_which_are_given_back() {
    let mut grid = Grid::start();
    grid.add_node(1);
    grid.add_node(1);
    grid.ready().await;
    let yard = yard(&grid, 2).await;
    warm_at(&yard, 2).await;
    assert_eq!(grid.sessions().await, [1, 1]);
    let mut one = yard.lease("one").await.unwrap();
    let mut other = yard.lease("other").await.unwrap();
    assert!(one.was_warm() && other.was_warm());
    assert_ne!(one.shard(), other.shard());
    tokio::join!(sign_in(&mut one, "plain@sandbox.test"), sign_in(&mut other, "several@sandbox.test"));
    let opened = yard.sandbox.control().counters();
    assert_eq!((opened.logins, opened.sessions, opened.passwords), (2, 2, 2));
    let (cookies, others) = (one.cookies().await.unwrap(), other.cookies().await.unwrap());
    assert_ne!(session_of(&cookies), session_of(&others));
    one.close().await;
    other.close().await;
    yard.end().await;
    grid.has_sessions(&[0, 0]).await;
    grid.until("without browsers", |_| grid.nodes.iter().all(|node| is_quiet(&node.folder))).await;
}

#[tokio::test]
async fn a_killed_node_loses_its_browser_and_the_farm_goes_on_at_the_other() {
    let mut grid = Grid::start();
    grid.add_node(1);
    grid.ready().await;
    let yard = yard(&grid, 2).await;
    // The second browser waits at the Grid until there is a node for it.
    yard.news.until(1, "a browser", |news| matches!(news, FarmNews::ShardUp { .. })).await;
    grid.add_node(2);
    warm_at(&yard, 2).await;
    assert_eq!(grid.sessions().await, [1, 1]);
    let mut one = yard.lease("one").await.unwrap();
    let mut other = yard.lease("other").await.unwrap();
    assert_ne!(one.shard(), other.shard());
    begin(&mut one, "plain@sandbox.test").await;
    begin(&mut other, "plain@sandbox.test").await;

    grid.nodes[0].kill();
    let (error, gone, mut alive) = tokio::select! {
        error = lost(&mut one) => (error, one, other),
        error = lost(&mut other) => (error, other, one),
    };
    assert!(matches!(error, FarmError::BrowserLost { .. }), "{error:?}");
    assert!(error.is_lost());
    // What is asked of it since is refused at once, and no password has left.
    assert!(gone.call("() => 1", &[]).await.unwrap_err().is_lost());
    assert_eq!(yard.sandbox.control().counters().passwords, 0);

    // The other browser did not notice.
    let typed = [json!("#password_field"), json!(PASSWORD)];
    alive.call(FILL, &typed).await.unwrap();
    shows(&mut alive, "cabinet").await;
    drop((gone, alive));

    // The lost one is replaced at the node that is left.
    warm_at(&yard, 3).await;
    assert_eq!(grid.sessions().await[1], 2);
    let mut again = yard.lease("one").await.unwrap();
    sign_in(&mut again, "plain@sandbox.test").await;
    assert_eq!(yard.sandbox.control().counters().passwords, 2);
    drop(again);
    yard.end().await;
    grid.until("without sessions", |nodes| {
        nodes.iter().filter(|node| node.up).all(|node| node.sessions == 0)
    })
    .await;
    grid.until("without browsers", |_| is_quiet(&grid.nodes[1].folder)).await;
}
