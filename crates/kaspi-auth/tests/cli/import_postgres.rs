//! `import` from the predecessor's own PostgreSQL databases, of both generations, with rows that Python has sealed.

use std::io::Write as _;
use std::process::Stdio;

use kaspi_auth_vault::KeyRing;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::postgres::Database;
use crate::room::{PASSWORD, Ran, Room, Running, eventually, finish};

/// What the asyncpg generation does with a session before it stores it.
const SEAL: &str = "
import json, sys
from cryptography.fernet import Fernet
cipher = Fernet(sys.argv[1].encode())
seal = lambda value: cipher.encrypt(json.dumps(value).encode()).decode()
print(json.dumps([seal(value) for value in json.load(sys.stdin)]))
";

/// Tokens as Python makes them.
fn sealed(key: &str, values: &Value) -> Vec<String> {
    let program = std::env::var("KASPI_AUTH_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = std::process::Command::new(program)
        .args(["-c", SEAL, key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 with `cryptography` is needed: apt-get install python3-cryptography");
    child.stdin.take().unwrap().write_all(values.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The session of a live login at the portal, as the predecessors wrote it.
async fn guid(room: &Room, name: &str, uid: &str) -> Value {
    room.sign_in(name).await;
    let session = room.run(&["session", "get", uid]).await.good().json();
    json!({
        "cookies": session["cookies"], "email": format!("{name}@sandbox.test"), "password": PASSWORD, "merchant_uid": uid,
        "phone": null, "authenticated_at": "2026-09-01T10:00:00+00:00", "sms_verified": false, "auth_method": "email",
    })
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An import in a room of its own, on SQLite or on a PostgreSQL of its own.
async fn import(room: &Room, own: Option<&Database>, from: &Database, more: &[&str]) -> Ran {
    let mut arguments = vec!["import", "--json"];
    arguments.extend(more);
    let mut command: Command = room.command(&arguments);
    command.env("KASPI_AUTH_IMPORT_FROM", from.sqlalchemy_url());
    if let Some(own) = own {
        command.env("DATABASE_URL", own.sqlalchemy_url());
    }
    finish(command, "").await
}

#[tokio::test]
async fn the_fastapi_generation_is_taken_over_with_its_own_key() {
    let old = Room::new().await;
    let key = KeyRing::generate_key();
    std::fs::write(old.path("old-key"), key.expose_secret()).unwrap();
    let guid = guid(&old, "plain", "30000001").await;
    let credentials = json!([guid, {"email": "plain@sandbox.test"}, {"password": PASSWORD}]);
    let tokens = sealed(key.expose_secret(), &credentials);
    let source = Database::new("source").await;
    source
        .fill(format!(
            "create table kaspi_stores (id uuid primary key default gen_random_uuid(), user_id text, merchant_id varchar(255) unique,
                name text, guid jsonb, kaspi_email text, kaspi_password text, store_points jsonb, is_active boolean default true,
                needs_reauth boolean default false, reauth_reason text, created_at timestamptz default now(),
                updated_at timestamptz default now());
             insert into kaspi_stores (user_id, merchant_id, name, guid, kaspi_email, kaspi_password)
                values ('owner-1', '30000001', 'Лавка', {}, {}, {}), (null, '17', 'Empty', null, null, null),
                       (null, '18', 'Broken', '{{\"encrypted\": \"gAAAAAcanary\"}}', null, null)",
            literal(&json!({ "encrypted": tokens[0] }).to_string()),
            literal(&tokens[1]),
            literal(&tokens[2]),
        ))
        .await;
    let own = Database::new("own").await;
    for own in [None, Some(&own)] {
        let new = Room::beside(&old);
        let key = old.path("old-key").display().to_string();
        let refused = import(&new, own, &source, &[]).await.ended(1).last_json();
        assert_eq!(refused["unreadable"], 2, "our own key opens none of it: {refused}");
        let more = ["--source-key-file", &key, "--apply", "--validate", "--report", "rows.csv"];
        let told = import(&new, own, &source, &more).await.ended(1);
        let summary = told.last_json();
        assert_eq!(summary["answers"]["added"], 1, "{summary}");
        assert_eq!(
            (&summary["answers"]["skipped_empty"], &summary["unreadable"]),
            (&json!(1), &json!(1)),
            "{summary}"
        );
        assert_eq!(summary["sessions"]["alive"], 1, "{summary}");
        let rows = std::fs::read_to_string(new.path("rows.csv")).unwrap();
        assert!(rows.contains("30000001,taken,added") && rows.contains(",18,unreadable"), "{rows}");
        assert!(rows.lines().skip(1).all(|row| row.starts_with("id ")), "{rows}");
        assert!(!rows.contains("canary") && !format!("{told:?}").contains(PASSWORD), "{rows}");
        let again =
            import(&new, own, &source, &["--source-key-file", &key, "--apply"]).await.ended(1).last_json();
        assert_eq!(again["answers"]["skipped_same"], 1, "{again}");
    }
    // The source was only read.
    own.drop().await;
    source.drop().await;
}

#[tokio::test]
async fn the_django_generation_is_taken_over_from_plain_rows() {
    let old = Room::new().await;
    let guid = guid(&old, "plain", "30000001").await;
    let source = Database::new("source").await;
    source
        .fill(format!(
            "create schema shops;
             create table shops.shops_kaspistore (id serial primary key, user_id integer, merchant_id varchar(64), name varchar(255),
                guid jsonb, is_active boolean);
             insert into shops.shops_kaspistore (user_id, merchant_id, name, guid, is_active)
                values (7, '30000001', 'Лавка', {}, true)",
            literal(&guid.to_string()),
        ))
        .await;
    let new = Room::beside(&old);
    let more = ["--table", "shops.shops_kaspistore", "--apply", "--validate"];
    let told = import(&new, None, &source, &more).await.good().last_json();
    assert_eq!((&told["answers"]["added"], &told["sessions"]["alive"]), (&json!(1), &json!(1)), "{told}");
    let store = new.run(&["stores", "get", "30000001", "--json"]).await.good().json();
    assert_eq!((&store["user_id"], &store["shop_name"]), (&json!("7"), &json!("Лавка")), "{store}");
    // Its password signs in by itself once the session has ended.
    new.portal().kill_sessions(None);
    new.run(&["session", "refresh", "30000001"]).await.good();
    source.drop().await;
}

#[tokio::test]
async fn the_services_own_database_is_no_source() {
    let room = Room::new().await;
    let own = Database::new("own").await;
    let refused = import(&room, Some(&own), &own, &[]).await.ended(2);
    assert!(refused.stderr.contains("adopted as it stands"), "{refused:?}");
    own.drop().await;
}

#[tokio::test]
async fn an_import_that_was_cut_off_goes_on_behind_the_row_that_it_names() {
    let room = Room::new().await;
    let source = Database::new("source").await;
    let rows = 3000;
    source
        .fill(format!(
            "create table kaspi_stores (id serial primary key, merchant_id text, kaspi_email text, kaspi_password text);
             insert into kaspi_stores (merchant_id, kaspi_email, kaspi_password)
             select cast(50000000 + n as text), 'm' || n || '@shop.test', 'p' from generate_series(1, {rows}) n"
        ))
        .await;
    let mut command = room.command(&["import", "--apply", "--report", "cut.csv"]);
    command.env("KASPI_AUTH_IMPORT_FROM", source.sqlalchemy_url());
    let running = Running::start(command);
    eventually("something has been taken", || {
        std::fs::metadata(room.path("cut.csv")).ok().filter(|report| report.len() > 0)
    })
    .await;
    running.signal("INT").await;
    let cut = running.end().await.ended(130);
    let (_, rest) = cut.stderr.split_once("--after ").unwrap_or_else(|| panic!("{cut:?}"));
    let row: u64 = rest.split(' ').next().unwrap().parse().unwrap();
    assert!(row < rows, "{cut:?}");
    let told =
        import(&room, None, &source, &["--apply", "--after", &row.to_string()]).await.good().last_json();
    assert_eq!(
        (&told["rows"], &told["answers"]["added"]),
        (&json!(rows - row), &json!(rows - row)),
        "{told}"
    );
    let listed = room.run(&["stores", "list", "--json"]).await.good().json();
    assert_eq!(listed["stores"].as_array().unwrap().len() as u64, rows, "not one is missing");
    source.drop().await;
}
