//! `serve`: the refusal to start, the address, the end.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::room::{PASSWORD, Room, Running, bare, eventually, finish};

fn serve(room: &Room) -> Command {
    room.command(&["serve", "--listen", "127.0.0.1:0", "--ready-file", "ready"])
}

async fn address(room: &Room) -> SocketAddr {
    let file = room.path("ready");
    eventually("the ready file", || std::fs::read_to_string(&file).ok()?.trim().parse().ok()).await
}

/// Asks and reads to the end of the connection.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn get(path: &str, key: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n")
}

/// A request to sign in to the story whose portal takes three seconds for each answer.
fn slow_login(path: &str, key: &str) -> String {
    let body = format!("{{\"email\":\"slow@sandbox.test\",\"password\":\"{PASSWORD}\"}}");
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn without_a_key_or_with_a_bad_one_nothing_starts() {
    let folder = tempfile::tempdir().unwrap();
    let refused = finish(bare(folder.path(), &["serve", "--listen", "127.0.0.1:0"]), "").await.ended(2);
    assert!(
        refused.stderr.contains("ENCRYPTION_KEY") && refused.stderr.contains("kaspi-auth keys generate"),
        "{refused:?}"
    );
    for bad in ["short", "canary-canary-canary-canary-canary-canary-!!"] {
        let mut command = bare(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        command.env("ENCRYPTION_KEY", bad);
        let refused = finish(command, "").await.ended(2);
        assert!(
            refused.stderr.contains("keys generate") && !refused.stderr.contains("canary"),
            "{refused:?}"
        );
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was made");
}

#[tokio::test]
async fn a_service_says_where_it_listens_and_ends_when_asked() {
    let room = Room::new().await;
    let mut command = serve(&room);
    command.env("KASPI_AUTH__LOG__FORMAT", "json");
    let running = Running::start(command);
    let address = address(&room).await;
    assert!(ask(address, &get("/healthz", "")).await.starts_with("HTTP/1.1 200"));
    assert!(ask(address, &get("/v1/stores", "")).await.starts_with("HTTP/1.1 401"));
    let key = room.run(&["api-keys", "create", "--name", "x", "--scope", "stores:read"]).await.good().stdout;
    assert!(ask(address, &get("/v1/stores", key.trim())).await.contains("\"stores\":[]"));

    let ran = running.terminate().await.good();
    assert!(ran.stdout.is_empty(), "{ran:?}");
    let log: Vec<Value> = ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listening = log.iter().find(|line| line["message"] == "listening").unwrap();
    assert_eq!(listening["addr"], address.to_string());
    assert!(!room.path("ready").exists());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_works_and_is_not_safe_is_warned_of_at_the_start() {
    let room = Room::new().await;
    let open = |mode| std::fs::set_permissions(room.path("key"), std::fs::Permissions::from_mode(mode));
    let started = async |audience: Option<&str>| {
        let mut command = serve(&room);
        // Nobody is there: the keys are fetched when the first token comes.
        command.env("KASPI_AUTH__AUTH__JWKS_URL", "http://127.0.0.1:1/keys");
        command.envs(audience.map(|audience| ("KASPI_AUTH__AUTH__JWT_AUDIENCE", audience)));
        let running = Running::start(command);
        address(&room).await;
        running.terminate().await.good().stderr
    };
    open(0o644).unwrap();
    let log = started(None).await;
    assert!(log.contains("the key file") && log.contains("mode 644"), "{log}");
    assert!(log.contains("auth.jwt_audience is not set"), "{log}");
    open(0o600).unwrap();
    let log = started(Some("kaspi")).await;
    assert!(!log.contains("the key file") && !log.contains("jwt_audience"), "{log}");
}

#[tokio::test]
async fn a_login_that_runs_is_finished_before_the_service_ends() {
    let room = Room::new().await;
    let running = Running::start(serve(&room));
    let address = address(&room).await;
    let key = room.run(&["api-keys", "create", "--name", "x", "--scope", "logins:write"]).await.good().stdout;
    let request = slow_login("/v1/logins", key.trim());
    assert!(ask(address, &request).await.starts_with("HTTP/1.1 201"));
    eventually("the password at the portal", || (room.portal().counters().passwords == 1).then_some(()))
        .await;
    running.terminate().await.good();
    let store = room.run(&["stores", "get", "30000045", "--json"]).await.good().json();
    assert_eq!(store["status"], "active");
}

#[tokio::test]
async fn the_second_signal_ends_at_once() {
    let room = Room::new().await;
    let running = Running::start(serve(&room));
    let address = address(&room).await;
    let key = room.run(&["api-keys", "create", "--name", "x", "--scope", "logins:write"]).await.good().stdout;
    // An open request keeps a graceful end waiting: the portal takes three seconds for its answer.
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(slow_login("/v1/logins?wait=30s", key.trim()).as_bytes()).await.unwrap();
    eventually("the password at the portal", || (room.portal().counters().passwords == 1).then_some(()))
        .await;
    running.signal("TERM").await;
    eventually("the end of listening", || std::net::TcpStream::connect(address).is_err().then_some(())).await;
    running.signal("INT").await;
    running.end().await.ended(130);
}

#[tokio::test]
async fn an_address_that_is_taken_is_said_to_be_taken() {
    let room = Room::new().await;
    let taken = room.portal_address().to_string();
    let refused = room.run(&["serve", "--listen", &taken]).await.ended(1);
    assert!(refused.stderr.contains(&taken) && refused.stderr.contains("--listen"), "{refused:?}");
}

#[tokio::test]
async fn a_database_of_another_key_is_not_served() {
    let room = Room::new().await;
    room.sign_in("plain").await;
    let key = room.run(&["keys", "generate"]).await.good().stdout;
    std::fs::write(room.path("key"), key).unwrap();
    let refused = room.run(&["serve", "--listen", "127.0.0.1:0"]).await.ended(1);
    assert!(refused.stderr.contains("another key"), "{refused:?}");
}
