//! The predecessor's programs beside this service, on one PostgreSQL: they read rows that the service keeps fresh, and the service
//! takes up what they write.

use std::io::Write as _;
use std::process::{Command, Stdio};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{row, serve, settle};
use crate::harness::{Kind, PASSWORD, World, encryption_key, eventually};

/// Runs the script on the world's database, with JSON in and out.
async fn python(world: &World, chore: &'static str, mut input: Value) -> Value {
    input["database"] = json!(world.database.url());
    let run = move || {
        let program = std::env::var("KASPI_AUTH_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut child = Command::new(program)
            .args(["-c", include_str!("predecessor.py"), chore, &encryption_key()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 with `asyncpg` and `cryptography` is needed: apt-get install python3-asyncpg python3-cryptography");
        child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "python3 failed at {chore}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// The column as it stands in the table.
async fn guid(world: &World, uid: &str) -> Value {
    let sql = format!("select guid::text from kaspi_stores where merchant_id = '{uid}' and is_active");
    serde_json::from_str(&world.database.texts(&sql).await[0]).unwrap()
}

/// What a reader of the predecessor's gets from the cabinet with the row as it is.
async fn read_and_call(world: &World, uid: &str) -> Value {
    let address = world.portal_address();
    let host = format!("{}:{}", world.config.portal.cabinet_url.host_str().unwrap(), address.port());
    let input = json!({"merchant_id": uid, "host": host, "address": address.to_string()});
    let answer = python(world, "call", input).await;
    assert_eq!(answer["merchant_uid"], uid, "{answer}");
    answer
}

/// Cookies as the predecessor writes them into a row.
async fn cookies(world: &World, uid: &str) -> Value {
    world.admin.get(&format!("/v1/stores/{uid}/session")).await.is(200).json()["cookies"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_reader_works_on_rows_that_are_kept_fresh() {
    World::prove(Kind::Postgres, async |world| {
        let keeper = world.second_node().await;
        world.store("shop", "7000001").await;
        settle(world).await;
        let first = read_and_call(world, "7000001").await;
        assert_eq!((&first["status"], &first["merchants"]), (&json!(200), &json!(["7000001"])));

        for (generation, silent) in [(2, true), (3, false)] {
            world.portal.kill_sessions(None);
            if !silent {
                world.portal.kill_sso(None);
            }
            assert_eq!(read_and_call(world, "7000001").await["status"], 401, "the reader sees what died");
            world.advance(SignedDuration::from_hours(7));
            settle(world).await;
            assert_eq!(row(world, "7000001").await.generation, generation);
            let fresh = read_and_call(world, "7000001").await;
            assert_eq!((&fresh["status"], &fresh["merchants"]), (&json!(200), &json!(["7000001"])));
            assert!(fresh["authenticated_at"].as_str() > first["authenticated_at"].as_str(), "{fresh}");
        }
        keeper.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_python_program_writes_is_served_looked_at_and_kept() {
    World::prove(Kind::Postgres, async |world| {
        let keeper = world.second_node().await;
        let email = world.store("shop", "7000001").await;
        let other = world.account("other", "7000002");
        settle(world).await;
        let old = cookies(world, "7000001").await;
        world.admin.refresh("7000001").await.is(200);
        settle(world).await;
        assert_eq!(row(world, "7000001").await.generation, 2);

        // It signed in by itself and writes its own session over ours.
        let write = async |cookies: &Value, email: &str, uid: &str| {
            let input = json!({"cookies": cookies, "email": email, "password": PASSWORD, "merchant_id": uid});
            python(world, "write", input).await
        };
        let written = write(&old, &email, "7000001").await;
        let taken_up = eventually("the new session is looked at", async || {
            let row = row(world, "7000001").await;
            (row.generation == 3 && row.validity == "alive").then_some(row)
        });
        assert!(!taken_up.await.needs_reauth);
        let session = world.admin.session("7000001").await;
        assert_eq!((session.generation, session.validity.as_str()), (3, "alive"));
        assert_eq!(value_of(&json!(session.cookies)), value_of(&old), "its session is served");
        assert_eq!(guid(world, "7000001").await, written, "and its row stays as it wrote it");

        // A merchant that it connected by itself is a store like any other.
        let login = world.admin.sign_in_as(&other, PASSWORD).await.stands("succeeded");
        let theirs = cookies(world, &login.uid()).await;
        world.admin.delete("/v1/stores/7000002").await.is(204);
        write(&theirs, &other, "7000002").await;
        eventually("the new store is looked at", async || {
            let row = world.admin.get("/v1/stores/7000002").await;
            (row.status == 200 && row.json()["validity"] == "alive").then_some(())
        })
        .await;

        // Both are kept: renewed when they die, readable for the other program afterwards.
        let passwords = world.passwords();
        settle(world).await;
        world.portal.kill_sessions(None);
        world.advance(SignedDuration::from_hours(7));
        settle(world).await;
        for uid in ["7000001", "7000002"] {
            let row = row(world, uid).await;
            assert_eq!((row.validity.as_str(), row.needs_reauth), ("alive", false), "{row:?}");
            assert_eq!(read_and_call(world, uid).await["status"], 200);
            assert!(serve(world, &keeper, uid).await.is_ok());
        }
        // What it wrote has no cookie of the login host: the password in its row is used, once each.
        assert_eq!((world.passwords(), world.codes()), (passwords + 2, 0));
        keeper.stop().await;
    })
    .await;
}

/// The cabinet session of a list of cookies.
fn value_of(cookies: &Value) -> String {
    let sid = cookies.as_array().unwrap().iter().find(|cookie| cookie["name"] == "mc-sid").unwrap();
    sid["value"].as_str().unwrap().to_owned()
}
