//! Browsers that are killed, renderers that are killed, pages that hang, at each step of a login: a new try while no password has
//! left, a typed error afterwards, and never a second password.

use std::time::Duration;

use kaspi_auth_core::port::{Engine as _, Reply};
use kaspi_sandbox::{Fault, FaultKind};

use crate::bench::{Bench, Visit, kill, until};
use crate::harness::{accepted, code_of, code_sent, mail, phone, session};

/// How a page is lost.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Browser,
    Renderer,
    Hang,
}

const BLOWS: [Blow; 3] = [Blow::Browser, Blow::Renderer, Blow::Hang];
const HANG: &str = "() => { setTimeout(() => { for (;;); }, 0); return true; }";

async fn bench() -> Bench {
    Bench::with(|wish| {
        wish.command_timeout = Duration::from_secs(3);
        wish.min_warm = 1;
    })
    .await
}

impl Blow {
    async fn strike(self, bench: &Bench, visit: &Visit<'_>) {
        match self {
            Self::Browser => bench.browsers().into_iter().for_each(kill),
            Self::Renderer => {
                until("a renderer is there", || !bench.renderers().is_empty()).await;
                bench.renderers().into_iter().for_each(kill);
            }
            Self::Hang => {
                bench.browser.act_in_page(visit.login, HANG, &[]).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_lost_before_the_credentials_is_replaced() {
    for blow in BLOWS {
        let bench = bench().await;
        for who in [mail("plain"), phone("77000000001")] {
            let visit = Visit::new(&*bench.browser, &who);
            let at = visit.open(None).await.unwrap();
            blow.strike(&bench, &visit).await;
            let reply = bench.browser.submit(at, &who).await;
            match reply.unwrap_or_else(|error| panic!("{blow:?}: {error:?}")) {
                Reply::Accepted(at) => drop(session(bench.browser.finish(visit.at(at), None).await.unwrap())),
                Reply::CodeSent { .. } => {}
                other => panic!("{blow:?}: {other:?}"),
            }
        }
        assert_eq!((bench.counters().passwords, bench.counters().codes_sent.sms), (1, 1), "{blow:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_hangs_after_the_e_mail_is_replaced() {
    let bench = bench().await;
    let who = mail("plain");
    let visit = Visit::new(&*bench.browser, &who);
    let at = visit.open(None).await.unwrap();
    let trap = "() => { document.addEventListener('submit', () => { for (;;); }, true); return true; }";
    bench.browser.act_in_page(visit.login, trap, &[]).await.unwrap();
    accepted(bench.browser.submit(at, &who).await.unwrap());
    assert_eq!(bench.counters().passwords, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_hangs_as_the_password_leaves_is_not_tried_again() {
    let bench = bench().await;
    let who = mail("plain");
    let visit = Visit::new(&*bench.browser, &who);
    let at = visit.open(None).await.unwrap();
    let trap = "() => { let times = 0; document.addEventListener('submit', () => { times += 1; if (times === 2) for (;;); }, true); return true; }";
    bench.browser.act_in_page(visit.login, trap, &[]).await.unwrap();
    assert_eq!(code_of(bench.browser.submit(at, &who).await), "browser_lost");
    assert_eq!(bench.counters().passwords, 0);
    bench.leaves_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_lost_while_the_password_is_under_way_is_told_and_no_password_is_sent_again() {
    for blow in [Blow::Browser, Blow::Renderer] {
        let bench = bench().await;
        bench.control().set_fault(Fault::new(FaultKind::Hang).path("/api/p/login"));
        let who = mail("plain");
        let visit = Visit::new(&*bench.browser, &who);
        let at = visit.open(None).await.unwrap();
        let (submitted, ()) = tokio::join!(bench.browser.submit(at, &who), async {
            until("the password is under way", || {
                bench.counters().calls_to("POST", "login", "/api/p/login") > 0
            })
            .await;
            blow.strike(&bench, &visit).await;
        });
        assert_eq!(code_of(submitted), "browser_lost", "{blow:?}");
        bench.control().clear_faults();
        // The shard comes back, and nobody sends what was under way.
        let other = mail("code");
        code_sent(Visit::new(&*bench.browser, &other).submit().await.unwrap());
        assert_eq!(bench.counters().calls_to("POST", "login", "/api/p/login"), 2, "{blow:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_lost_while_a_code_is_waited_for_is_told_at_once() {
    for blow in [Blow::Browser, Blow::Renderer] {
        let bench = bench().await;
        let who = mail("code");
        let visit = Visit::new(&*bench.browser, &who);
        let (_, at) = code_sent(visit.submit().await.unwrap());
        blow.strike(&bench, &visit).await;
        until("the holder is told", || *bench.told.lost.lock().unwrap() == [visit.login]).await;
        let result = visit.answer(visit.at(at.continuation), &bench.code(&who)).await;
        assert_eq!(code_of(result), "browser_lost", "{blow:?}");
        assert_eq!(bench.counters().passwords, 1, "{blow:?}");
        bench.leaves_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_hangs_while_a_code_is_waited_for_is_told_at_the_answer() {
    let bench = bench().await;
    let who = mail("code");
    let visit = Visit::new(&*bench.browser, &who);
    let (_, at) = code_sent(visit.submit().await.unwrap());
    Blow::Hang.strike(&bench, &visit).await;
    let result = visit.answer(visit.at(at.continuation), &bench.code(&who)).await;
    assert_eq!(code_of(result), "browser_lost");
    assert_eq!((bench.counters().passwords, bench.browser.held()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_lost_while_a_code_is_verified_is_told() {
    let bench = bench().await;
    let who = mail("code");
    let visit = Visit::new(&*bench.browser, &who);
    let (_, at) = code_sent(visit.submit().await.unwrap());
    bench.control().set_fault(Fault::new(FaultKind::Hang).path("/api/p/login"));
    let code = bench.code(&who);
    let (answered, ()) = tokio::join!(visit.answer(visit.at(at.continuation), &code), async {
        until("the code is under way", || bench.counters().calls_to("POST", "login", "/api/p/login") > 1)
            .await;
        Blow::Browser.strike(&bench, &visit).await;
    });
    assert_eq!(code_of(answered), "browser_lost");
    assert_eq!(bench.counters().passwords, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_lost_while_a_login_is_finished_changes_nothing_where_http_does() {
    let bench = bench().await;
    let who = mail("plain");
    let visit = Visit::new(&*bench.browser, &who);
    let at = accepted(visit.submit().await.unwrap());
    bench.control().set_fault(Fault::new(FaultKind::Delay(500)).path("/oauth2/authorization").times(1));
    let (finished, ()) = tokio::join!(bench.browser.finish(visit.at(at.continuation), None), async {
        until("the walk has begun", || {
            bench.counters().calls_to("GET", "cabinet", "/oauth2/authorization/1") > 0
        })
        .await;
        Blow::Browser.strike(&bench, &visit).await;
    });
    session(finished.unwrap());
    assert_eq!(bench.counters().passwords, 1);
    bench.leaves_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_that_never_answers_its_page_is_unavailable_and_gets_one_password() {
    let bench = Bench::with(|wish| wish.settings.step_timeout = Duration::from_millis(1_500)).await;
    let who = mail("plain");
    for kind in [FaultKind::Hang, FaultKind::HangingBody] {
        bench.control().clear_faults();
        bench.control().set_fault(Fault::new(kind.clone()).path("/api/p/login"));
        assert_eq!(
            code_of(Visit::new(&*bench.browser, &who).submit().await),
            "portal_unavailable",
            "{kind:?}"
        );
    }
    assert_eq!(bench.counters().calls_to("POST", "login", "/api/p/login"), 2);
    assert_eq!(bench.browser.held(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outages_and_walls_of_the_page_itself_are_told_as_such() {
    let bench = Bench::with(|wish| wish.min_warm = 0).await;
    for (kind, expected) in [
        (FaultKind::Broken, "portal_unavailable"),
        (FaultKind::Wall(403), "portal_blocked"),
        (FaultKind::Wall(429), "portal_blocked"),
    ] {
        bench.control().set_fault(Fault::new(kind.clone()).path("/login").times(1));
        let result = Visit::new(&*bench.browser, &mail("plain")).open(None).await;
        assert_eq!(code_of(result), expected, "{kind:?}");
        bench.control().clear_faults();
    }
    assert_eq!(bench.counters().passwords, 0);
}
