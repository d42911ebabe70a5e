//! `egress` and `events`: ways out are added, listed, changed, checked and removed; a password is never shown.

use crate::room::{PASSWORD, Room};

const SIGN_IN: [&str; 5] = ["login", "--email", "plain@sandbox.test", "--password-stdin", "--json"];

#[tokio::test]
async fn the_direct_egress_is_there_and_is_checked() {
    let room = Room::new().await;
    let table = room.run(&["egress", "list"]).await.good().stdout;
    let lines: Vec<_> = table.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("ID  ") && lines[1].contains(" direct "), "{table}");
    assert!(lines[1].contains(" ready "), "{table}");
    let checked = room.run(&["egress", "check"]).await.good();
    assert!(checked.stdout.contains("direct") && checked.stdout.contains("well"), "{checked:?}");
    let checked = room.run(&["egress", "check", "direct", "--json"]).await.good().json();
    assert!(checked["checked_at"].is_string() && checked["check_error"].is_null(), "{checked}");
    room.run(&["egress", "remove", "direct"]).await.ended(1);
}

#[tokio::test]
async fn a_proxy_goes_in_on_stdin_and_its_password_never_comes_back() {
    let room = Room::new().await;
    let add = ["egress", "add", "--name", "one", "--proxy-stdin", "--per-second", "2", "--in-flight", "3"];
    let added = room.run_with(&add, "socks5://user:pass-canary@127.0.0.1:1\n").await.good();
    let id = added.stdout.trim();
    assert!(uuid::Uuid::parse_str(id).is_ok(), "{added:?}");
    assert!(
        added.stderr.contains("is added") && added.stderr.contains("its check was not well"),
        "{added:?}"
    );
    let listed = room.run(&["egress", "list"]).await.good();
    assert!(listed.stdout.contains("socks5://127.0.0.1:1 as user"), "{listed:?}");
    assert!(listed.stdout.contains("2/s, 1 at once, 3 in flight"), "{listed:?}");
    assert!(listed.stdout.contains("its check failed"), "{listed:?}");
    let json = room.run(&["egress", "list", "--json"]).await.good();
    let one =
        json.json()["egresses"].as_array().unwrap().iter().find(|one| one["id"] == id).cloned().unwrap();
    assert_eq!(one["proxy"]["has_password"], true);

    let checked = room.run(&["egress", "check", id]).await.ended(4);
    assert!(checked.stdout.contains("not well: portal_unavailable"), "{checked:?}");
    room.run(&["egress", "check"]).await.ended(4);
    for told in [&added, &listed, &json, &checked] {
        assert!(!format!("{told:?}").contains("pass-canary"));
    }

    let changed = ["egress", "change", "one", "--name", "two", "--direct", "--burst", "9", "--json"];
    let changed = room.run(&changed).await.good().json();
    assert_eq!((&changed["id"], &changed["name"], &changed["burst"]), (&id.into(), &"two".into(), &9.into()));
    assert!(changed["proxy"].is_null() && changed["usable"] == true, "{changed}");
    assert_eq!(changed["per_second"], 2.0, "what is not named stays");
    room.run(&["egress", "remove", "two"]).await.good();
    let gone = room.run(&["egress", "check", "two", "--json"]).await.ended(1);
    assert_eq!(gone.error()["code"], "egress_not_found");
}

#[tokio::test]
async fn a_command_line_that_names_no_way_or_two_is_refused() {
    let room = Room::new().await;
    room.run(&["egress", "add", "--name", "x"]).await.ended(2);
    room.run(&["egress", "add", "--name", "x", "--direct", "--proxy", "http://127.0.0.1:1"]).await.ended(2);
    room.run(&["egress", "change", "direct", "--enable", "--disable"]).await.ended(2);
    let refused =
        room.run(&["egress", "add", "--name", "x", "--proxy", "ftp://u:pass-canary@h:1"]).await.ended(2);
    assert!(refused.stderr.contains("socks5://") && !refused.stderr.contains("pass-canary"), "{refused:?}");
    room.run_with(&["egress", "add", "--name", "x", "--proxy-stdin"], "").await.ended(2);
    room.run(&["egress", "add", "--name", "x", "--direct", "--burst", "99999"]).await.ended(2);
    let taken = room.run(&["egress", "add", "--name", "direct", "--direct"]).await.ended(1);
    assert!(taken.stderr.contains("invalid_value"), "{taken:?}");
    assert_eq!(
        room.run(&["egress", "list", "--json"]).await.good().json()["egresses"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn an_account_that_moves_is_an_event() {
    let room = Room::new().await;
    let none = room.run(&["events"]).await.good();
    assert!(none.stdout.is_empty() && none.stderr.contains("nothing has happened"), "{none:?}");
    room.run_with(&SIGN_IN, PASSWORD).await.good();
    room.run(&["egress", "add", "--name", "other", "--direct"]).await.good();
    room.run(&["egress", "change", "direct", "--disable"]).await.good();
    let moved = room.run_with(&SIGN_IN, PASSWORD).await.good().last_json();
    assert_ne!(moved["egress_id"], uuid::Uuid::nil().to_string());

    let page = room.run(&["events", "--json"]).await.good().json();
    assert_eq!(page["events"][0]["type"], "egress.replaced");
    let next = page["next_after"].as_i64().unwrap();
    let table = room.run(&["events"]).await.good().stdout;
    assert!(table.starts_with("SEQUENCE  AT") && table.contains("moved from egress"), "{table}");
    let rest = room.run(&["events", "--after", &next.to_string(), "--json"]).await.good().json();
    assert_eq!((&rest["events"], &rest["next_after"]), (&serde_json::json!([]), &next.into()));
    room.run(&["events", "--limit", "0"]).await.ended(2);
}
