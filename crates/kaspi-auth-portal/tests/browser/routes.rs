//! Ways out of a browser's login: its page and its finish go through the same proxy.

use kaspi_auth_core::egress::{EgressId, Proxy, ProxyScheme, Route, Way};
use kaspi_auth_core::port::{At, Engine as _, OpenRequest};
use secrecy::SecretString;

use crate::bench::{Bench, Visit};
use crate::harness::{accepted, mail, session};
use crate::proxy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_keeps_to_its_proxy_from_the_page_to_the_session() {
    for scheme in [ProxyScheme::Http, ProxyScheme::Socks5] {
        let bench = Bench::with(|wish| wish.min_warm = 0).await;
        let proxy = match scheme {
            ProxyScheme::Socks5 => proxy::Proxy::socks().await,
            _ => proxy::Proxy::http().await,
        };
        let way = Proxy {
            scheme,
            host: "127.0.0.1".to_owned(),
            port: proxy.at.port(),
            username: Some("user".to_owned()),
            password: Some(SecretString::from("p@ss".to_owned())),
        };
        let route = Route { id: EgressId(uuid::Uuid::from_u128(9)), revision: 1, way: Way::Proxy(way) };
        let who = mail("plain");
        let visit = Visit::new(&*bench.browser, &who);
        let account = who.account().clone();
        let request =
            OpenRequest { login: visit.login, user_id: None, account, device: None, route: route.clone() };
        let at = |continuation| At { login: visit.login, route: route.clone(), continuation };
        let opened = bench.browser.open(request).await.unwrap();
        let loaded = proxy.let_through();
        assert!(loaded > 0, "{scheme:?}: the page came through the proxy");
        let reply = bench.browser.submit(at(opened), &who).await.unwrap();
        session(bench.browser.finish(at(accepted(reply).continuation), None).await.unwrap());
        assert!(proxy.let_through() > loaded, "{scheme:?}: and so did the walk");
        assert_eq!(bench.counters().passwords, 1);
    }
}
