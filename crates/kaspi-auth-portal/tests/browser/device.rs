//! Remembered devices and cookies: the second login needs no code, and nothing of one login is seen by another.

use kaspi_auth_core::port::{Device, Finished};
use kaspi_sandbox::CookieShape;
use secrecy::ExposeSecret as _;

use crate::bench::{Bench, Visit};
use crate::harness::mail;

fn device(finished: Option<Finished>) -> Device {
    match finished {
        Some(Finished::Session { device, .. }) => device.expect("a device to keep"),
        other => panic!("no session: {other:?}"),
    }
}

#[tokio::test]
async fn a_remembered_device_needs_no_second_code_on_either_engine() {
    let bench = Bench::new().await;
    let who = mail("remembered");
    let (story, finished) = Visit::new(&*bench.browser, &who).whole(&bench, None).await;
    assert!(story[0].starts_with("Email code to"), "{story:?}");
    let device = device(finished);
    for name in ["MS_AUTH_SSO", "mc-sid", "sandbox-password"] {
        assert!(!device.0.expose_secret().contains(name), "{name}");
    }
    // What a browser was remembered by serves the direct engine, and the other way round.
    let (story, finished) = Visit::new(&*bench.browser, &who).whole(&bench, Some(device)).await;
    assert_eq!(story[0], "accepted");
    let device = self::device(finished);
    let (story, finished) = Visit::new(&*bench.direct, &who).whole(&bench, Some(device)).await;
    assert_eq!(story[0], "accepted");
    let device = self::device(finished);
    let (story, _) = Visit::new(&*bench.browser, &who).whole(&bench, Some(device)).await;
    assert_eq!(story[0], "accepted");
    assert_eq!((bench.counters().codes_sent.email, bench.counters().passwords), (1, 4));
}

#[tokio::test]
async fn cookies_keep_every_attribute() {
    let bench = Bench::with(|wish| {
        wish.knobs.cookie.device = CookieShape {
            path: "/api/p".to_owned(),
            max_age_seconds: Some(1_000_000),
            secure: Some(true),
            http_only: true,
            same_site: "Strict".to_owned(),
        };
        wish.knobs.cookie.session.http_only = false;
        wish.knobs.cookie.session.same_site = String::new();
    })
    .await;
    let (_, finished) = Visit::new(&*bench.browser, &mail("remembered")).whole(&bench, None).await;
    let Some(Finished::Session { session, .. }) = finished else { panic!("no session") };
    let cookie = |name: &str| session.cookies.iter().find(|cookie| cookie.name == name).unwrap();
    let device = cookie("MS_AUTH_DEVICE");
    assert_eq!((device.domain.as_str(), device.path.as_str()), ("idmc.shop.kaspi.localhost", "/api/p"));
    assert!(device.http_only && device.secure && device.expires > 0.0);
    assert_eq!(device.same_site, Some(kaspi_auth_core::session::SameSite::Strict));
    let session = cookie("mc-sid");
    assert!(!session.http_only && !session.secure && session.expires < 0.0);
    assert_eq!((session.domain.as_str(), session.same_site), ("mc.shop.kaspi.localhost", None));
}

#[tokio::test]
async fn two_merchants_on_one_shard_see_nothing_of_each_other() {
    let bench = Bench::with(|wish| wish.min_warm = 2).await;
    let (first, second) = (mail("code"), mail("always"));
    let (one, two) = (Visit::new(&*bench.browser, &first), Visit::new(&*bench.browser, &second));
    let (_, at_one) = crate::harness::code_sent(one.submit().await.unwrap());
    let (_, at_two) = crate::harness::code_sent(two.submit().await.unwrap());
    let write = "() => { document.cookie = 'mine=1; path=/'; localStorage.setItem('mine', '1'); sessionStorage.setItem('mine', '1');
                 return caches.open('mine').then((cache) => cache.put('/mine', new Response('1'))).then(() => true); }";
    bench.browser.act_in_page(one.login, write, &[]).await.unwrap();
    let read = "() => caches.has('mine').then((cached) => [document.cookie.includes('mine'), localStorage.getItem('mine'), sessionStorage.getItem('mine'), cached])";
    let seen = bench.browser.act_in_page(two.login, read, &[]).await.unwrap();
    assert_eq!(seen, serde_json::json!([false, null, null, false]));
    let mine = bench.browser.act_in_page(one.login, read, &[]).await.unwrap();
    assert_eq!(mine, serde_json::json!([true, "1", "1", true]), "the look itself sees what there is");
    for (visit, at, who) in [(&one, at_one, &first), (&two, at_two, &second)] {
        let reply = visit.answer(visit.at(at.continuation), &bench.code(who)).await.unwrap();
        crate::harness::accepted(reply);
    }
}
