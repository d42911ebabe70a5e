//! The heavy page's files and the hosts that they come from, each counted by kind; and requests that never end.
//! It must not need a browser.

use crate::client::Portal;
use http::header;
use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;
use std::time::Duration;

/// Addresses in `src` and `href`, whole.
fn loads(page: &str, login: &str) -> Vec<String> {
    let marks = ["src=\"", "href=\"/assets", "url("];
    let found = marks.iter().flat_map(|mark| page.split(mark).skip(1).map(move |rest| (mark, rest)));
    found
        .map(|(mark, rest)| {
            let end = rest.find(['"', ')']).unwrap_or(rest.len());
            let address =
                format!("{}{}", if mark.starts_with("href") { "/assets" } else { "" }, &rest[..end]);
            if address.starts_with('/') { format!("{login}{address}") } else { address }
        })
        .collect()
}

#[tokio::test]
async fn everything_that_the_heavy_page_names_is_there_and_counted() {
    let portal = Portal::start().await;
    let page = format!("{}/login", portal.login);
    assert!(loads(&portal.get(&page, &[]).await.body, &portal.login).is_empty());
    portal.turn(&json!({"page": {"heavy": true}}));
    for address in loads(&portal.get(&page, &[]).await.body, &portal.login) {
        let tracker = address.starts_with("http://metrics.");
        let mut request = portal.http.get(address.replace("metrics.kaspi.localhost", "kaspi.localhost"));
        if tracker {
            request = request.header(header::HOST, "metrics.kaspi.localhost");
        }
        assert_eq!(portal.send(request).await.status, 200, "{address}");
    }
    let counters = portal.control().counters();
    let expected = json!({"style": 1, "script": 1, "image": 8, "font": 3, "media": 1, "tracker": 2});
    assert_eq!(serde_json::to_value(&counters.loads).expect("JSON"), expected);
    assert_eq!((counters.page_views("login"), counters.loaded("image")), (2, 8));
    for file in ["picture-9.bmp", "picture-.bmp", "font-0.woff2", "../login"] {
        let answer = portal.get(&format!("{}/assets/{file}", portal.login), &[]).await;
        assert!(answer.status == 404 || file.starts_with('.'), "{file}");
    }
}

#[tokio::test]
async fn a_request_can_hang_until_the_sandbox_ends() {
    let portal = Portal::start().await;
    portal.control().set_fault(Fault::new(FaultKind::Hang).path("/api/p/login").times(1));
    let request =
        portal.http.post(format!("{}/api/p/login", portal.login)).timeout(Duration::from_millis(50));
    assert!(request.body("{}").send().await.is_err_and(|error| error.is_timeout()));
    assert_eq!(portal.control().counters().faults, 1);
    assert_eq!(portal.password("plain@sandbox.test").await.status, 200);
    portal.control().set_fault(Fault::new(FaultKind::Hang).path("/login"));
    let request = portal.http.get(format!("{}/login", portal.login)).send();
    let Portal { sandbox, .. } = portal;
    let (answer, ()) = tokio::join!(request, sandbox.stop());
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 503));
}

#[tokio::test]
async fn a_page_can_stop_in_the_middle() {
    let portal = Portal::start().await;
    portal.control().set_fault(Fault::new(FaultKind::HangingBody).role("login").path("/login"));
    let mut answer = portal.http.get(format!("{}/login", portal.login)).send().await.expect("a head");
    assert_eq!(answer.status(), 200);
    let beginning = answer.chunk().await.expect("a beginning").expect("some bytes");
    assert!(beginning.starts_with(b"<!doctype html>"));
    let mut rest = std::pin::pin!(async { while let Ok(Some(_)) = answer.chunk().await {} });
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut rest).await.is_err());
    portal.sandbox.stop().await;
    rest.await;
}
