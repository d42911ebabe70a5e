//! One table, two engines: every story account of the sandbox comes to the same outcome, with the same words, cookies and counters.

use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::port::Engine as _;
use kaspi_sandbox::stories;

use crate::bench::{Bench, Visit, until};
use crate::harness::{PASSWORD, with_password};

fn credentials(id: &str, password: &str) -> Credentials {
    if id.contains('@') { with_password(id, password) } else { Credentials::phone(id).unwrap() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_that_tells_the_engines_apart_is_a_wall_for_one_of_them() {
    let bench = Bench::new().await;
    let who = with_password("wall.direct", PASSWORD);
    let (story, _) = Visit::new(&*bench.direct, &who).whole(&bench, None).await;
    assert!(story[0].starts_with("portal_blocked"), "{story:?}");
    let (story, finished) = Visit::new(&*bench.browser, &who).whole(&bench, None).await;
    assert!(finished.is_some(), "{story:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_comes_to_the_same_outcome_on_both_engines() {
    let (by_http, by_page) = (Bench::new().await, Bench::new().await);
    for story in stories::all() {
        // Meant to tell the engines apart.
        if story.id().contains("wall.direct") {
            continue;
        }
        let passwords: &[&str] = match story.id() {
            "locked@sandbox.test" => &["wrong 1", "wrong 2", "wrong 3", PASSWORD],
            id if id.contains('@') => &[PASSWORD, "another password"],
            _ => &[PASSWORD],
        };
        for password in passwords {
            let who = credentials(story.id(), password);
            let (direct, _) = Visit::new(&*by_http.direct, &who).whole(&by_http, None).await;
            let (browser, _) = Visit::new(&*by_page.browser, &who).whole(&by_page, None).await;
            assert_eq!(browser, direct, "{} {password}: {}", story.id(), story.tells);
        }
    }
    let (direct, browser) = (by_http.counters(), by_page.counters());
    assert_eq!(browser.passwords, direct.passwords);
    assert_eq!(browser.logins, direct.logins);
    assert_eq!(browser.codes_sent.email, direct.codes_sent.email);
    assert_eq!(browser.codes_sent.sms, direct.codes_sent.sms);
    by_page.leaves_nothing().await;
}

#[tokio::test]
async fn a_wrong_code_leaves_the_login_alive_and_another_can_be_asked_for() {
    let bench = Bench::new().await;
    for id in ["code@sandbox.test", "+7 (700) 000-00-01"] {
        let who = credentials(id, PASSWORD);
        let visit = Visit::new(&*bench.browser, &who);
        let (_, at) = crate::harness::code_sent(visit.submit().await.unwrap());
        let old = bench.code(&who);
        let reply = visit.answer(visit.at(at.continuation), &crate::harness::wrong_code()).await.unwrap();
        let (code, at) = crate::harness::rejected(reply);
        assert_eq!(code.as_str(), "code_rejected", "{id}");
        let at = bench.browser.resend(visit.at(at.continuation), &who).await.unwrap();
        let (code, at) = crate::harness::rejected(visit.answer(visit.at(at), &old).await.unwrap());
        assert_eq!(code.as_str(), "code_expired", "{id}");
        let at = crate::harness::accepted(
            visit.answer(visit.at(at.continuation), &bench.code(&who)).await.unwrap(),
        );
        crate::harness::session(bench.browser.finish(visit.at(at.continuation), None).await.unwrap());
    }
    assert_eq!(bench.counters().passwords, 1);
    assert_eq!((bench.counters().codes_sent.email, bench.counters().codes_sent.sms), (2, 2));
}

#[tokio::test]
async fn the_last_wrong_code_ends_the_login_and_a_flood_of_codes_does_not() {
    let bench = Bench::with(|wish| {
        wish.knobs.code.attempts = 2;
        wish.knobs.code.sends = 1;
    })
    .await;
    let who = credentials("code@sandbox.test", PASSWORD);
    let visit = Visit::new(&*bench.browser, &who);
    let (_, at) = crate::harness::code_sent(visit.submit().await.unwrap());
    let error = crate::harness::failure(bench.browser.resend(visit.at(at.continuation.clone()), &who).await);
    assert_eq!(error.code().as_str(), "portal_rate_limited");
    assert!(error.retry_at().is_some());
    let wrong = crate::harness::wrong_code();
    let (_, at) = crate::harness::rejected(visit.answer(visit.at(at.continuation), &wrong).await.unwrap());
    let error = crate::harness::failure(visit.answer(visit.at(at.continuation), &wrong).await);
    assert_eq!(error.code().as_str(), "code_attempts_exhausted");
    until("the page is let go", || bench.browser.held() == 0).await;
}

#[tokio::test]
async fn a_login_that_is_given_up_holds_no_page() {
    let bench = Bench::new().await;
    let who = credentials("code@sandbox.test", PASSWORD);
    let visit = Visit::new(&*bench.browser, &who);
    let (_, at) = crate::harness::code_sent(visit.submit().await.unwrap());
    assert_eq!(bench.browser.held(), 1);
    bench.browser.give_up(visit.at(at.continuation.clone())).await;
    assert_eq!(bench.browser.held(), 0);
    let error = crate::harness::failure(visit.answer(visit.at(at.continuation), &bench.code(&who)).await);
    assert_eq!(error.code().as_str(), "browser_lost");
    assert!(bench.told.lost.lock().unwrap().is_empty(), "nobody is told of what was given up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_at_once_do_not_mix() {
    let bench = std::sync::Arc::new(Bench::new().await);
    for number in 0..8 {
        let account = kaspi_sandbox::AccountSpec::email(format!("many{number}@sandbox.test"));
        bench.control().add_account(account.merchant(format!("5000{number}")));
    }
    let logins = (0..8).map(|number| {
        let bench = std::sync::Arc::clone(&bench);
        tokio::spawn(async move {
            let who = credentials(&format!("many{number}@sandbox.test"), PASSWORD);
            let (story, _) = Visit::new(&*bench.browser, &who).whole(&bench, None).await;
            assert!(story[1].contains(&format!("5000{number}")), "{story:?}");
        })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap();
    }
    assert_eq!(bench.counters().passwords, 8);
}

#[tokio::test]
async fn the_shell_and_the_whole_browser_both_sign_in() {
    let path = std::env::var_os("PATH").unwrap();
    let on_path = |name: &str| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
    };
    let binaries: Vec<_> = ["chromium-headless-shell", "chromium"].into_iter().filter_map(on_path).collect();
    assert!(!binaries.is_empty(), "Chromium is installed: apt-get install chromium chromium-headless-shell");
    for binary in binaries {
        let bench = Bench::with(|wish| wish.binary = Some(binary.clone())).await;
        let who = credentials("su-code@sandbox.test", PASSWORD);
        let (story, finished) = Visit::new(&*bench.browser, &who).whole(&bench, None).await;
        assert!(finished.is_some(), "{}: {story:?}", binary.display());
    }
}

#[tokio::test]
async fn a_page_that_has_to_make_room_ends_its_login_clearly() {
    let bench = Bench::with(|wish| wish.held_limit = 1).await;
    let (first, second) =
        (credentials("code@sandbox.test", PASSWORD), credentials("always@sandbox.test", PASSWORD));
    let (one, two) = (Visit::new(&*bench.browser, &first), Visit::new(&*bench.browser, &second));
    let (_, at_one) = crate::harness::code_sent(one.submit().await.unwrap());
    let (_, at_two) = crate::harness::code_sent(two.submit().await.unwrap());
    until("the holder is told", || *bench.told.lost.lock().unwrap() == [one.login]).await;
    let result = one.answer(one.at(at_one.continuation), &bench.code(&first)).await;
    assert_eq!(crate::harness::code_of(result), "browser_lost");
    let reply = two.answer(two.at(at_two.continuation), &bench.code(&second)).await.unwrap();
    crate::harness::accepted(reply);
}
