//! Host names: which host answers what, and how addresses follow the request's `Host`.
//! It must connect to loopback only.

use crate::client::{Answer, Portal};
use http::header;
use kaspi_sandbox::{Options, Sandbox, StartError};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};

/// A request to the sandbox's address with a `Host` of its own.
async fn as_host(portal: &Portal, host: &str, path: &str) -> Answer {
    let request = portal.http.get(format!("http://{}{path}", portal.sandbox.addr()));
    portal.send(request.header(header::HOST, host)).await
}

#[tokio::test]
async fn an_unknown_host_is_misdirected() {
    let portal = Portal::start().await;
    for host in ["evil.test", "kaspi.kz.evil.test", "shop.kaspi.kz", "merchant.kaspi.kz", "", "10.0.0.1"] {
        assert_eq!(as_host(&portal, host, "/").await.status, 421, "{host}");
    }
}

#[tokio::test]
async fn addresses_follow_the_host_of_the_request() {
    let portal = Portal::start().await;
    let mapped = as_host(&portal, "mc.shop.kaspi.kz", "/oauth2/authorization/1").await;
    assert!(mapped.location().starts_with("http://idmc.shop.kaspi.kz/oauth2/authorize?"));
    assert!(
        mapped.location().contains("redirect_uri=http%3A%2F%2Fmc.shop.kaspi.kz%2Flogin%2Foauth2%2Fcode%2F1")
    );
    let other_port = as_host(&portal, "MC.shop.kaspi.localhost:9999", "/oauth2/authorization/1").await;
    assert!(other_port.location().starts_with("http://idmc.shop.kaspi.localhost:9999/oauth2/authorize?"));
}

#[tokio::test]
async fn the_suffix_can_be_another() {
    let portal =
        Portal::start_with(Options { host_suffix: Some("portal.test".into()), ..Options::default() }).await;
    assert_eq!(portal.login, format!("http://idmc.shop.portal.test:{}", portal.sandbox.addr().port()));
    assert_eq!(as_host(&portal, "idmc.shop.portal.test", "/login").await.status, 200);
    assert_eq!(as_host(&portal, "idmc.shop.kaspi.localhost", "/login").await.status, 200);
    for suffix in ["", "a b", "a\"b", ".test", "a..b"] {
        let options = Options {
            host_suffix: Some(suffix.to_owned()),
            listen: ([127, 0, 0, 1], 0).into(),
            ..Options::default()
        };
        assert!(matches!(Sandbox::start(options).await, Err(StartError::HostSuffix(_))), "{suffix}");
    }
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let options = Options { listen: address.parse().expect("an address"), ..Options::default() };
        assert!(matches!(Sandbox::start(options).await, Err(StartError::NotLoopback(_))), "{address}");
    }
}

#[tokio::test]
async fn a_taken_address_is_an_error() {
    let portal = Portal::start().await;
    let options = Options { listen: portal.sandbox.addr(), ..Options::default() };
    assert!(matches!(Sandbox::start(options).await, Err(StartError::Bind(..))));
}

#[tokio::test]
async fn the_same_port_of_the_other_loopback_address_answers_too() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // This machine has no IPv6.
    }
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    // The port may be another program's there: then another one is taken.
    for _ in 0..10 {
        let portal = Portal::start().await;
        let request = client.get(format!("http://[::1]:{}/login", portal.sandbox.addr().port()));
        let request = request.header(header::HOST, "idmc.shop.kaspi.localhost");
        if let Ok(answer) = request.send().await
            && answer.text().await.is_ok_and(|page| page.contains("SANDBOX"))
        {
            let address = SocketAddr::from((Ipv6Addr::LOCALHOST, portal.sandbox.addr().port()));
            portal.sandbox.stop().await;
            assert!(TcpStream::connect(address).is_err());
            return;
        }
    }
    panic!("never on both");
}

#[tokio::test]
async fn a_taken_port_of_the_other_loopback_address_does_no_harm() {
    for _ in 0..10 {
        let Ok(taken) = TcpListener::bind("[::1]:0") else { return };
        let port = taken.local_addr().expect("an address").port();
        let options = Options { listen: ([127, 0, 0, 1], port).into(), ..Options::default() };
        if let Ok(sandbox) = Sandbox::start(options).await {
            let answer = reqwest::Client::builder().no_proxy().build().expect("a client");
            let answer = answer.get(format!("http://{}/", sandbox.addr())).send().await;
            assert_eq!(answer.expect("an answer").status(), 200);
            return;
        }
    }
    panic!("no port was free on one address and taken on the other");
}

#[tokio::test]
async fn localhost_has_the_sandboxs_own_pages_only() {
    let portal = Portal::start().await;
    assert_eq!(as_host(&portal, "localhost:1", "/").await.status, 200);
    assert_eq!(as_host(&portal, "127.0.0.1", "/sandbox/inbox").await.status, 200);
    for path in ["/mc/", "/login", "/s/m", "/api/p/login"] {
        assert_eq!(as_host(&portal, "localhost", path).await.status, 404);
    }
}

#[tokio::test]
async fn a_stopped_sandbox_frees_its_address() {
    let portal = Portal::start().await;
    let address = portal.sandbox.addr();
    portal.get(&format!("{}/login", portal.login), &[]).await;
    portal.sandbox.stop().await;
    let again =
        Sandbox::start(Options { listen: address, ..Options::default() }).await.expect("a free address");
    again.stop().await;
}
