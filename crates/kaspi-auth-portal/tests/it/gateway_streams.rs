//! Bodies through the gateway: bit by bit both ways, within limits, and ended where somebody falls silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use kaspi_auth_portal::{BodyError, CabinetBody, CabinetVerdict, DirectEngine, PortalSettings};
use kaspi_sandbox::{Fault, FaultKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::gateway::{call, get, post, whole};
use crate::harness::{Desk, code_of, engine, mail, settings, url};

const LARGE: usize = 20 * 1024 * 1024;

/// A cabinet of which the test writes every byte; and an engine for it.
async fn bare() -> (TcpListener, DirectEngine) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = url(&format!("http://mc.portal.localhost:{}", listener.local_addr().unwrap().port()));
    let settings = PortalSettings {
        site_url: origin.clone(),
        login_url: origin.clone(),
        cabinet_url: origin,
        timeout: Duration::from_secs(10),
        ..PortalSettings::default()
    };
    (listener, engine(settings))
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream
}

#[tokio::test]
async fn the_first_byte_arrives_before_the_last_one_is_sent() {
    let (listener, engine) = bare().await;
    let (go, wait) = oneshot::channel::<()>();
    let portal = async {
        let mut stream = accept(&listener).await;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 10\r\n\r\nfirst";
        stream.write_all(head.as_bytes()).await.unwrap();
        wait.await.unwrap();
        stream.write_all(b"-last").await.unwrap();
    };
    let caller = async {
        let answer = call(&engine, &[], get("/mc/x")).await.unwrap();
        let mut body = answer.body;
        assert_eq!(body.next().await.unwrap().unwrap(), "first");
        go.send(()).unwrap();
        assert_eq!(body.next().await.unwrap().unwrap(), "-last");
        assert!(body.next().await.is_none());
    };
    tokio::join!(portal, caller);
}

#[tokio::test]
async fn a_large_answer_waits_at_the_portal_until_its_caller_reads_on() {
    let (listener, engine) = bare().await;
    let (blocked, stopped_at) = oneshot::channel::<usize>();
    let portal = tokio::spawn(async move {
        let mut stream = accept(&listener).await;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: {LARGE}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut sent, mut blocked) = (0, Some(blocked));
        while sent < LARGE {
            let chunk = vec![b'x'; (64 * 1024).min(LARGE - sent)];
            if tokio::time::timeout(Duration::from_millis(500), stream.writable()).await.is_err() {
                let _ = blocked.take().map(|blocked| blocked.send(sent));
                stream.writable().await.unwrap();
            }
            if let Ok(more) = stream.try_write(&chunk) {
                sent += more;
            }
        }
        let _ = blocked.take().map(|blocked| blocked.send(sent));
    });
    let answer = call(&engine, &[], get("/mc/x")).await.unwrap();
    let mut body = answer.body;
    let mut read = body.next().await.unwrap().unwrap().len();
    // The sockets' own buffers hold some of it.
    let sent = stopped_at.await.unwrap();
    assert!(sent < LARGE / 2 + LARGE / 4, "{sent} bytes were sent to nobody");
    while let Some(chunk) = body.next().await {
        read += chunk.unwrap().len();
    }
    assert_eq!(read, LARGE);
    portal.await.unwrap();
}

#[tokio::test]
async fn a_large_upload_waits_at_the_caller_until_the_portal_reads_on() {
    let (listener, engine) = bare().await;
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let chunks = stream::iter(0..LARGE / 65_536).map(move |_| {
        counted.fetch_add(65_536, Ordering::Relaxed);
        Ok::<_, BodyError>(vec![b'x'; 65_536].into())
    });
    let body = CabinetBody::Stream { length: Some(LARGE as u64), stream: chunks.boxed() };
    let portal = async {
        let mut stream = accept(&listener).await;
        let mut seen = 0;
        let mut last = usize::MAX;
        // Until no more is made.
        while made.load(Ordering::Relaxed) != last {
            last = made.load(Ordering::Relaxed);
            let _ = tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>()).await;
        }
        assert!(last < LARGE / 2 + LARGE / 4, "{last} bytes were made for nobody");
        let mut buffer = vec![0; 65_536];
        while seen < LARGE {
            seen += stream.read(&mut buffer).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        seen
    };
    let (seen, answer) = tokio::join!(portal, call(&engine, &[], post("/mc/x", body)));
    assert_eq!((seen, answer.unwrap().verdict), (LARGE, CabinetVerdict::Ok));
}

fn body_of(parts: &[&'static str], length: Option<u64>) -> CabinetBody {
    let parts: Vec<Result<_, BodyError>> = parts.iter().map(|part| Ok((*part).into())).collect();
    CabinetBody::Stream { length, stream: stream::iter(parts).boxed() }
}

const UPLOAD: &str = "/pricefeed/upload/merchant/upload?merchantUid=30000001";

#[tokio::test]
async fn an_upload_arrives_with_and_without_a_known_length() {
    let desk = Desk::new().await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    for length in [Some(6), None] {
        let asked = post(UPLOAD, body_of(&["abc", "def"], length));
        let answer = call(&desk.engine, &cookies, asked).await.unwrap();
        let body = String::from_utf8(whole(answer).await.unwrap()).unwrap();
        assert!(body.contains("\"id\""), "{body}");
        desk.control().advance_clock(Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_or_unlike_its_word_is_refused_and_is_not_the_portals_fault() {
    let desk = Desk::new().await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    let mut small = settings(&desk.sandbox);
    small.request_limit = 5;
    let engine = engine(small);
    let before = desk.counters().calls;
    for (body, expected) in [
        (body_of(&["abcdef"], Some(6)), "payload_too_large"),
        (CabinetBody::Whole("abcdef".into()), "payload_too_large"),
    ] {
        assert_eq!(code_of(call(&engine, &cookies, post(UPLOAD, body)).await), expected);
    }
    assert_eq!(desk.counters().calls, before, "what is known to be too large is not sent");
    let broken: Vec<Result<_, BodyError>> = vec![Ok("abc".into()), Err("gone".into())];
    for (body, expected) in [
        (body_of(&["abc", "def"], None), "payload_too_large"),
        (body_of(&["ab"], Some(4)), "invalid_request"),
        (CabinetBody::Stream { length: None, stream: stream::iter(broken).boxed() }, "invalid_request"),
    ] {
        assert_eq!(code_of(call(&engine, &cookies, post(UPLOAD, body)).await), expected);
    }
}

#[tokio::test]
async fn silence_ends_a_call_whoever_is_silent() {
    let desk = Desk::new().await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    let mut hasty = settings(&desk.sandbox);
    hasty.timeout = Duration::from_millis(300);
    let engine = engine(hasty);
    desk.control().set_fault(Fault::new(FaultKind::HangingBody).path("/s/m").times(1));
    let answer = call(&engine, &cookies, get("/s/m")).await.unwrap();
    assert_eq!(answer.verdict, CabinetVerdict::Ok);
    assert_eq!(code_of(whole(answer).await), "portal_unavailable");
    desk.control().set_fault(Fault::new(FaultKind::Hang).path("/s/m").times(1));
    assert_eq!(code_of(call(&engine, &cookies, get("/s/m")).await), "portal_unavailable");
    let silent = stream::iter([Ok::<_, BodyError>("a".into())]).chain(stream::pending()).boxed();
    let asked = post(UPLOAD, CabinetBody::Stream { length: None, stream: silent });
    assert_eq!(code_of(call(&engine, &cookies, asked).await), "request_timeout");
}
