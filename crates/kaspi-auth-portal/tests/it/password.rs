//! Flow E: e-mail and password, with nothing asked in between (CONTRACT, 3.5).

use std::time::Duration;

use kaspi_auth_core::port::Engine as _;
use kaspi_auth_portal::{ExchangeObserver, HostRole};
use kaspi_sandbox::{CookieShape, Knobs, RedirectUrl};
use secrecy::ExposeSecret as _;

use crate::harness::{
    Desk, accepted, code_of, engine, failure, mail, names, noon, session, settings, with_password,
};

#[tokio::test]
async fn a_password_opens_the_cabinet_with_the_shops_data() {
    let desk = Desk::new().await;
    let session = desk.sign_in(&mail("plain")).await;
    assert_eq!(session.merchant.uid.as_str(), "30000001");
    assert_eq!(session.merchant.name.as_deref(), Some("Магазин 30000001"));
    assert_eq!(session.merchant.logo_url.as_deref(), Some("https://sandbox.invalid/logo/30000001.png"));
    let points: Vec<_> = session.merchant.points.keys().map(String::as_str).collect();
    assert_eq!(points, ["PP1", "PP2"]);
    let first = &session.merchant.points["PP1"];
    assert!(first.enabled && first.city_id.is_some() && first.city_name.is_some());
    assert_eq!(session.authenticated_at, noon());
}

#[tokio::test]
async fn the_session_holds_every_cookie_of_the_login_with_its_host() {
    let desk = Desk::new().await;
    let session = desk.sign_in(&mail("plain")).await;
    for wanted in ["MS_AUTH_SSO", "mc-session", "mc-sid"] {
        assert!(names(&session).contains(&wanted), "{wanted} of {:?}", session.cookies);
    }
    let sid = session.cookies.iter().find(|cookie| cookie.name == "mc-sid").unwrap();
    assert_eq!(sid.domain, "mc.shop.kaspi.localhost");
    assert!(sid.http_only && !sid.secure && !sid.value.expose_secret().is_empty());
}

#[tokio::test]
async fn a_login_takes_seven_requests_and_one_password() {
    let desk = Desk::new().await;
    desk.sign_in(&mail("plain")).await;
    let counters = desk.counters();
    assert_eq!((counters.passwords, counters.logins, counters.sessions), (1, 1, 1));
    let calls: Vec<_> = counters.calls.iter().map(|(call, times)| format!("{times} {call}")).collect();
    assert_eq!(
        calls,
        [
            "1 GET cabinet /login/oauth2/code/1",
            "1 GET cabinet /oauth2/authorization/1",
            "1 GET cabinet /s/m",
            "1 GET login /login",
            "1 GET login /oauth2/authorize",
            "1 POST cabinet /mc/facade/graphql",
            "1 POST login /api/p/login",
        ]
    );
    assert_eq!(counters.auth_version.absent, 0);
}

#[derive(Default)]
struct Book(std::sync::Mutex<Vec<String>>);

impl ExchangeObserver for Book {
    fn exchanged(&self, host: HostRole, path: &str, status: Option<u16>, elapsed: Duration) {
        assert!(elapsed > Duration::ZERO);
        self.0.lock().unwrap().push(format!("{} {path} {status:?}", host.as_str()));
    }
}

#[tokio::test]
async fn an_observer_is_told_of_each_exchange_without_its_query() {
    let Desk { sandbox, .. } = Desk::new().await;
    let book = std::sync::Arc::new(Book::default());
    let mut settings = settings(&sandbox);
    settings.observer = Some(book.clone());
    settings.timeout = Duration::from_millis(200);
    let desk = Desk { engine: engine(settings), sandbox };
    desk.sign_in(&mail("plain")).await;
    desk.submit(&mail("slow")).await.unwrap_err();
    let told = std::mem::take(&mut *book.0.lock().unwrap());
    assert_eq!(
        told,
        [
            "login /login Some(200)",
            "login /api/p/login Some(200)",
            "cabinet /oauth2/authorization/1 Some(302)",
            "login /oauth2/authorize Some(302)",
            "cabinet /login/oauth2/code/1 Some(302)",
            "cabinet /s/m Some(200)",
            "cabinet /mc/facade/graphql Some(200)",
            "login /login Some(200)",
            "login /api/p/login None",
        ]
    );
}

#[tokio::test]
async fn nothing_of_the_contracts_open_questions_stands_in_the_way() {
    type Change = fn(&mut Knobs);
    let changes: [(&str, Change); 12] = [
        ("redirectUrl is /", |knobs| knobs.login.redirect_url = RedirectUrl::Root),
        ("headers of the login are checked", |knobs| knobs.login.strict_headers = true),
        ("the version header is required", |knobs| knobs.cabinet.auth_version_required = true),
        ("foreign origins are refused", |knobs| knobs.cabinet.refuse_foreign_origin = true),
        ("the list has no names", |knobs| knobs.cabinet.merchants_have_names = false),
        ("the request cookie is called mc-arr", |knobs| knobs.cookie.request_name = "mc-arr".to_owned()),
        ("the request cookie keeps to the callback", |knobs| {
            knobs.cookie.request.path = "/login/oauth2/code".to_owned();
        }),
        ("there are no companions", |knobs| knobs.cookie.companions = false),
        ("all cookies are secure and strict", |knobs| {
            let shape = CookieShape {
                secure: Some(true),
                same_site: "Strict".to_owned(),
                max_age_seconds: Some(60),
                ..CookieShape::default()
            };
            for cookie in [
                &mut knobs.cookie.sso,
                &mut knobs.cookie.affinity,
                &mut knobs.cookie.request,
                &mut knobs.cookie.session,
                &mut knobs.cookie.device,
            ] {
                *cookie = shape.clone();
            }
        }),
        ("cookies have no SameSite", |knobs| knobs.cookie.session.same_site = String::new()),
        ("the page has other markup", |knobs| knobs.login.changed_page = true),
        ("the login host's session is short", |knobs| knobs.login.sso_seconds = 5),
    ];
    for (what, change) in changes {
        let desk = Desk::with(change).await;
        let session = desk.sign_in(&mail("plain")).await;
        assert_eq!(session.merchant.name.as_deref(), Some("Магазин 30000001"), "{what}");
        assert_eq!(desk.counters().passwords, 1, "{what}");
    }
}

#[tokio::test]
async fn a_finish_can_be_repeated() {
    let desk = Desk::new().await;
    let at = accepted(desk.submit(&mail("plain")).await.unwrap());
    for _ in 0..3 {
        let (session, _) = session(desk.engine.finish(at.clone(), None).await.unwrap());
        assert_eq!(session.merchant.uid.as_str(), "30000001");
    }
    assert_eq!((desk.counters().passwords, desk.counters().sessions), (1, 3));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_invalid_credentials() {
    let desk = Desk::new().await;
    for who in [with_password("plain", "wrong-password"), mail("nobody")] {
        let error = failure(desk.submit(&who).await);
        assert_eq!(error.code().as_str(), "invalid_credentials");
        assert_eq!(error.portal_message(), Some("CREDENTIALS_INVALID"));
        assert!(!error.code().retryable());
    }
    assert_eq!(desk.counters().passwords, 2);
}

#[tokio::test]
async fn an_account_locks_after_its_third_wrong_password_and_says_until_when() {
    let desk = Desk::new().await;
    for _ in 0..3 {
        assert_eq!(
            code_of(desk.submit(&with_password("locked", "wrong-password")).await),
            "invalid_credentials"
        );
    }
    let error = failure(desk.submit(&mail("locked")).await);
    assert_eq!(error.code().as_str(), "account_locked");
    assert_eq!(error.retry_at(), Some(noon() + Duration::from_mins(15)));
}

#[tokio::test]
async fn sixty_four_logins_at_once_do_not_mix_their_cookies() {
    let desk = std::sync::Arc::new(Desk::new().await);
    for number in 0..64 {
        let account = kaspi_sandbox::AccountSpec::email(format!("many{number}@sandbox.test"));
        desk.control().add_account(account.merchant(format!("5000{number}")));
    }
    let logins = (0..64).map(|number| {
        let desk = std::sync::Arc::clone(&desk);
        tokio::spawn(async move {
            let session = desk.sign_in(&mail(&format!("many{number}"))).await;
            assert_eq!(session.merchant.uid.as_str(), format!("5000{number}"));
        })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap();
    }
    assert_eq!(desk.counters().passwords, 64);
}
