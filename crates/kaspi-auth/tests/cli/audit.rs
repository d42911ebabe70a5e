//! `audit`: what is done at the command line stands in the log, whatever it was and however it ended.

use serde_json::Value;

use crate::room::{PASSWORD, Room};

const TABLE: &str = "merchant_id,email,password\n17,a@shop.test,canary-1\n18,b@shop.test,canary-2\n";

/// The entries that fit, oldest first, as `action store result`.
async fn told(room: &Room, more: &[&str]) -> Vec<String> {
    let mut arguments = vec!["audit", "--limit", "500", "--json"];
    arguments.extend(more);
    let page = room.run(&arguments).await.good().json();
    let entries = page["entries"].as_array().unwrap();
    assert!(entries.iter().all(|entry| entry["actor"]["kind"] == "command_line"), "{page}");
    assert!(!page.to_string().contains("canary"));
    let brief = |entry: &Value| {
        let store = entry["store"].as_str().unwrap_or("-");
        format!("{} {store} {}", entry["action"].as_str().unwrap(), entry["result"].as_str().unwrap())
    };
    entries.iter().rev().map(brief).collect()
}

#[tokio::test]
async fn what_is_done_at_the_command_line_is_written_down() {
    let room = Room::new().await;
    room.sign_in("plain").await;
    let store = "30000001";
    room.run(&["session", "get", store]).await.good();
    room.run(&["session", "validate", store]).await.good();
    room.run(&["session", "refresh", store]).await.good();
    room.run(&["session", "validate", "404"]).await.ended(1);
    room.run(&["session", "validate", "--all"]).await.good();
    room.run(&["session", "refresh", "--all"]).await.good();
    room.run(&["stores", "list"]).await.good();
    room.run(&["stores", "get", store]).await.good();
    room.run(&["stores", "explain", store]).await.good();
    room.run(&["stores", "timeline", store]).await.good();
    room.run(&["egress", "list"]).await.good();
    room.run(&["egress", "check"]).await.good();
    room.run(&["events"]).await.good();
    room.run(&["jobs"]).await.good();
    room.run(&["api-keys", "list"]).await.good();
    room.run(&["keys", "status"]).await.good();
    room.run(&["keys", "verify"]).await.good();
    room.run(&["keys", "rotate"]).await.ended(2);
    let nobody = "00000000-0000-7000-8000-000000000000";
    room.run(&["evidence", nobody]).await.ended(1);
    room.run(&["login", "--resume", nobody, "--cancel"]).await.ended(1);
    room.run(&["stores", "delete", store, "--yes"]).await.good();
    let expected = [
        "login - ok",
        "session get 30000001 ok",
        "session validate 30000001 ok",
        "session refresh 30000001 ok",
        "session validate 404 store_not_found",
        "session validate --all - ok",
        "session refresh --all - ok",
        "stores list - ok",
        "stores get 30000001 ok",
        "stores explain 30000001 ok",
        "stores timeline 30000001 ok",
        "egress list - ok",
        "egress check - ok",
        "events - ok",
        "jobs - ok",
        "api-keys list - ok",
        "keys status - ok",
        "keys verify - ok",
        "keys rotate: begun - ok",
        "keys rotate - failed",
        "evidence - login_not_found",
        "login --cancel - login_not_found",
        "stores delete 30000001 ok",
    ];
    assert_eq!(told(&room, &[]).await, expected);
    // The look itself comes after what it shows.
    assert_eq!(told(&room, &["--action", "audit"]).await, ["audit - ok"]);
    assert_eq!(told(&room, &["--store", "404"]).await, ["session validate 404 store_not_found"]);
    let elsewhere = room.run(&["audit", "--actor", "user:7", "--json"]).await.good().json();
    assert_eq!(elsewhere["entries"].as_array().unwrap().len(), 0, "{elsewhere}");
    room.run(&["audit", "--actor", "root"]).await.ended(2);
}

#[tokio::test]
async fn an_import_names_every_store_that_it_took() {
    let room = Room::new().await;
    std::fs::write(room.path("stores.csv"), TABLE).unwrap();
    room.run(&["import", "--from", "stores.csv"]).await.good();
    room.run(&["import", "--from", "stores.csv", "--apply"]).await.good();
    room.run(&["import", "--from", "stores.csv", "--apply"]).await.good();
    let all = ["import - ok", "import 17 ok", "import 18 ok", "import - ok", "import - ok"];
    assert_eq!(told(&room, &["--action", "import"]).await, all, "a dry run and a second run took nothing");
    let timeline = room.run(&["stores", "timeline", "17", "--json"]).await.good().json();
    assert_eq!(timeline["entries"][0]["act"], "import", "{timeline}");
}

#[tokio::test]
async fn a_rotation_names_the_key_to_which_it_moved() {
    let room = Room::new().await;
    room.run_with(&["login", "--email", "plain@sandbox.test", "--password-stdin"], PASSWORD).await.good();
    let old = std::fs::read_to_string(room.path("key")).unwrap();
    room.run(&["keys", "generate", "--out", "new"]).await.good();
    let new = std::fs::read_to_string(room.path("new")).unwrap();
    std::fs::write(room.path("key"), format!("{},{}", new.trim(), old.trim())).unwrap();
    let rotated = room.run(&["keys", "rotate", "--json"]).await.good().last_json();
    let page = room.run(&["audit", "--action", "keys rotate", "--json"]).await.good().json();
    let [entry] = &page["entries"].as_array().unwrap()[..] else { panic!("{page}") };
    assert_eq!((&entry["subject"], &entry["result"]), (&rotated["fingerprint"], &"ok".into()), "{page}");
    assert!(![&old, &new].iter().any(|key| page.to_string().contains(key.trim())));
}
