//! Ways out: the direct engine goes through the login's own proxy with everything, and a check tells what is wrong with one.

use kaspi_auth_core::egress::{EgressId, Proxy, ProxyScheme, Route, Way};
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::port::{At, Cabinet as _, Engine as _, OpenRequest, RouteCheck as _};
use kaspi_auth_core::session::Validity;
use kaspi_sandbox::{Fault, FaultKind};
use secrecy::SecretString;

use crate::harness::{Desk, accepted, code_of, failure, mail, session, uid};
use crate::proxy;

fn route(scheme: ProxyScheme, port: u16, password: &str) -> Route {
    let proxy = Proxy {
        scheme,
        host: "127.0.0.1".to_owned(),
        port,
        username: Some("user".to_owned()),
        password: Some(SecretString::from(password.to_owned())),
    };
    Route { id: EgressId(uuid::Uuid::from_u128(7)), revision: port.into(), way: Way::Proxy(proxy) }
}

#[tokio::test]
async fn a_login_goes_through_its_proxy_from_the_first_request_to_the_last() {
    for scheme in [ProxyScheme::Http, ProxyScheme::Socks5] {
        let desk = Desk::new().await;
        let proxy = match scheme {
            ProxyScheme::Socks5 => proxy::Proxy::socks().await,
            _ => proxy::Proxy::http().await,
        };
        let way = route(scheme, proxy.at.port(), "p@ss");
        let who = mail("plain");
        let request = OpenRequest {
            login: LoginId(uuid::Uuid::nil()),
            user_id: None,
            account: who.account().clone(),
            device: None,
            route: way.clone(),
        };
        let at = |continuation| At { login: LoginId(uuid::Uuid::nil()), route: way.clone(), continuation };
        let opened = desk.engine.open(request).await.unwrap();
        let after_open = proxy.let_through();
        assert!(after_open > 0, "{scheme:?}");
        let reply = desk.engine.submit(at(opened), &who).await.unwrap();
        let finished = desk.engine.finish(at(accepted(reply).continuation), None).await.unwrap();
        let (session, _) = session(finished);
        let probe = desk.engine.probe(&way, &session.cookies, &uid("30000001")).await;
        assert_eq!(probe.validity, Validity::Alive);
        if scheme == ProxyScheme::Http {
            let calls: u64 = desk.counters().calls.values().sum();
            assert_eq!(proxy.let_through() as u64, calls);
        }
        assert_eq!(desk.counters().passwords, 1);
    }
}

#[tokio::test]
async fn a_check_says_what_is_wrong_with_a_way_and_sends_nothing_secret() {
    let desk = Desk::new().await;
    desk.engine.check(&Route::direct()).await.unwrap();
    let socks = proxy::Proxy::socks().await;
    let http = proxy::Proxy::http().await;
    desk.engine.check_route(&route(ProxyScheme::Socks5, socks.at.port(), "p@ss")).await.unwrap();
    desk.engine.check_route(&route(ProxyScheme::Http, http.at.port(), "p@ss")).await.unwrap();
    for mut wrong in [
        route(ProxyScheme::Socks5, socks.at.port(), "other"),
        route(ProxyScheme::Http, http.at.port(), "other"),
        // Nobody listens there.
        route(ProxyScheme::Http, 9, "p@ss"),
    ] {
        wrong.revision += 1;
        let error = failure(desk.engine.check(&wrong).await);
        assert_eq!(error.code().as_str(), "portal_unavailable");
        assert!(!format!("{error:?}").contains("p@ss"), "{error:?}");
    }
    for (kind, expected) in [
        (FaultKind::Wall(403), "portal_blocked"),
        (FaultKind::Broken, "portal_unavailable"),
        (FaultKind::Status(404), "portal_changed"),
    ] {
        desk.control().set_fault(Fault::new(kind).path("/login").times(1));
        assert_eq!(code_of(desk.engine.check(&Route::direct()).await), expected);
    }
    assert_eq!(desk.counters().passwords, 0);
}

#[tokio::test]
async fn an_egress_that_was_changed_is_gone_through_as_it_is_now() {
    let desk = Desk::new().await;
    let (first, second) = (proxy::Proxy::http().await, proxy::Proxy::http().await);
    for (proxy, other) in [(&first, &second), (&second, &first)] {
        let before = other.let_through();
        desk.engine.check(&route(ProxyScheme::Http, proxy.at.port(), "p@ss")).await.unwrap();
        assert_eq!((proxy.let_through(), other.let_through()), (1, before));
    }
}
