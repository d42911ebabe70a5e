//! `session`: the formats, and what is said of dead sessions.

use serde_json::Value;
use tokio::process::Command;

use crate::room::{Room, finish};

#[tokio::test]
async fn a_session_comes_in_four_formats_that_all_open_the_cabinet() {
    let room = Room::new().await;
    room.sign_in("plain").await;
    let get = async |format: &str| {
        room.run(&["session", "get", "30000001", "--format", format]).await.good().stdout
    };

    let json: Value = serde_json::from_str(&get("json").await).unwrap();
    assert_eq!((&json["merchant_uid"], &json["generation"]), (&"30000001".into(), &1.into()));
    let header = get("header").await;
    assert_eq!(header.trim_end(), format!("Cookie: {}", json["cookie_header"].as_str().unwrap()));

    let netscape = get("netscape").await;
    let mut lines = netscape.lines();
    assert_eq!(lines.next(), Some("# Netscape HTTP Cookie File"));
    let cookies: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
    assert_eq!(cookies.len(), json["cookies"].as_array().unwrap().len());
    assert!(cookies.iter().all(|fields| fields.len() == 7), "{netscape}");
    let session = cookies.iter().find(|fields| fields[5] == "mc-sid").unwrap();
    assert_eq!(&session[..5], ["#HttpOnly_mc.shop.kaspi.localhost", "FALSE", "/", "FALSE", "0"]);

    // What the format `curl` prints is run by a shell as it stands.
    let mut shell = Command::new("sh");
    shell.args(["-c", &get("curl").await]).kill_on_drop(true);
    let merchants = finish(shell, "").await.good().json();
    assert_eq!(merchants["merchants"][0]["uid"], "30000001");

    // And curl reads the cookie file.
    let file = room.path("cookies.txt");
    std::fs::write(&file, &netscape).unwrap();
    let host = json["cabinet_host"].as_str().unwrap();
    let portal = room.portal_address();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--header", "x-auth-version: 3", "--cookie"]).arg(&file);
    curl.args([
        "--resolve",
        &format!("{host}:{}:127.0.0.1", portal.port()),
        &format!("http://{host}:{}/s/m", portal.port()),
    ]);
    curl.kill_on_drop(true);
    assert_eq!(finish(curl, "").await.good().json()["merchants"][0]["uid"], "30000001");
}

#[tokio::test]
async fn a_dead_session_is_told_and_renewed_without_a_person() {
    let room = Room::new().await;
    room.sign_in("plain").await;
    let alive = room.run(&["session", "validate", "30000001", "--json"]).await.good().json();
    assert_eq!(alive["validity"], "alive");

    room.portal().kill_sessions(None);
    let dead = room.run(&["session", "validate", "30000001", "--json"]).await.ended(3).json();
    assert_eq!(dead["validity"], "dead");
    let refused = room.run(&["session", "get", "30000001"]).await.ended(3);
    assert!(refused.stderr.contains("session_expired") && refused.stdout.is_empty(), "{refused:?}");

    let passwords = room.portal().counters().passwords;
    let renewed = room.run(&["session", "refresh", "30000001", "--json"]).await.good().json();
    assert_eq!(renewed["generation"], 2);
    assert_eq!(room.portal().counters().passwords, passwords, "the login host remembers the account");
    room.run(&["session", "validate", "30000001"]).await.good();
}

#[tokio::test]
async fn a_renewal_that_needs_a_code_names_the_login_to_go_on_with() {
    let room = Room::new().await;
    let arguments = ["login", "--email", "always@sandbox.test", "--password-stdin", "--json"];
    let first = room.run_with(&arguments, crate::room::PASSWORD).await.ended(3).last_json();
    let code = room.newest_code("always@sandbox.test");
    room.run(&["login", "--resume", first["id"].as_str().unwrap(), "--code", &code]).await.good();
    room.portal().kill_sso(None);

    let waiting = room.run(&["session", "refresh", "30000004", "--json"]).await.ended(3);
    let id = waiting.json()["id"].as_str().unwrap().to_owned();
    assert!(waiting.error()["hint"].as_str().unwrap().contains(&id), "{waiting:?}");
    let code = room.newest_code("always@sandbox.test");
    room.run_with(&["login", "--resume", &id, "--code-stdin"], &code).await.good();
    let session = room.run(&["session", "get", "30000004"]).await.good().json();
    assert_eq!(session["generation"], 2);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_an_error_with_a_way_out() {
    let room = Room::new().await;
    let missing = room.run(&["session", "get", "1"]).await.ended(1);
    assert!(
        missing.stderr.contains("store_not_found") && missing.stderr.contains("stores list"),
        "{missing:?}"
    );
    room.run(&["session", "get", "../etc"]).await.ended(2);
}

#[tokio::test]
async fn all_stores_are_gone_through_and_each_that_is_not_well_is_named() {
    let room = Room::new().await;
    let none = room.run(&["session", "validate", "--all"]).await.good();
    assert!(none.stdout.is_empty() && none.stderr.contains("no stores"), "{none:?}");
    room.sign_in("plain").await;
    let alive = room.run(&["session", "validate", "--all", "--json"]).await.good().json();
    assert_eq!((&alive["total"], &alive["done"]), (&1.into(), &1.into()));
    assert_eq!((&alive["results"]["alive"], alive["ended_at"].is_string()), (&1.into(), true));
    assert_eq!(alive["stores"][0]["merchant_uid"], "30000001");

    room.portal().kill_sessions(None);
    let dead = room.run(&["session", "validate", "--all"]).await.ended(3);
    assert!(dead.stdout.starts_with("RESULT  STORES\ndead    1\n"), "{dead:?}");
    assert!(dead.stdout.contains("30000001  dead"), "{dead:?}");
    let renewed = room.run(&["session", "refresh", "--all"]).await.good().stdout;
    assert_eq!(renewed, "RESULT     STORES\nrefreshed  1\n");
    assert_eq!(room.run(&["session", "get", "30000001"]).await.good().json()["generation"], 2);
    room.run(&["session", "refresh"]).await.ended(2);
    room.run(&["session", "refresh", "30000001", "--all"]).await.ended(2);

    let told = room.run(&["stores", "explain", "30000001", "--lang", "ru", "--json"]).await.good().json();
    assert_eq!((&told["cause"], &told["language"]), (&"alive".into(), &"ru".into()));
    let timeline = room.run(&["stores", "timeline", "30000001"]).await.good().stdout;
    assert!(timeline.lines().nth(1).is_some_and(|line| line.contains("refresh (silent)")), "{timeline}");
    let jobs = room.run(&["jobs", "--kind", "batch", "--json"]).await.good().json();
    assert!(jobs["jobs"].as_array().is_some_and(|jobs| !jobs.is_empty()), "{jobs}");
}
