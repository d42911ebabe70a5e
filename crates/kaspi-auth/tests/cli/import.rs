//! `import`: what is said before, what is done, what a second run does, and what is told of every row.

use std::path::Path;

use serde_json::{Value, json};

use crate::room::{PASSWORD, Ran, Room, Running, eventually, finish};

/// Two stores with credentials, and a row that cannot be read.
const TABLE: &str = "merchant_id,name,email,password\n17,Лавка,a@shop.test,canary-1\nno merchant,x,b@shop.test,canary-2\n\
                     18,Второй,c@shop.test,canary-3\n";

async fn uids(room: &Room) -> Vec<String> {
    let listed = room.run(&["stores", "list", "--json"]).await.good().json();
    let uids = listed["stores"].as_array().unwrap().iter();
    uids.map(|store| store["merchant_uid"].as_str().unwrap().to_owned()).collect()
}

fn report(file: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn nothing_is_changed_unless_it_is_asked_for() {
    let room = Room::new().await;
    std::fs::write(room.path("stores.csv"), TABLE).unwrap();
    let dry = room.run(&["import", "--from", "stores.csv", "--json"]).await.ended(1);
    let told = dry.last_json();
    assert_eq!((&told["applied"], &told["rows"], &told["unreadable"]), (&json!(false), &json!(3), &json!(1)));
    assert_eq!(told["answers"]["added"], 2);
    assert!(dry.stderr.contains("line 3: ") && dry.stderr.contains("--apply"), "{dry:?}");
    assert_eq!(uids(&room).await, Vec::<String>::new());

    let wet = room.run(&["import", "--from", "stores.csv", "--apply"]).await.ended(1);
    assert!(
        wet.stdout.contains("2 taken (2 new, 0 newer than here)") && wet.stdout.contains("1 unreadable"),
        "{wet:?}"
    );
    assert_eq!(uids(&room).await, ["17", "18"]);
    assert!(!format!("{dry:?}{wet:?}").contains("canary"), "{dry:?}{wet:?}");
    let stored = std::fs::read(room.path("db.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains("canary-"), "what is stored is sealed");
    assert_eq!(room.portal().counters().passwords, 0, "nothing is sent to the portal");
}

#[tokio::test]
async fn a_second_run_skips_what_is_there_and_every_row_is_reported() {
    let room = Room::new().await;
    std::fs::write(room.path("stores.csv"), TABLE).unwrap();
    let run = async |report: &str| {
        let arguments =
            ["import", "--from", "stores.csv", "--apply", "--report", report, "--user-id", "owner-1"];
        room.run(&arguments).await
    };
    run("first.csv").await.ended(1);
    let first = report(&room.path("first.csv"));
    let brief = |rows: &[Vec<String>]| -> Vec<[String; 4]> {
        rows.iter().map(|row| [row[0].clone(), row[1].clone(), row[2].clone(), row[3].clone()]).collect()
    };
    let expected = [
        ["line 2", "17", "taken", "added"],
        ["line 3", "", "unreadable", "unreadable"],
        ["line 4", "18", "taken", "added"],
    ];
    assert_eq!(brief(&first), expected);
    assert!(first.iter().all(|row| !row[4].is_empty() && !row.concat().contains("canary")), "{first:?}");
    let again = run("second.csv").await.ended(1);
    assert!(again.stdout.contains("0 taken") && again.stdout.contains("2 skipped (2 the same)"), "{again:?}");
    assert_eq!(report(&room.path("second.csv"))[0][3], "skipped_same");
    let refused = run("second.csv").await.ended(2);
    assert!(refused.stderr.contains("is not overwritten"), "{refused:?}");

    let held = room.run(&["stores", "get", "17", "--json"]).await.good().json();
    assert_eq!(held["user_id"], "owner-1");
    let others = ["import", "--from", "stores.csv", "--apply", "--user-id", "owner-2", "--json"];
    assert_eq!(room.run(&others).await.ended(1).last_json()["answers"]["skipped_taken"], 2);
}

#[tokio::test]
async fn a_dry_run_counts_a_merchant_of_two_rows_once() {
    let room = Room::new().await;
    let table = "merchant_id,email,password\n17,a@shop.test,first\n18,b@shop.test,p\n17,a@shop.test,second\n";
    std::fs::write(room.path("stores.csv"), table).unwrap();
    let dry = room.run(&["import", "--from", "stores.csv", "--report", "dry.csv", "--json"]).await.good();
    let told = dry.last_json();
    assert_eq!((&told["answers"]["added"], &told["repeated"]), (&json!(2), &json!(1)), "{told}");
    let rows = report(&room.path("dry.csv"));
    assert_eq!((rows[2][2].as_str(), rows[2][3].as_str()), ("skipped", "repeated"), "{rows:?}");
    let wet = room.run(&["import", "--from", "stores.csv", "--apply", "--json"]).await.good().last_json();
    assert_eq!((&wet["answers"]["added"], &wet["answers"]["skipped_older"]), (&json!(2), &json!(1)), "{wet}");
    assert_eq!(wet["repeated"], 0, "{wet}");
}

#[tokio::test]
async fn an_imported_session_opens_the_cabinet_wherever_it_came_from() {
    let old = Room::new().await;
    old.sign_in("plain").await;
    let export =
        async |format: &str| old.run(&["session", "get", "30000001", "--format", format]).await.good().stdout;
    let session: Value = serde_json::from_str(&export("json").await).unwrap();
    let list = session["cookies"].to_string();
    let state = json!({ "cookies": session["cookies"], "origins": [] }).to_string();
    let files = [
        ("ours.json", session.to_string(), None),
        ("extension.json", list, Some("30000001")),
        ("state.json", state, Some("30000001")),
        ("cookies.txt", export("netscape").await, Some("30000001")),
    ];
    for (name, text, uid) in files {
        // Another installation: another key, another database, the same portal.
        let new = Room::beside(&old);
        std::fs::write(new.path(name), text).unwrap();
        let mut arguments = vec!["import", "--from", name, "--apply", "--validate", "--json"];
        if let Some(uid) = uid {
            arguments.extend(["--merchant-uid", uid]);
        }
        let told = new.run(&arguments).await.good().last_json();
        assert_eq!(
            (&told["answers"]["added"], &told["sessions"]["alive"]),
            (&json!(1), &json!(1)),
            "{name}: {told}"
        );
        let alive = new.run(&["session", "validate", "30000001", "--json"]).await.good().json();
        assert_eq!(alive["validity"], "alive", "{name}");
        let mut shell = tokio::process::Command::new("sh");
        shell.args(["-c", &new.run(&["session", "get", "30000001", "--format", "curl"]).await.good().stdout]);
        shell.kill_on_drop(true);
        assert_eq!(finish(shell, "").await.good().json()["merchants"][0]["uid"], "30000001", "{name}");
    }
}

#[tokio::test]
async fn imported_credentials_sign_in_without_a_person() {
    let room = Room::new().await;
    std::fs::write(
        room.path("stores.csv"),
        format!("merchant_id;login;password\n30000001;plain@sandbox.test;{PASSWORD}\n"),
    )
    .unwrap();
    room.run(&["import", "--from", "stores.csv", "--apply"]).await.good();
    room.run(&["session", "refresh", "30000001"]).await.good();
    room.run(&["session", "validate", "30000001"]).await.good();
    assert_eq!(room.portal().counters().passwords, 1);
}

#[tokio::test]
async fn a_source_may_come_through_a_pipe() {
    let room = Room::new().await;
    let told =
        room.run_with(&["import", "--from", "-", "--apply", "--json"], TABLE).await.ended(1).last_json();
    assert_eq!(told["answers"]["added"], 2);
}

#[tokio::test]
async fn a_source_that_is_none_is_refused_with_what_to_do() {
    let room = Room::new().await;
    std::fs::write(room.path("odd"), "canary canary\n").unwrap();
    std::fs::write(room.path("cookies.txt"), "mc.shop.kaspi.kz\tFALSE\t/\tTRUE\t0\tmc-sid\tcanary\n")
        .unwrap();
    let refused = async |arguments: &[&str], code: i32, sign: &str| {
        let mut all = vec!["import"];
        all.extend(arguments);
        let ran: Ran = room.run(&all).await.ended(code);
        assert!(ran.stderr.contains(sign) && !format!("{ran:?}").contains("canary"), "{ran:?}");
    };
    refused(&["--from", "odd"], 2, "none of the files that are understood").await;
    refused(&["--from", "missing.csv"], 2, "cannot be read").await;
    refused(&["--from", "."], 2, "folder").await;
    refused(&["--from", "cookies.txt"], 1, "--merchant-uid").await;
    refused(&["--from", "odd", "--table", "x"], 2, "--table").await;
    refused(&["--from", "odd", "--after", "7"], 2, "--after").await;
    refused(&["--from", "odd", "--validate"], 2, "--apply").await;
    refused(&["--from", "postgres://nobody:canary@127.0.0.1:1/none", "--json"], 1, "source database").await;
    refused(&["--from", "postgres://h/d", "--source-key", "canary"], 2, "source's key").await;
    refused(&["--from", "postgres://h/d", "--format", "csv"], 2, "--format").await;
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_where_it_was() {
    let room = Room::new().await;
    let rows = 3000;
    let table: String = std::iter::once("merchant_id,email,password\n".to_owned())
        .chain((0..rows).map(|uid| format!("{},m{uid}@shop.test,p\n", 50_000_000 + uid)))
        .collect();
    std::fs::write(room.path("stores.csv"), table).unwrap();
    let running = Running::start(room.command(&["import", "--from", "stores.csv", "--apply"]));
    // Some are in, not all.
    eventually("something has been taken", || {
        std::fs::metadata(room.path("db.sqlite-wal")).ok().filter(|log| log.len() > 400_000)
    })
    .await;
    running.signal("INT").await;
    let ended = running.end().await.ended(130);
    assert!(ended.stderr.contains("run it again") && ended.stdout.contains(" taken ("), "{ended:?}");
    let told = room.run(&["import", "--from", "stores.csv", "--apply", "--json"]).await.good().last_json();
    let answers = &told["answers"];
    assert_eq!(
        answers["added"].as_u64().unwrap() + answers["skipped_same"].as_u64().unwrap(),
        rows,
        "{told}"
    );
    let listed = room.run(&["stores", "list", "--json"]).await.good().json();
    assert_eq!(listed["stores"].as_array().unwrap().len() as u64, rows);
}
