//! `evidence`: what a failed login saw, and files of it for this user alone.

use std::os::unix::fs::MetadataExt as _;

use kaspi_sandbox::Fixture;

use crate::room::{PASSWORD, Room, finish};

#[tokio::test]
async fn a_failed_login_tells_what_it_saw() {
    let room = Room::new().await;
    let sign_in =
        ["login", "--email", "wall@sandbox.test", "--password-stdin", "--engine", "direct", "--json"];
    let failed = room.run_with(&sign_in, PASSWORD).await.ended(4).last_json();
    assert_eq!((&failed["engine"], &failed["driver"]), (&"direct".into(), &"direct".into()));
    let id = failed["id"].as_str().unwrap();

    let shown = room.run(&["evidence", id]).await.good();
    for part in ["failed with portal_blocked", "driven by   direct", "STEP", "MILLISECONDS"] {
        assert!(shown.stdout.contains(part), "{part}: {shown:?}");
    }
    assert!(!shown.stdout.contains(PASSWORD) && !shown.stdout.contains("wall@"), "{shown:?}");
    let view = room.run(&["evidence", id, "--json"]).await.good().json();
    assert_eq!((&view["login_id"], &view["code"]), (&id.into(), &"portal_blocked".into()));

    let missing = room.run(&["evidence", id, "--screenshot", "page.png", "--json"]).await.ended(1);
    assert_eq!(missing.error()["code"], "evidence_not_found");
    assert!(!room.path("page.png").exists());
    let page = room.run(&["evidence", id, "--fixture", "page.json"]).await.good();
    assert!(page.stderr.contains("sandbox --fixture"), "{page:?}");
    let file = room.path("page.json");
    Fixture::read(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let again = room.run(&["evidence", id, "--fixture", "page.json"]).await.ended(1);
    assert!(again.stderr.contains("is not overwritten"), "{again:?}");
}

#[tokio::test]
async fn a_login_by_a_browser_leaves_a_picture_and_a_page_to_replay() {
    let room = Room::new().await;
    let sign_in =
        ["login", "--email", "wall@sandbox.test", "--password-stdin", "--engine", "browser", "--json"];
    let mut command = room.command(&sign_in);
    command.env("KASPI_AUTH__BROWSER__MODE", "on_demand");
    let failed = finish(command, PASSWORD).await.ended(4).last_json();
    assert_eq!((&failed["driver"], &failed["error"]["code"]), (&"browser".into(), &"portal_blocked".into()));
    let id = failed["id"].as_str().unwrap();

    let view = room.run(&["evidence", id, "--json"]).await.good();
    assert!(!view.stdout.contains(PASSWORD) && !view.stdout.contains("wall@"), "{view:?}");
    room.run(&["evidence", id, "--screenshot", "page.png", "--fixture", "page.json"]).await.good();
    let picture = std::fs::read(room.path("page.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));
    let fixture = Fixture::read(&std::fs::read(room.path("page.json")).unwrap()).unwrap();
    room.portal().set_fixture(Some(fixture));
    let replayed = room.run(&["recipe", "check", "--json"]).await;
    assert!(matches!(replayed.code, 0 | 1), "the page is looked at, whatever is on it: {replayed:?}");
    assert!(replayed.json()["elements"].is_array());
}

#[tokio::test]
async fn a_login_without_evidence_says_so() {
    let room = Room::new().await;
    let sign_in = ["login", "--email", "plain@sandbox.test", "--password-stdin", "--json"];
    let login = room.run_with(&sign_in, PASSWORD).await.good().last_json();
    let none = room.run(&["evidence", login["id"].as_str().unwrap(), "--json"]).await.ended(1);
    assert_eq!(none.error()["code"], "evidence_not_found");
    assert!(none.error()["hint"].as_str().unwrap().contains("evidence.keep_days"));
    let unknown = room.run(&["evidence", &uuid::Uuid::nil().to_string(), "--json"]).await.ended(1);
    assert_eq!(unknown.error()["code"], "login_not_found");
    room.run(&["evidence", "no-id"]).await.ended(2);
    room.run(&["login", "--email", "plain@sandbox.test", "--engine", "chrome"]).await.ended(2);
}
