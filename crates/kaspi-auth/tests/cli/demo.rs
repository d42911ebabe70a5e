//! `demo` from its start to its end, and the commands that it prints, pasted as they stand.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::room::{PASSWORD, Ran, Running, bare, finish};
use crate::terminal::Terminal;

const PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0"];

fn demo(folder: &Path, more: &[&str]) -> Command {
    bare(folder, &[&["demo"], &PORTS[..], more].concat())
}

/// A shell in the demo's folder.
async fn paste(folder: &Path, command: &str) -> Ran {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env_clear().kill_on_drop(true);
    shell.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    finish(shell, "").await
}

#[tokio::test]
async fn a_demo_signs_three_in_stays_up_and_its_commands_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(demo(folder.path(), &[]));
    running.until("Ctrl-C ends it").await;
    let told = running.told().join("\n");
    assert_eq!(told.matches("signed in:").count(), 3, "{told}");
    for sign in [
        "mail to code@sandbox.test",
        "SMS to +7 (700) 000-00-01",
        " ms",
        "mc-sid",
        "alive",
        "/docs",
        "/inbox",
        "base URL ",
        "ka_",
    ] {
        assert!(told.contains(sign), "{sign:?} is not told: {told}");
    }
    assert!(!told.contains('\u{1b}'), "no colour where nobody looks: {told}");
    let titled = told.lines().skip_while(|line| !line.contains("Three commands"));
    let commands: Vec<&str> =
        titled.skip(1).filter(|line| line.starts_with("  ") && !line.contains('#')).map(str::trim).collect();
    assert_eq!(commands.len(), 3, "{told}");

    let stores: Value = paste(folder.path(), commands[0]).await.good().json();
    assert_eq!(stores["stores"].as_array().unwrap().len(), 3);
    let merchants: Value = paste(folder.path(), commands[1]).await.good().json();
    assert_eq!(merchants["merchants"][0]["uid"], "30000001");

    let mut at = Command::new("script");
    at.current_dir(folder.path()).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let mut terminal = Terminal::open(at, commands[2]);
    terminal.types_unseen(PASSWORD).await;
    terminal.shows("Code: ").await;
    let message = running.until("mail to always@sandbox.test").await;
    terminal.types(message.rsplit(' ').next().unwrap()).await;
    terminal.shows("signed in:").await;
    assert_eq!(terminal.end().await.1, 0);

    let second = finish(demo(folder.path(), &[]), "").await.ended(1);
    assert!(second.stderr.contains("another demo runs in kaspi-auth-data"), "{second:?}");
    let ended = running.terminate().await.good();
    assert!(ended.stderr.is_empty(), "{ended:?}");
}

#[tokio::test]
async fn a_demo_starts_again_on_what_it_left() {
    let folder = tempfile::tempdir().unwrap();
    for generation in ["generation 1", "generation 2"] {
        let ran = finish(demo(folder.path(), &["--exit-after-logins"]), "").await.good();
        assert!(ran.stdout.contains(generation), "{ran:?}");
    }
    let config = "kaspi-auth-data/demo.toml";
    let keys = finish(bare(folder.path(), &["--config", config, "api-keys", "list", "--json"]), "")
        .await
        .good()
        .json();
    let live = keys["api_keys"].as_array().unwrap().iter().filter(|key| key["revoked_at"].is_null());
    assert_eq!(live.count(), 1, "the keys of former starts are revoked: {keys}");
}

#[tokio::test]
async fn a_configured_key_counts_more_than_the_demos_own() {
    let folder = tempfile::tempdir().unwrap();
    let key = finish(bare(folder.path(), &["keys", "generate"]), "").await.good().stdout;
    let mut with_key = demo(folder.path(), &["--exit-after-logins", "--data", "here"]);
    with_key.env("ENCRYPTION_KEY", key.trim());
    finish(with_key, "").await.good();
    assert!(!folder.path().join("here/demo.key").exists());
    let without = finish(demo(folder.path(), &["--exit-after-logins", "--data", "here"]), "").await.ended(1);
    assert!(without.stderr.contains("ENCRYPTION_KEY") && without.stderr.contains("--data"), "{without:?}");
}

#[tokio::test]
async fn a_demo_never_touches_the_configured_database() {
    let folder = tempfile::tempdir().unwrap();
    let mut elsewhere = demo(folder.path(), &["--exit-after-logins"]);
    elsewhere.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    elsewhere.env("KASPI_AUTH__PORTAL__LOGIN_URL", "http://127.0.0.1:1");
    finish(elsewhere, "").await.good();
}

#[tokio::test]
async fn what_is_in_the_way_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (option, other) in [("--listen", "--sandbox-listen"), ("--sandbox-listen", "--listen")] {
        let refused =
            finish(bare(folder.path(), &["demo", option, &address, other, "127.0.0.1:0"]), "").await.ended(1);
        assert!(refused.stderr.contains(&address) && refused.stderr.contains(option), "{refused:?}");
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    let refused = finish(demo(folder.path(), &["--data", "file/below"]), "").await.ended(1);
    assert!(refused.stderr.contains("file/below") && refused.stderr.contains("--data"), "{refused:?}");
    let public = finish(
        bare(folder.path(), &["demo", "--listen", "127.0.0.1:0", "--sandbox-listen", "0.0.0.0:0"]),
        "",
    )
    .await;
    assert!(public.ended(2).stderr.contains("loopback"));
}
