//! A database in trouble for a moment: connections that are cut, a file that another process holds. The service says so at
//! most, loses nothing and goes on.

use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};

use crate::harness::{Kind, Login, PASSWORD, World, eventually, on_sqlite, until};

/// Ends every connection but the one that asks for it.
const CUT: &str = "select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_connections_are_cut_goes_on() {
    World::prove(Kind::Postgres, async |world| {
        let other = world.second_node().await;
        world.store("shop", "7000001").await;
        world.portal.set_fault(Fault::new(FaultKind::Delay(700)).role("login").path("/api/p/login").times(1));
        let faults = world.portal.counters().faults;
        let body = json!({"email": "plain@sandbox.test", "password": PASSWORD});
        let login: Login = world.admin.post("/v1/logins", &body).await.is(201).read();
        until("the password is on its way", || world.portal.counters().faults > faults).await;
        world.database.execute(CUT).await;
        // Whoever calls now may be told to come again, and nothing worse.
        let calls = (0..20).map(|_| world.admin.get("/v1/stores/7000001/session"));
        for answer in futures_util::future::join_all(calls).await {
            if answer.status != 200 {
                assert!(answer.is_problem(503, "database_unavailable").retryable);
            }
        }
        eventually("it serves again", async || {
            (world.admin.get("/v1/stores").await.status == 200).then_some(())
        })
        .await;
        world.admin.login(login.id).await.stands("succeeded");
        assert_eq!(world.portal.account_counters("plain@sandbox.test").unwrap().passwords, 1);
        // Changes of others are heard again: what this node holds in memory is not stale.
        world.admin.session("7000001").await;
        let there = world.admin.at(other.anyone().base());
        eventually("the other one serves again", async || {
            (there.get("/v1/stores").await.status == 200).then_some(())
        })
        .await;
        there.refresh("7000001").await.is(200);
        eventually("the new session is served here", async || {
            (world.admin.session("7000001").await.generation == 2).then_some(())
        })
        .await;
        other.stop().await;
    })
    .await;
}

async fn a_file_that_another_process_writes_to_is_waited_for(world: &World) {
    world.store("shop", "7000001").await;
    let mut other = SqliteConnection::connect(world.database.url()).await.unwrap();
    sqlx::raw_sql("begin immediate").execute(&mut other).await.unwrap();
    let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD);
    let release = async {
        // Reading goes on, and the login cannot have begun: that would be a write.
        for _ in 0..30 {
            world.admin.session("7000001").await;
            world.admin.get("/v1/stores").await.is(200);
        }
        assert_eq!(world.passwords(), 1, "the first login's");
        sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    };
    let (login, ()) = futures_util::future::join(login, release).await;
    login.stands("succeeded");
    other.close().await.unwrap();
}

on_sqlite!(a_file_that_another_process_writes_to_is_waited_for);
