//! Which engine drives a login: `auto` takes a browser where HTTP meets a wall and never for a wrong password; the store's and the
//! configuration's word counts for logins that nobody asked otherwise for.

use kaspi_auth_core::login::EngineChoice;
use serde_json::json;

use crate::chromium::{by_browser, on, sleeping};
use crate::harness::{Kind, PASSWORD, World};

fn posts_of(world: &World) -> (u64, u64) {
    (world.posts(), world.passwords())
}

async fn a_wall_before_http_is_passed_by_a_browser_which_is_then_remembered(world: &World) {
    let email = "wall.direct@sandbox.test";
    let login = world.admin.sign_in_as(email, PASSWORD).await.stands("succeeded");
    assert_eq!((login.engine.as_str(), login.driver.as_str()), ("auto", "browser"));
    // The wall stands behind the password: it has seen one by HTTP, and one by browser.
    assert_eq!(world.portal.account_counters(email).unwrap().passwords, 2);
    let store = world.admin.store("30000050").await;
    assert_eq!((store.engine.as_deref(), store.driver.as_deref()), (None, Some("browser")));
    let (status, _) = world.open_cabinet(&world.admin.session("30000050").await.cookie_header).await;
    assert_eq!(status, 200);

    let again = world.admin.sign_in_as(email, PASSWORD).await.stands("succeeded");
    assert_eq!((again.engine.as_str(), again.driver.as_str()), ("auto", "browser"));
    assert_eq!(world.portal.account_counters(email).unwrap().passwords, 3, "HTTP was not tried again");
    // What is remembered is this account's.
    let other = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    assert_eq!(other.driver, "direct");
    // The wall was got past: it is not held against the way out.
    let egress = world.admin.get("/v1/egresses/00000000-0000-0000-0000-000000000000").await.is(200).json();
    assert_eq!(egress["health"]["blocks"], 0, "{egress}");
}

async fn a_wrong_password_and_an_outage_wake_no_browser(world: &World) {
    let login = world.admin.sign_in_as("plain@sandbox.test", "wrong-one").await.stands("failed");
    assert_eq!((login.code(), login.driver.as_str()), ("invalid_credentials", "direct"));
    assert_eq!(posts_of(world), (1, 1));
    let login = world.admin.sign_in_as("broken@sandbox.test", PASSWORD).await.stands("failed");
    assert_eq!((login.code(), login.driver.as_str()), ("portal_unavailable", "direct"));
    assert_eq!(posts_of(world).0, 2);
    let login = world.admin.sign_in_as("none@sandbox.test", PASSWORD).await.stands("failed");
    assert_eq!(login.driver, "direct");
    assert!(sleeping(world.node()).is_none(), "no browser was started");
}

async fn who_asks_for_http_gets_http(world: &World) {
    let body = json!({"email": "wall.direct@sandbox.test", "password": PASSWORD, "engine": "direct"});
    let login = world.admin.sign_in(&body).await.stands("failed");
    assert_eq!((login.code(), login.driver.as_str()), ("portal_blocked", "direct"));
    assert!(sleeping(world.node()).is_none(), "no browser was started");
    assert_eq!(world.passwords(), 1);
}

async fn a_wrong_password_in_a_browser_is_sent_once(world: &World) {
    let body = json!({"email": "plain@sandbox.test", "password": "wrong-one", "engine": "browser"});
    let login = world.admin.sign_in(&body).await.stands("failed");
    assert_eq!((login.code(), login.driver.as_str()), ("invalid_credentials", "browser"));
    world.admin.sign_in(&body).await.stands("failed");
    assert_eq!(posts_of(world), (1, 1), "what was refused is not sent again");
    let auto = json!({"email": "plain@sandbox.test", "password": "wrong-one"});
    assert_eq!(world.admin.sign_in(&auto).await.stands("failed").code(), "invalid_credentials");
    assert_eq!(posts_of(world), (1, 1), "by no engine");
    world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
}

async fn a_refresh_is_driven_by_what_the_store_says(world: &World) {
    world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    assert!(sleeping(world.node()).is_none());
    world.admin.patch("/v1/stores/30000001", &json!({"engine": "browser"})).await.is(200);
    world.portal.kill_sso(None);
    world.portal.kill_sessions(None);
    assert_eq!(world.admin.validity("30000001").await, "dead");
    world.admin.refresh("30000001").await.is(200);
    let store = world.admin.store("30000001").await;
    assert_eq!((store.driver.as_deref(), store.status.as_str()), (Some("browser"), "active"));
    assert_eq!(world.passwords(), 2);
    assert_eq!(world.admin.validity("30000001").await, "alive");
}

macro_rules! proven {
    ($($body:ident),+ $(,)?) => {
        mod on_sqlite {
            use super::*;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $body() {
                    World::prove_with(Kind::Sqlite, on, super::$body).await;
                }
            )+
        }
    };
}

proven!(
    a_wall_before_http_is_passed_by_a_browser_which_is_then_remembered,
    a_wrong_password_and_an_outage_wake_no_browser,
    who_asks_for_http_gets_http,
    a_wrong_password_in_a_browser_is_sent_once,
    a_refresh_is_driven_by_what_the_store_says,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_before_http_is_passed_by_a_browser_which_is_then_remembered_on_postgres() {
    let body = a_wall_before_http_is_passed_by_a_browser_which_is_then_remembered;
    World::prove_with(Kind::Postgres, on, body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_says_it_the_configuration_does() {
    let browser = |config: &mut kaspi_auth::config::Config| {
        on(config);
        config.logins.engine = EngineChoice::Browser;
    };
    World::prove_with(Kind::Sqlite, browser, async |world| {
        let login = world.admin.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
        assert_eq!((login.engine.as_str(), login.driver.as_str()), ("browser", "browser"));
        let direct = json!({"email": "plain@sandbox.test", "password": PASSWORD, "engine": "direct"});
        assert_eq!(world.admin.sign_in(&direct).await.stands("succeeded").driver, "direct");
    })
    .await;
}
