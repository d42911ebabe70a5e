//! Hostile and heavy input: nothing makes the sandbox fall over.
//! It must prove after each blow that the sandbox still answers.

use crate::client::Portal;
use http::{Method, header};
use kaspi_sandbox::AccountSpec;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn huge_bodies_are_refused() {
    let portal = Portal::start().await;
    let body = format!("{{\"_u\":\"{}\"}}", "x".repeat(3_000_000));
    let request = portal.http.post(format!("{}/api/p/login", portal.login)).body(body);
    assert_eq!(portal.send(request).await.status, 413);
    assert_eq!(portal.password("plain@sandbox.test").await.status, 200);
}

#[tokio::test]
async fn nested_json_is_an_error_and_no_more() {
    let portal = Portal::start().await;
    let body = format!("{{\"_u\":{}", "[".repeat(100_000));
    let request = portal.http.post(format!("{}/api/p/login", portal.login)).body(body);
    assert_eq!(portal.send(request).await.status, 500);
}

#[tokio::test]
async fn strange_paths_queries_and_cookies_do_no_harm() {
    let portal = Portal::start().await;
    let session = portal.session("plain@sandbox.test").await;
    let paths = [
        "/%ff%fe",
        "/s/m?%ff=%00",
        "/mc/api/order/%ff?_m=30000001",
        "/bff/offer-view/list?m=%ff",
        "/../../etc",
    ];
    for path in paths {
        let answer = portal.get(&format!("{}{path}", portal.cabinet), &[&session]).await;
        assert!(!answer.status.is_server_error(), "{path}: {answer:?}");
    }
    for cookie in [&b"mc-sid=\xff\xfe"[..], b"mc-sid", b"=;=;;;", b"mc-sid=\"", b"MS_AUTH_SSO=;mc-sid="] {
        for origin in [&portal.cabinet, &portal.login] {
            let request = portal.http.get(format!("{origin}/login")).header(header::COOKIE, cookie);
            assert!(!portal.send(request).await.status.is_server_error());
        }
    }
}

#[tokio::test]
async fn wrong_methods_are_refused() {
    let portal = Portal::start().await;
    for (method, url) in [
        (Method::GET, format!("{}/api/p/login", portal.login)),
        (Method::DELETE, format!("{}/login", portal.login)),
        (Method::PUT, format!("{}/mc/", portal.site)),
        (Method::GET, format!("{}/mc/facade/graphql", portal.cabinet)),
    ] {
        assert_eq!(portal.send(portal.http.request(method, url)).await.status, 405);
    }
}

#[tokio::test]
async fn bytes_that_are_no_http_do_no_harm() {
    let portal = Portal::start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET\r\n\r\n",
        b"\xff\xff\xff\xff\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(portal.sandbox.addr()).await.expect("a connection");
        stream.write_all(bytes).await.expect("written");
        stream.shutdown().await.expect("ended");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{:?}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(portal.password("plain@sandbox.test").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_accounts_fit() {
    let portal = Arc::new(Portal::start().await);
    let control = portal.control();
    for number in 0..10_000 {
        let account =
            AccountSpec::email(format!("a{number}@many.test")).merchant(format!("{}", 40_000_000 + number));
        control.add_account(account);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..8 {
        let portal = Arc::clone(&portal);
        tasks.spawn(async move {
            for number in (lane..10_000).step_by(8 * 50) {
                let session = portal.session(&format!("a{number}@many.test")).await;
                let merchants = portal.merchants(&[&session]).await.json();
                assert_eq!(merchants["merchants"][0]["uid"], format!("{}", 40_000_000 + number));
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(control.counters().logins, 200);
}
