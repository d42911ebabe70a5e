//! Traces reach a collector, with the caller's own trace above them and nothing secret in them; a collector that is away harms nobody.

use std::sync::Arc;

use axum::body::Bytes;
use axum::routing::post;
use kaspi_sandbox::{AccountSpec, CodeRule};
use parking_lot::Mutex;
use serde_json::json;

use crate::harness::{Kind, Rig, eventually};

const NAME: &str = "canary-name";
const PASSWORD: &str = "canary-password-Zq7";
/// Of the W3C recommendation's own example.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What an OTLP collector is to those who send: it takes what comes, and here keeps it as it came.
struct Collector {
    address: std::net::SocketAddr,
    taken: Arc<Mutex<Vec<u8>>>,
    served: tokio::task::JoinHandle<()>,
}

impl Collector {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, taken) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<u8>>>::default());
        let keep = Arc::clone(&taken);
        let take = post(async move |body: Bytes| keep.lock().extend_from_slice(&body));
        let router = axum::Router::new().route("/v1/traces", take);
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, taken, served }
    }

    fn holds(&self, text: &[u8]) -> bool {
        self.taken.lock().windows(text.len()).any(|window| window == text)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// The 16 bytes that a trace's hex digits stand for.
fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_is_traced_from_the_request_to_the_portal_without_a_secret() {
    let (rig, collector) = (Rig::new(Kind::Sqlite).await, Collector::start().await);
    let endpoint = format!("http://{}", collector.address);
    let process = rig
        .serve_with(|command| {
            command
                .env("KASPI_AUTH__TELEMETRY__OTLP_ENDPOINT", &endpoint)
                .env("KASPI_AUTH__TELEMETRY__SERVICE_NAME", "kaspi-auth-traced")
        })
        .await;
    let email = format!("{NAME}@shop.test");
    rig.account(AccountSpec::email(&email).password(PASSWORD).merchant("9100001").code(CodeRule::Always));
    let start = process
        .client
        .request(reqwest::Method::POST, "/v1/logins?wait=30s")
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .json(&json!({"email": email, "password": PASSWORD}));
    let login = process.client.send(start).await.json();
    assert_eq!(login["state"], "awaiting_code");
    let code = rig.code(&email);
    let answer = format!("/v1/logins/{}/answer?wait=30s", login["id"].as_str().unwrap());
    let done = process.client.request(reqwest::Method::POST, &answer).json(&json!({"code": code}));
    assert_eq!(process.client.send(done).await.json()["state"], "succeeded");
    let session = process.client.session("9100001").await;
    process.client.get("/v1/nothing-is-here?token=canary-query").await;
    let ended = process.terminate().await;
    assert!(ended.status.success(), "{}", ended.log);

    // It ended with its last words sent.
    for name in [
        "kaspi-auth-traced",
        "POST /v1/logins",
        "POST /v1/logins/{id}/answer",
        "GET /v1/stores/{merchant_uid}/session",
        "http.response.status_code",
        "login drive",
        "login open",
        "login submit",
        "login finish",
        "login save",
        "portal exchange login",
        login["id"].as_str().unwrap(),
    ] {
        assert!(collector.holds(name.as_bytes()), "no span says {name}");
    }
    let trace = bytes_of(TRACE);
    let times = collector.taken.lock().windows(16).filter(|window| *window == trace).count();
    assert!(times >= 4, "the request, the drive, its steps and exchanges are of the caller's trace: {times}");
    let cookies = session.cookies.iter().map(|cookie| cookie["value"].as_str().unwrap().to_owned());
    let secrets =
        [NAME, "shop.test", PASSWORD, "9100001", "canary-query", "nothing-is-here"].map(str::to_owned);
    for secret in cookies.filter(|value| value.len() > 8).chain(secrets) {
        assert!(!collector.holds(secret.as_bytes()), "a trace holds {secret}");
    }
    // Six digits may stand anywhere by chance, but not beside one another as text with nothing around them.
    assert!(!collector.holds(format!("\"{code}\"").as_bytes()));
    assert!(!ended.log.contains("login drive"), "the spans of traces are no part of the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_holds_nothing_up() {
    let rig = Rig::new(Kind::Sqlite).await;
    // Nobody listens there any more.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let process = rig
        .serve_with(|command| command.env("KASPI_AUTH__TELEMETRY__OTLP_ENDPOINT", format!("http://{gone}")))
        .await;
    let email = rig.account(AccountSpec::email("a@shop.test").merchant("9100001"));
    process.client.sign_in_as(&email, crate::harness::PASSWORD).await.stands("succeeded");
    let ended = process.terminate().await;
    assert!(ended.status.success(), "{}", ended.log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_each_step_with_its_time_and_the_account_starred() {
    let rig = Rig::new(Kind::Sqlite).await;
    let process = rig.serve_with(|command| command.arg("-vv").env("KASPI_AUTH__LOG__FORMAT", "json")).await;
    let email = format!("{NAME}@shop.test");
    rig.account(AccountSpec::email(&email).password(PASSWORD).merchant("9100001").code(CodeRule::Always));
    let credentials = json!({"email": email, "password": PASSWORD});
    let login = process.client.post("/v1/logins?wait=30s", &credentials).await.json();
    let code = rig.code(&email);
    let answer = format!("/v1/logins/{}/answer?wait=30s", login["id"].as_str().unwrap());
    assert_eq!(process.client.post(&answer, &json!({"code": code})).await.json()["state"], "succeeded");
    let session = process.client.session("9100001").await;
    let figures = process.client.get("/metrics").await.text;
    let ended = process.terminate().await;
    let lines: Vec<serde_json::Value> = ended
        .log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    for step in ["open", "submit", "answer", "finish", "save"] {
        let line = lines.iter().find(|line| line["message"] == "login step" && line["step"] == step);
        let line = line.unwrap_or_else(|| panic!("nothing is told of the step {step}"));
        assert!(line["millis"].is_u64() && line["account"] == "c***@shop.test", "{line}");
    }
    let end = lines.iter().find(|line| line["message"] == "login succeeded").unwrap();
    assert!(end["millis"].is_u64() && end["merchant_uid"] == "9100001" && end["level"] == "INFO", "{end}");
    let cookies = session.cookies.iter().map(|cookie| cookie["value"].as_str().unwrap().to_owned());
    for secret in cookies.filter(|value| value.len() > 8).chain([NAME, PASSWORD].map(str::to_owned)) {
        assert!(!ended.log.contains(&secret), "the log holds {secret}");
    }
    assert!(!ended.log.contains(&format!("\"{code}\"")), "the log holds the code");
    for line in [
        "# HELP kaspi_auth_logins_total ",
        "kaspi_auth_login_seconds_count{method=\"password\",engine=\"direct\",outcome=\"succeeded\"} 1",
        "kaspi_auth_codes_requested_total{channel=\"email\",origin=\"caller\"} 1",
        "kaspi_auth_consecutive_failures_max{of=\"account\"} 0",
    ] {
        assert!(figures.contains(line), "{line}\n{figures}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_figures_tell_of_the_database_and_of_nothing_that_is_not_described() {
    let rig = Rig::new(Kind::Sqlite).await;
    let process = rig.serve().await;
    let figures = eventually("the database's figures are there", async || {
        let figures = process.client.get("/metrics").await.text;
        figures.contains("kaspi_auth_database_up 1").then_some(figures)
    });
    let figures = figures.await;
    assert!(figures.contains("kaspi_auth_database_connections{state=\"open\"}"), "{figures}");
    let described = |name: &str| {
        let ends = ["_bucket", "_sum", "_count"];
        let base = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        kaspi_auth::process::DESCRIBED.iter().any(|one| one.name == name || one.name == base)
    };
    for line in figures.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(described(name), "{name} is not described");
        assert!(figures.contains("# HELP "), "{figures}");
    }
    assert!(process.terminate().await.status.success());
}
