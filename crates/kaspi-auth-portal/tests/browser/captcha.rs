//! What only a person passes: the login waits with a picture, and goes on by itself once the person is through.

use kaspi_auth_core::port::{Engine as _, Reply};
use kaspi_sandbox::Captcha;

use crate::bench::{Bench, Visit, until};
use crate::harness::{accepted, code_of, mail, phone, session};

fn asks_for_a_person(reply: Reply) -> (bool, kaspi_auth_core::login::Continuation) {
    match reply {
        Reply::PersonAsked { captcha, continuation, .. } => (captcha, continuation),
        other => panic!("nobody was asked for: {other:?}"),
    }
}

#[tokio::test]
async fn a_captcha_waits_for_a_person_with_its_picture_and_the_login_then_goes_on() {
    for captcha in [Captcha::Passable, Captcha::Picture] {
        for who in [mail("plain"), phone("77000000001")] {
            let bench = Bench::with(|wish| wish.knobs.login.captcha = captcha).await;
            let visit = Visit::new(&*bench.browser, &who);
            let (is_captcha, at) = asks_for_a_person(visit.submit().await.unwrap());
            assert!(is_captcha);
            assert_eq!(
                (bench.counters().passwords, bench.counters().codes_sent.sms),
                (0, 0),
                "nothing is sent before"
            );
            let evidence = bench.told.last_evidence();
            let picture = evidence.picture.expect("a picture of the captcha");
            assert!(picture.starts_with(b"\x89PNG") && picture.len() > 500);
            assert_eq!(evidence.code, None);
            let (watched, ()) = tokio::join!(bench.browser.watch(visit.at(at)), async {
                bench.control().pass_captchas();
            });
            let reply = watched.unwrap();
            if who.secret().is_some() {
                let at = accepted(reply);
                session(bench.browser.finish(visit.at(at.continuation), None).await.unwrap());
                assert_eq!(bench.counters().passwords, 1);
            } else {
                let (_, at) = crate::harness::code_sent(reply);
                let reply = visit.answer(visit.at(at.continuation), &bench.code(&who)).await.unwrap();
                accepted(reply);
                assert_eq!(bench.counters().codes_sent.sms, 1);
            }
        }
    }
}

#[tokio::test]
async fn a_person_may_act_in_the_page_while_it_is_watched() {
    let bench = Bench::with(|wish| wish.knobs.login.captcha = Captcha::Picture).await;
    let who = mail("plain");
    let visit = Visit::new(&*bench.browser, &who);
    let (_, at) = asks_for_a_person(visit.submit().await.unwrap());
    until("the picture was drawn", || !bench.control().captcha_words().is_empty()).await;
    let word = bench.control().captcha_words().pop().unwrap();
    let solve = "(word) => { const field = document.querySelector('#captcha_field'); field.value = word;
                 field.dispatchEvent(new Event('change')); return true; }";
    let word = [word.into()];
    let (watched, acted) =
        tokio::join!(bench.browser.watch(visit.at(at)), bench.browser.act_in_page(visit.login, solve, &word));
    acted.unwrap();
    let at = accepted(watched.unwrap());
    session(bench.browser.finish(visit.at(at.continuation), None).await.unwrap());
    assert_eq!(bench.counters().passwords, 1);
}

#[tokio::test]
async fn a_watch_that_is_given_up_or_whose_browser_dies_ends() {
    let bench = Bench::with(|wish| wish.knobs.login.captcha = Captcha::Unpassable).await;
    let who = mail("plain");
    let visit = Visit::new(&*bench.browser, &who);
    let (_, at) = asks_for_a_person(visit.submit().await.unwrap());
    // A watch that is dropped leaves the page where it was.
    tokio::select! {
        biased;
        _ = bench.browser.watch(visit.at(at.clone())) => panic!("nobody passed it"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(bench.browser.held(), 1);
    let (watched, ()) = tokio::join!(bench.browser.watch(visit.at(at)), async {
        for pid in bench.browsers() {
            crate::bench::kill(pid);
        }
    });
    assert_eq!(code_of(watched), "browser_lost");
    assert_eq!((bench.counters().passwords, bench.browser.held()), (0, 0));
}

#[tokio::test]
async fn a_page_that_nobody_knows_is_for_a_person_to_take_over() {
    let bench = Bench::with(|wish| wish.settings.step_timeout = std::time::Duration::from_secs(2)).await;
    let who = mail("plain");
    let visit = Visit::new(&*bench.browser, &who);
    let at = visit.open(None).await.unwrap();
    let swap = "() => { let times = 0; document.addEventListener('submit', (event) => { times += 1; if (times < 2) return;
                 event.preventDefault(); event.stopImmediatePropagation();
                 document.body.innerHTML = '<p>Что-то совсем новое</p>'; }, true); return true; }";
    bench.browser.act_in_page(visit.login, swap, &[]).await.unwrap();
    let (is_captcha, at) = asks_for_a_person(bench.browser.submit(at, &who).await.unwrap());
    assert!(!is_captcha);
    let evidence = bench.told.last_evidence();
    assert!(evidence.screenshot.is_some());
    assert!(evidence.skeleton.is_some_and(|page| page.contains("Что-то совсем новое")));
    // A person finds the way on, which here is an address.
    let go = "() => { location.assign('/?continue'); return true; }";
    let (watched, acted) =
        tokio::join!(bench.browser.watch(visit.at(at)), bench.browser.act_in_page(visit.login, go, &[]));
    acted.unwrap();
    accepted(watched.unwrap());
    assert_eq!(bench.counters().passwords, 0, "the page swallowed it, and it was not typed again");
}
