//! The hybrid finish: over HTTP with what the page holds; in the browser where HTTP is refused; from data alone on another node.

use kaspi_auth_core::port::Engine as _;
use kaspi_sandbox::{Fault, FaultKind, RedirectUrl};

use crate::bench::{Bench, Visit};
use crate::harness::{accepted, code_of, engine, mail, session, settings};

#[tokio::test]
async fn an_accepted_login_is_finished_over_http_and_its_page_is_let_go() {
    let bench = Bench::new().await;
    let visit_by = mail("plain");
    let visit = Visit::new(&*bench.browser, &visit_by);
    let at = accepted(visit.submit().await.unwrap());
    session(bench.browser.finish(visit.at(at.continuation), None).await.unwrap());
    assert_eq!(bench.browser.held(), 0);
    let calls = bench.counters().calls;
    assert!(!calls.contains_key("GET site /mc/"), "the browser did not walk: {calls:?}");
    assert_eq!(calls["GET cabinet /login/oauth2/code/1"], 1);
}

#[tokio::test]
async fn where_http_meets_a_wall_the_browser_walks_on_by_itself() {
    for redirect in [RedirectUrl::Continue, RedirectUrl::Root] {
        for (path, kind) in [
            ("/oauth2/authorization", FaultKind::Wall(403)),
            ("/oauth2/authorize", FaultKind::Garbage),
            ("/s/m", FaultKind::Wall(429)),
        ] {
            let bench = Bench::with(|wish| wish.knobs.login.redirect_url = redirect).await;
            let who = mail("plain");
            let visit = Visit::new(&*bench.browser, &who);
            let at = accepted(visit.submit().await.unwrap());
            bench.control().set_fault(Fault::new(kind.clone()).path(path).times(1));
            let (session, device) =
                session(bench.browser.finish(visit.at(at.continuation), None).await.unwrap());
            assert_eq!(session.merchant.uid.as_str(), "30000001", "{path}");
            assert_eq!(session.merchant.name.as_deref(), Some("Магазин 30000001"));
            assert!(device.is_some());
            assert_eq!((bench.counters().passwords, bench.browser.held()), (1, 0), "{path}");
        }
    }
}

#[tokio::test]
async fn a_wall_for_both_is_told_and_leaves_no_page() {
    let bench = Bench::new().await;
    let who = mail("plain");
    let visit = Visit::new(&*bench.browser, &who);
    let at = accepted(visit.submit().await.unwrap());
    bench.control().set_fault(Fault::new(FaultKind::Wall(403)).role("cabinet").path("/oauth2/authorization"));
    assert_eq!(code_of(bench.browser.finish(visit.at(at.continuation), None).await), "portal_blocked");
    assert_eq!((bench.counters().passwords, bench.browser.held()), (1, 0));
}

#[tokio::test]
async fn an_outage_leaves_the_finish_to_be_repeated() {
    let bench = Bench::new().await;
    let who = mail("plain");
    let visit = Visit::new(&*bench.browser, &who);
    let at = accepted(visit.submit().await.unwrap());
    bench.control().set_fault(Fault::new(FaultKind::Broken).path("/oauth2/authorization").times(1));
    assert_eq!(
        code_of(bench.browser.finish(visit.at(at.continuation.clone()), None).await),
        "portal_unavailable"
    );
    session(bench.browser.finish(visit.at(at.continuation), None).await.unwrap());
    assert_eq!(bench.counters().passwords, 1);
}

#[tokio::test]
async fn any_node_finishes_an_accepted_login_even_without_a_browser() {
    let bench = Bench::new().await;
    let who = mail("several");
    let visit = Visit::new(&*bench.browser, &who);
    let at = accepted(visit.submit().await.unwrap());
    for pid in bench.browsers() {
        crate::bench::kill(pid);
    }
    let node = engine(settings(&bench.sandbox));
    let merchant = crate::harness::uid("SBX");
    let (session, _) = session(node.finish(visit.at(at.continuation), Some(&merchant)).await.unwrap());
    assert_eq!(session.merchant.uid.as_str(), "SBX");
    assert!(bench.told.lost.lock().unwrap().is_empty(), "an accepted login has lost nothing");
}
