//! The story accounts do what the start page says of them.
//! It must not change any setting but the slow story's time.

use crate::client::{PASSWORD, Portal};
use http::header;
use kaspi_sandbox::stories;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn every_story_is_on_the_start_page() {
    let portal = Portal::start().await;
    let page = portal.get(&format!("{}/", portal.site), &[]).await.body;
    for story in stories::all() {
        assert!(page.contains(&format!("<code>{}</code>", story.id())), "{}", story.id());
    }
}

#[tokio::test]
async fn each_story_answers_its_first_step() {
    let portal = Portal::start().await;
    portal.turn(&json!({"login": {"slow_millis": 0}}));
    for story in stories::all() {
        let name = story.id().split('@').next().unwrap_or_default().to_owned();
        let answer = match &story.account.phone {
            Some(phone) => portal.sign_in(&[], &json!({"_ph": phone})).await,
            None => portal.password(story.id()).await,
        };
        let flood = json!({"errorCode": "MFA_SEND_FLOOD", "errorData": {"breakTimeSeconds": 122}});
        match name.as_str() {
            "code" | "remembered" | "always" | "su-code" => assert!(answer.json()["email"].is_string()),
            "su" => assert_eq!(answer.json()["su"].as_array().map(Vec::len), Some(2)),
            "none" => assert_eq!(answer.error(), (401, "NO_MERCHANTS".into())),
            "noperm" => assert_eq!(answer.error(), (401, "INSUFFICIENT_PERMISSIONS".into())),
            "flood" | "+7 (700) 000-00-03" => {
                assert_eq!((answer.status.as_u16(), answer.json()), (401, flood));
            }
            "wall" | "wall.direct" => {
                assert_eq!(answer.status, 403);
                assert!(
                    answer.headers[header::CONTENT_TYPE]
                        .to_str()
                        .is_ok_and(|kind| kind.starts_with("text/html"))
                );
                assert!(answer.body.contains("SANDBOX"));
            }
            "wrong" => assert_eq!(answer.error(), (401, "CREDENTIALS_INVALID".into())),
            "broken" => assert_eq!(answer.status, 500),
            "changed" => assert!(answer.status == 200 && answer.json()["redirectUrl"].is_null()),
            phone if phone.starts_with('+') => assert!(answer.json()["phone"].is_string()),
            _ => assert!(answer.json()["redirectUrl"].is_string(), "{name}: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn any_other_password_is_wrong_everywhere() {
    let portal = Portal::start().await;
    portal.turn(&json!({"login": {"slow_millis": 0}}));
    for story in stories::all() {
        let Some(email) = &story.account.email else { continue };
        if matches!(email.as_str(), "wall@sandbox.test" | "wall.direct@sandbox.test" | "broken@sandbox.test")
        {
            continue;
        }
        let answer = portal.sign_in(&[], &json!({"_u": email, "_p": "other"})).await;
        assert_eq!(answer.error(), (401, "CREDENTIALS_INVALID".into()), "{email}");
    }
}

#[tokio::test]
async fn the_wrong_password_story_refuses_the_right_one_too() {
    let portal = Portal::start().await;
    for password in [PASSWORD, "other", ""] {
        let answer = portal.sign_in(&[], &json!({"_u": "wrong@sandbox.test", "_p": password})).await;
        assert_eq!(answer.error(), (401, "CREDENTIALS_INVALID".into()));
    }
    let counted = portal.control().account_counters("wrong@sandbox.test").expect("the story's account");
    assert_eq!((counted.passwords, counted.wrong_passwords, counted.logins), (3, 3, 0));
}

#[tokio::test]
async fn the_slow_story_is_slow() {
    let portal = Portal::start().await;
    portal.turn(&json!({"login": {"slow_millis": 200}}));
    let began = Instant::now();
    assert_eq!(portal.password("slow@sandbox.test").await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_code_is_always_asked_for_where_the_story_says_so() {
    let portal = Portal::start().await;
    let email = "always@sandbox.test";
    let sso = portal.password(email).await.cookie("MS_AUTH_SSO");
    let done = portal.sign_in(&[&sso], &json!({"_u": email, "_m_c": portal.code(email), "_r_d": true})).await;
    let device = done.cookie("MS_AUTH_DEVICE");
    let again = portal.sign_in(&[&device], &json!({"_u": email, "_p": "sandbox-password"})).await;
    assert!(again.json()["email"].is_string());
}

#[tokio::test]
async fn there_may_be_no_stories() {
    let options = kaspi_sandbox::Options { stories: false, ..Default::default() };
    let portal = Portal::start_with(options).await;
    assert_eq!(portal.password("plain@sandbox.test").await.status, 401);
    portal.control().reset();
    assert_eq!(portal.password("plain@sandbox.test").await.status, 401);
}
