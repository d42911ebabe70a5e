//! `doctor`: what it finds, and what it leaves alone.

use std::os::unix::fs::PermissionsExt as _;

use kaspi_sandbox::{Fault, FaultKind};
use serde_json::Value;

use crate::room::{Ran, Room, bare, finish};

fn verdict<'a>(ran: &'a Value, check: &str) -> &'a str {
    let checks = ran["checks"].as_array().unwrap();
    let found =
        checks.iter().find(|one| one["check"] == check).unwrap_or_else(|| panic!("no {check} in {ran}"));
    found["verdict"].as_str().unwrap()
}

async fn doctor(room: &Room, more: &[&str]) -> Ran {
    room.run(&[&["doctor", "--json"], more].concat()).await
}

#[tokio::test]
async fn a_sound_installation_is_sound_and_the_portal_is_asked_for_one_page() {
    let room = Room::new().await;
    room.run(&["migrate"]).await.good();
    room.portal().reset();
    std::fs::set_permissions(room.path("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let found = doctor(&room, &[]).await.good().json();
    for check in ["configuration", "key", "database", "key file", "database file", "portal", "clock"] {
        assert_eq!(verdict(&found, check), "ok", "{found}");
    }
    let counters = room.portal().counters();
    assert_eq!(counters.calls.values().sum::<u64>(), 1, "{counters:?}");
    assert_eq!(counters.calls_to("GET", "login", "/login"), 1);

    doctor(&room, &["--offline"]).await.good();
    assert_eq!(room.portal().counters().calls.values().sum::<u64>(), 1);
    let words = room.run(&["doctor"]).await.good().stdout;
    assert!(words.lines().all(|line| line.starts_with("ok ")), "{words}");
}

#[tokio::test]
async fn what_is_missing_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let ran = finish(bare(folder.path(), &["doctor", "--offline", "--json"]), "").await.ended(1);
    let found = ran.json();
    assert_eq!((verdict(&found, "key"), verdict(&found, "database")), ("fail", "warn"));
    let all = found["checks"].as_array().unwrap();
    assert!(all.iter().all(|one| one["verdict"] == "ok" || one["advice"].is_string()), "{found}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was made");

    let mut bad = bare(folder.path(), &["doctor", "--json"]);
    bad.env("KASPI_AUTH__SERVER__LISTEN", "nowhere");
    assert_eq!(verdict(&finish(bad, "").await.ended(1).json(), "configuration"), "fail");
}

#[tokio::test]
async fn a_database_of_another_key_and_an_open_key_file_are_found() {
    let room = Room::new().await;
    room.sign_in("plain").await;
    std::fs::set_permissions(room.path("key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(verdict(&doctor(&room, &["--offline"]).await.good().json(), "key file"), "warn");
    let key = room.run(&["keys", "generate"]).await.good().stdout;
    std::fs::write(room.path("key"), key).unwrap();
    assert_eq!(verdict(&doctor(&room, &["--offline"]).await.ended(1).json(), "database"), "fail");
}

#[tokio::test]
async fn a_wall_and_a_portal_that_is_not_there_are_told_apart() {
    let room = Room::new().await;
    room.run(&["migrate"]).await.good();
    room.portal().set_fault(Fault::new(FaultKind::Wall(403)).role("login").path("/login"));
    let walled = doctor(&room, &[]).await.ended(1);
    assert!(walled.stdout.contains("with a wall"), "{walled:?}");

    let mut nowhere = room.command(&["doctor", "--json"]);
    nowhere.env("KASPI_AUTH__PORTAL__LOGIN_URL", "http://127.0.0.1:1");
    let found = finish(nowhere, "").await.ended(1).json();
    assert_eq!((verdict(&found, "portal"), verdict(&found, "clock")), ("fail", "ok"));
}
