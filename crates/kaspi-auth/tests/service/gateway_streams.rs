//! Calls through the gateway byte for byte, as the cabinet and the caller see them: what passes, what does not, when it arrives, and what
//! becomes of the call when one of them goes away.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use kaspi_auth::config::Config;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::harness::{Client, Kind, World, until, url};

const STORE: &str = "40000001";
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A cabinet of which the test writes every byte.
struct Cabinet(TcpListener);

/// A call as the cabinet got it.
struct Got {
    stream: TcpStream,
    /// In lower case.
    head: String,
}

impl Cabinet {
    async fn call(&self) -> Got {
        let (mut stream, _) = tokio::time::timeout(PATIENCE, self.0.accept()).await.unwrap().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
        Got { stream, head: String::from_utf8(head).unwrap().to_lowercase() }
    }
}

impl Got {
    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads on until these bytes have come.
    async fn read_to(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).ends_with(end) {
            read.push(tokio::time::timeout(PATIENCE, self.stream.read_u8()).await.unwrap().unwrap());
        }
        String::from_utf8(read).unwrap()
    }

    /// Waits until the service hangs up.
    async fn is_let_go(&mut self) {
        let mut rest = [0; 1024];
        while let Ok(1..) = tokio::time::timeout(PATIENCE, self.stream.read(&mut rest)).await.unwrap() {}
    }
}

/// A service in front of such a cabinet, with one store whose session another program has stored.
async fn prove(change: impl FnOnce(&mut Config), test: impl AsyncFnOnce(&Cabinet, &Client)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://mc.shop.kaspi.localhost:{}", listener.local_addr().unwrap().port());
    let cabinet = Cabinet(listener);
    let settings = |config: &mut Config| {
        config.portal.cabinet_url = url(&origin);
        change(config);
    };
    World::prove_with(Kind::Sqlite, settings, async |world| {
        let guid = json!({"cookies": [
            {"name": "mc-sid", "value": "the-session", "domain": "mc.shop.kaspi.localhost", "path": "/"}
        ]});
        let insert = format!(
            "insert into kaspi_stores (merchant_id, name, guid) values ('{STORE}', 'Shop', '{guid}')"
        );
        world.database.execute(&insert).await;
        let body = json!({"name": "service", "scopes": ["cabinet:call"], "cabinet_paths": ["/*"]});
        let made = world.admin.post("/v1/api-keys", &body).await.is(201).json();
        let client = world.node().anyone().with(made["key"].as_str().unwrap());
        test(&cabinet, &client).await;
    })
    .await;
}

fn asked(client: &Client, method: Method, path: &str) -> reqwest::RequestBuilder {
    client.request(method, &format!("/v1/stores/{STORE}/cabinet{path}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_bytes_arrive_before_the_answer_has_ended() {
    prove(|_| {}, async |cabinet, client| {
        let (go, wait) = oneshot::channel::<()>();
        let portal = async {
            let mut got = cabinet.call().await;
            got.send("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
            wait.await.unwrap();
            got.send("5\r\n-last\r\n0\r\n\r\n").await;
        };
        let caller = async {
            let mut response = asked(client, Method::GET, "/mc/report").send().await.unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), "first");
            go.send(()).unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), "-last");
            assert!(response.chunk().await.unwrap().is_none());
        };
        tokio::join!(portal, caller);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_away_ends_the_call_at_the_cabinet() {
    prove(
        |_| {},
        async |cabinet, client| {
            // Before the answer begins.
            let call = tokio::spawn(asked(client, Method::GET, "/mc/one").send());
            let mut got = cabinet.call().await;
            call.abort();
            got.is_let_go().await;

            // In the middle of it.
            let call = tokio::spawn(asked(client, Method::GET, "/mc/two").send());
            let mut got = cabinet.call().await;
            got.send("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\n\r\nfirst").await;
            let mut response = call.await.unwrap().unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), "first");
            drop(response);
            got.is_let_go().await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_is_never_taken_for_a_whole_one() {
    prove(
        |_| {},
        async |cabinet, client| {
            for head in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
                let portal = async {
                    let mut got = cabinet.call().await;
                    got.send(&format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n{head}\r\n\r\n5\r\nfirst\r\n"
                    ))
                    .await;
                };
                let caller = async {
                    let response = asked(client, Method::GET, "/mc/report").send().await.unwrap();
                    assert!(response.bytes().await.is_err(), "{head}");
                };
                tokio::join!(portal, caller);
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_side_sees_what_is_the_others_alone() {
    prove(|_| {}, async |cabinet, client| {
        let portal = async {
            let mut got = cabinet.call().await;
            let body = got.read_to("offer").await;
            let head = "HTTP/1.1 201 Created\r\nContent-Type: text/csv\r\nX-Own: kept\r\nCache-Control: public, max-age=60\r\n\
                 Set-Cookie: other=renewed; Path=/\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\
                 Proxy-Authenticate: Basic\r\nTrailer: x-late\r\nStrict-Transport-Security: max-age=1\r\nAlt-Svc: h3\r\n\
                 Access-Control-Allow-Origin: *\r\nContent-Length: 4\r\n\r\ndone";
            got.send(head).await;
            (got.head, body)
        };
        let request = asked(client, Method::PUT, "/bff/offer?q=1&q=2")
            .header("cookie", "mc-sid=the-callers-own")
            .header("x-own", "kept")
            .header("connection", "close, x-hop")
            .header("x-hop", "1")
            .header("te", "trailers")
            .header("keep-alive", "timeout=5")
            .header("proxy-authorization", "Basic Zm9v")
            .header("x-forwarded-for", "192.0.2.1")
            .header("forwarded", "for=192.0.2.1")
            .header("via", "1.1 edge")
            .header("user-agent", "our-service/1")
            .header("referer", "https://intranet.example/secret")
            .header("content-type", "text/plain")
            .body("offer");
        let ((head, body), response) = tokio::join!(portal, async { request.send().await.unwrap() });

        assert!(head.starts_with("put /bff/offer?q=1&q=2 http/1.1\r\n"), "{head}");
        assert_eq!(body, "offer");
        for line in ["cookie: mc-sid=the-session", "x-own: kept", "content-type: text/plain", "content-length: 5"] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
        }
        assert_eq!(head.matches("\r\ncookie:").count(), 1, "{head}");
        for word in [
            "authorization", "ka_", "callers-own", "x-hop", "\r\nte:", "keep-alive", "forwarded", "192.0.2.1", "\r\nvia:",
            "our-service", "intranet", "\r\ntransfer-encoding", "kaspi-auth", "x-request-id", "traceparent",
        ] {
            assert!(!head.contains(word), "{word}: {head}");
        }

        assert_eq!(response.status(), 201);
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!((header("x-own"), header("content-type")), (Some("kept"), Some("text/csv")));
        assert_eq!(header("cache-control"), Some("no-store"), "no cache on the way keeps a store's own data");
        for name in [
            "set-cookie", "x-hop", "keep-alive", "upgrade", "proxy-authenticate", "trailer", "strict-transport-security",
            "alt-svc", "access-control-allow-origin",
        ] {
            assert_eq!(header(name), None, "{name}");
        }
        assert_eq!(response.text().await.unwrap(), "done");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_passed_on_as_it_comes_and_may_outlast_other_requests() {
    let short = |config: &mut Config| config.server.request_timeout_seconds = 2;
    prove(short, async |cabinet, client| {
        let (chunks, body) = tokio::sync::mpsc::channel::<Result<&'static str, std::io::Error>>(1);
        let body = futures_util::stream::unfold(body, async |mut body| Some((body.recv().await?, body)));
        let request = asked(client, Method::POST, "/pricefeed/upload/merchant/upload");
        let call = tokio::spawn(request.body(reqwest::Body::wrap_stream(body.boxed())).send());
        chunks.send(Ok("first")).await.unwrap();
        let began = Instant::now();
        let mut got = cabinet.call().await;
        got.read_to("first\r\n").await;
        // The caller comes on, at its own pace.
        until("another request would have been cut off", || began.elapsed() > Duration::from_secs(3)).await;
        assert!(!call.is_finished());
        chunks.send(Ok("-last")).await.unwrap();
        drop(chunks);
        got.read_to("-last\r\n0\r\n\r\n").await;
        got.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}").await;
        assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "{}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_falls_silent_or_takes_for_ever_is_cut_off() {
    let silent = |config: &mut Config| config.portal.timeout_seconds = 1;
    let slow = |config: &mut Config| {
        (config.server.request_timeout_seconds, config.gateway.upload_timeout_seconds) = (1, 1);
    };
    let changes: [&dyn Fn(&mut Config); 2] = [&silent, &slow];
    for change in changes {
        prove(change, async |cabinet, client| {
            let silence = futures_util::stream::pending::<Result<&'static str, std::io::Error>>();
            let body = futures_util::stream::iter([Ok("first")]).chain(silence);
            let request = asked(client, Method::POST, "/pricefeed/upload/merchant/upload");
            let call = client.send(request.body(reqwest::Body::wrap_stream(body)));
            let portal = async {
                let mut got = cabinet.call().await;
                got.is_let_go().await;
            };
            let ((), answer) = tokio::join!(portal, call);
            assert_eq!(answer.problem().code, "request_timeout");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_the_cabinet_cannot_work_with_keep_nobody_from_the_portal() {
    prove(
        |config| config.gateway.others_per_second = 0.0,
        async |cabinet, client| {
            let portal = async |status: &str| {
                let mut got = cabinet.call().await;
                got.send(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
                    .await;
            };
            for _ in 0..20 {
                let call = client.send(asked(client, Method::POST, "/mc/wrong"));
                let ((), answer) = tokio::join!(portal("500 Internal Server Error"), call);
                assert_eq!(
                    (answer.status, answer.header("kaspi-auth-generation").is_empty()),
                    (500, false),
                    "{answer:?}"
                );
            }
            // An outage is another matter: the host is left alone for a while.
            let outage = async {
                loop {
                    portal("503 Service Unavailable").await;
                }
            };
            let caller = async {
                loop {
                    let answer = client.send(asked(client, Method::GET, "/mc/right")).await;
                    if answer.header("kaspi-auth-generation").is_empty() {
                        return answer;
                    }
                }
            };
            let refused = tokio::select! {
                answer = caller => answer,
                () = outage => unreachable!(),
            };
            refused.is_problem(502, "portal_unavailable");
        },
    )
    .await;
}
