//! `sandbox`: the emulated portal alone, from its start to its end.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::room::{Running, bare, finish};

#[tokio::test]
async fn the_sandbox_serves_its_start_page_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(bare(folder.path(), &["sandbox", "--listen", "127.0.0.1:0"]));
    let address = running.until("SANDBOX portal on ").await.rsplit(' ').next().unwrap().to_owned();
    running.until("Ctrl-C ends it").await;

    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("SANDBOX") && page.contains("plain@sandbox.test"), "{page}");

    let ended = running.terminate().await.good();
    assert!(ended.stderr.is_empty(), "{ended:?}");
    assert!(TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn the_sandbox_alone_tells_where_it_is_and_what_it_sends() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(bare(
        folder.path(),
        &["sandbox", "--listen", "127.0.0.1:0", "--tls", "--ca-file", "ca.pem"],
    ));
    running.until("Ctrl-C ends it").await;
    let told = running.told().join("\n");
    assert!(told.contains("https://kaspi.kz:") && told.contains("plain@sandbox.test"), "{told}");
    assert!(std::fs::read_to_string(folder.path().join("ca.pem")).unwrap().contains("BEGIN CERTIFICATE"));
    running.terminate().await.good();

    let knobs = finish(bare(folder.path(), &["sandbox", "--print-knobs"]), "").await.good().json();
    assert!(knobs["code"]["attempts"].is_number());
    std::fs::write(folder.path().join("knobs.json"), "{\"cod\": {}}").unwrap();
    let refused = finish(bare(folder.path(), &["sandbox", "--knobs", "knobs.json"]), "").await.ended(2);
    assert!(refused.stderr.contains("--print-knobs"), "{refused:?}");
}
