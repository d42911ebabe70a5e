//! Browsers that are not ours: at an address, and in a session of a Grid.

use std::time::Duration;

use kaspi_auth_browser::{FarmError, FarmNews, FarmSettings, ShardSpec};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    harness::{FILL, PASSWORD, Yard, shows, sign_in},
    stand_in::{RemoteBrowser, StandInGrid},
};

fn remote(settings: &mut FarmSettings, endpoint: &str) {
    settings.shards = vec![ShardSpec::Remote { endpoint: endpoint.to_owned().into() }];
}

fn on(grid: &StandInGrid, settings: &mut FarmSettings, password: &str) {
    settings.shards = vec![ShardSpec::Grid {
        url: grid.url.clone(),
        credentials: Some(("grid".to_owned(), password.to_owned().into())),
        capabilities: json!({"goog:chromeOptions": {"args": ["--no-sandbox"]}, "se:name": "kaspi-auth"}),
    }];
}

#[tokio::test]
async fn a_login_runs_in_a_browser_at_an_address() {
    const LOOK: &str = "function () {
        const zone = Intl.DateTimeFormat().resolvedOptions();
        return [navigator.languages.join(), zone.timeZone, zone.locale, innerWidth, innerHeight];
    }";
    let browser = RemoteBrowser::start().await;
    let yard = Yard::ready(|settings, _| remote(settings, &browser.endpoint)).await;
    let mut context = yard.lease("one").await.unwrap();
    assert!(context.was_warm());
    let told = context.call(LOOK, &[]).await.unwrap();
    assert_eq!(told, json!(["ru-KZ,ru", "Asia/Almaty", "ru-KZ", 1280, 800]));
    sign_in(&mut context, "plain@sandbox.test").await;
    context.close().await;
    yard.end().await;
}

#[tokio::test]
async fn a_browser_at_an_address_that_dies_is_told_and_its_address_is_not() {
    let browser = RemoteBrowser::start().await;
    let yard = Yard::ready(|settings, _| remote(settings, &browser.endpoint)).await;
    let mut context = yard.lease("one").await.unwrap();
    browser.kill();
    let error = loop {
        if let Err(error) = context.next().await {
            break error;
        }
    };
    assert!(matches!(error, FarmError::BrowserLost { .. }), "{error:?}");
    drop(context);
    let Err(error) = yard.lease("one").await else { panic!("a context of nothing") };
    let FarmError::NoShard { last } = error else { panic!("{error:?}") };
    assert!(!last.contains("devtools"), "{last}");
    yard.end().await;
}

/// The browser lives on and knows nothing of the login any more: it disposes of the contexts of a connection that is gone.
#[tokio::test]
async fn a_socket_that_closes_at_any_step_is_told_replaced_and_leaves_no_context() {
    let browser = RemoteBrowser::start().await;
    for step in ["before the e-mail", "before the password", "after the password", "while held"] {
        let wire = browser.over_wire().await;
        let yard = Yard::ready(|settings, _| {
            remote(settings, &wire.endpoint);
            settings.min_warm = 1;
        })
        .await;
        let mut context = yard.lease("one").await.unwrap();
        let shard = context.shard();
        if step != "before the e-mail" {
            context.call(FILL, &[json!("#user_email_field"), json!("plain@sandbox.test")]).await.unwrap();
            shows(&mut context, "password").await;
        }
        match step {
            "after the password" => {
                context.call(FILL, &[json!("#password_field"), json!(PASSWORD)]).await.unwrap();
            }
            "while held" => context.hold(Instant::now() + Duration::from_mins(5)),
            _ => {}
        }
        wire.cut();
        let error = loop {
            if let Err(error) = context.next().await {
                break error;
            }
        };
        assert!(matches!(error, FarmError::BrowserLost { .. }) && error.is_lost(), "{step}: {error:?}");
        drop(context);
        let mut again = yard.lease("one").await.unwrap();
        assert_ne!(again.shard(), shard, "{step}");
        sign_in(&mut again, "plain@sandbox.test").await;
        again.close().await;
        assert!(yard.sandbox.control().counters().passwords <= 2, "{step}: one of the cut login at most");
        yard.end().await;
        browser.until_without_contexts().await;
    }
}

#[tokio::test]
async fn the_contexts_of_others_in_a_browser_at_an_address_stay() {
    let browser = RemoteBrowser::start().await;
    let one = Yard::ready(|settings, _| remote(settings, &browser.endpoint)).await;
    let two = Yard::ready(|settings, _| remote(settings, &browser.endpoint)).await;
    let mut context = one.lease("one").await.unwrap();
    two.lease("two").await.unwrap().close().await;
    two.end().await;
    sign_in(&mut context, "plain@sandbox.test").await;
    drop(context);
    one.end().await;
}

#[tokio::test]
async fn a_login_runs_in_a_session_that_is_given_back() {
    let grid = StandInGrid::start(false).await;
    let yard = Yard::ready(|settings, _| on(&grid, settings, "secret")).await;
    let asked = grid.asked().remove(0);
    assert_eq!((&asked["browserName"], &asked["se:name"]), (&json!("chrome"), &json!("kaspi-auth")));
    let arguments = asked["goog:chromeOptions"]["args"].as_array().unwrap().clone();
    assert!(
        arguments.contains(&json!("--no-sandbox")) && arguments.contains(&json!("--headless")),
        "{arguments:?}"
    );
    let mut context = yard.lease("one").await.unwrap();
    sign_in(&mut context, "plain@sandbox.test").await;
    drop(context);
    assert_eq!(grid.sessions(), 1);
    yard.end().await;
    assert_eq!(grid.sessions(), 0);
}

#[tokio::test]
async fn a_session_whose_browser_dies_is_given_back_and_another_taken() {
    let grid = StandInGrid::start(false).await;
    let yard = Yard::ready(|settings, _| on(&grid, settings, "secret")).await;
    let mut context = yard.lease("one").await.unwrap();
    grid.kill_browsers();
    let error = loop {
        if let Err(error) = context.next().await {
            break error;
        }
    };
    assert!(matches!(error, FarmError::BrowserLost { .. }), "{error:?}");
    drop(context);
    yard.news.until(2, "another session", |news| matches!(news, FarmNews::ShardUp { .. })).await;
    let mut context = yard.lease("one").await.unwrap();
    sign_in(&mut context, "plain@sandbox.test").await;
    drop(context);
    assert_eq!((grid.asked().len(), grid.sessions()), (2, 1));
    yard.end().await;
}

#[tokio::test]
async fn a_grid_that_does_not_know_us_is_told_without_the_password() {
    let grid = StandInGrid::start(false).await;
    let yard = Yard::with(|settings, _| on(&grid, settings, "hunter2")).await;
    let Err(FarmError::NoShard { last }) = yard.lease("one").await else { panic!("a context of nothing") };
    assert!(last.contains("401") && !last.contains("hunter2"), "{last}");
    yard.end().await;
}

#[tokio::test]
async fn a_session_without_a_socket_is_given_back() {
    let grid = StandInGrid::start(true).await;
    let yard = Yard::with(|settings, _| on(&grid, settings, "secret")).await;
    let Err(FarmError::NoShard { last }) = yard.lease("one").await else { panic!("a context of nothing") };
    assert!(last.contains("se:cdp"), "{last}");
    yard.end().await;
    assert_eq!(grid.sessions(), 0);
}
