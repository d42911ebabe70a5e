//! Services' own calls of the cabinet: what goes in, what comes out, and what an answer says about the session.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use kaspi_auth_core::egress::{EgressId, Proxy, ProxyScheme, Route, Way};
use kaspi_auth_core::session::Cookie;
use kaspi_auth_core::{Code, Error};
use kaspi_auth_portal::{
    CabinetAnswer, CabinetBody, CabinetCall, CabinetVerdict, DirectEngine, ExchangeObserver, HostRole,
    cabinet_path,
};
use kaspi_sandbox::{Fault, FaultKind, Renewal};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::harness::{Desk, code_of, engine, mail, settings};
use crate::proxy;
use crate::stand_in::{Choices, Say, StandIn};

pub fn get(path: &str) -> CabinetCall {
    CabinetCall {
        method: Method::GET,
        path_and_query: cabinet_path(path).unwrap(),
        headers: HeaderMap::new(),
        body: None,
    }
}

pub fn post(path: &str, body: CabinetBody) -> CabinetCall {
    CabinetCall { method: Method::POST, body: Some(body), ..get(path) }
}

pub async fn call(
    engine: &DirectEngine,
    cookies: &[Cookie],
    call: CabinetCall,
) -> Result<CabinetAnswer, Error> {
    engine.call_cabinet(&Route::direct(), cookies, call).await
}

pub async fn whole(answer: CabinetAnswer) -> Result<Vec<u8>, Error> {
    let mut body = answer.body;
    let mut read = Vec::new();
    while let Some(chunk) = body.next().await {
        read.extend_from_slice(&chunk?);
    }
    Ok(read)
}

fn value<'a>(cookies: &'a [Cookie], name: &str) -> Option<&'a str> {
    cookies.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.expose_secret())
}

fn cookie(name: &str, value: &str) -> Cookie {
    Cookie {
        name: name.to_owned(),
        value: SecretString::from(value),
        domain: String::new(),
        path: "/".to_owned(),
        expires: -1.0,
        http_only: true,
        secure: true,
        same_site: None,
    }
}

#[tokio::test]
async fn a_call_is_made_with_the_session_and_the_cabinets_own_headers() {
    let desk = Desk::with(|knobs| {
        knobs.cabinet.auth_version_required = true;
        knobs.cabinet.refuse_foreign_origin = true;
    })
    .await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    let mut foreign = get("/s/m?x=%2F");
    foreign.headers.insert("origin", HeaderValue::from_static("https://elsewhere.test"));
    let answer = call(&desk.engine, &cookies, foreign).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.verdict), (200, CabinetVerdict::Ok));
    assert!(answer.cookies.is_none() && !answer.replaced && answer.retry_at.is_none());
    let length = answer.headers["content-length"].to_str().unwrap().to_owned();
    let body = whole(answer).await.unwrap();
    assert_eq!(length, body.len().to_string());
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["merchants"][0]["uid"], "30000001");
    let query = json!({"operationName": "getCities", "variables": {}, "query": "query getCities { cities { id name } }"});
    let mut asked = post("/mc/facade/graphql?opName=getCities", CabinetBody::Whole(query.to_string().into()));
    asked.headers.insert("content-type", HeaderValue::from_static("application/json"));
    let answer = call(&desk.engine, &cookies, asked).await.unwrap();
    assert_eq!(answer.verdict, CabinetVerdict::Ok);
    let body: Value = serde_json::from_slice(&whole(answer).await.unwrap()).unwrap();
    assert!(!body["data"]["cities"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn nothing_of_the_caller_passes_inward_that_is_its_business_with_us() {
    let stand_in = StandIn::twisted(
        Choices::default(),
        Box::new(|asked| (asked.path == "/bff/x").then(|| Say::json(200, &json!({})))),
    )
    .await;
    let mut asked = post("/bff/x?m=1", CabinetBody::Whole("{}".into()));
    for (name, value) in [
        ("accept", "text/csv"),
        ("x-own", "stays"),
        ("if-none-match", "\"1\""),
        ("authorization", "Bearer canary"),
        ("x-api-key", "canary"),
        ("cookie", "mc-sid=canary; own=canary"),
        ("host", "canary.test"),
        ("forwarded", "for=canary"),
        ("x-forwarded-for", "canary"),
        ("x-forwarded-host", "canary"),
        ("x-real-ip", "canary"),
        ("via", "1.1 canary"),
        ("proxy-authorization", "Basic canary"),
        ("proxy-connection", "canary"),
        ("connection", "x-hop, close"),
        ("x-hop", "canary"),
        ("keep-alive", "canary"),
        ("te", "trailers, canary"),
        ("trailer", "canary"),
        ("upgrade", "canary"),
        ("transfer-encoding", "canary"),
        ("content-length", "999"),
        ("expect", "100-continue"),
        ("accept-encoding", "canary"),
        ("user-agent", "canary"),
        ("origin", "https://canary.test"),
        ("referer", "https://canary.test/"),
        ("x-auth-version", "9"),
        ("x-request-id", "canary"),
        ("traceparent", "canary"),
        ("sec-fetch-site", "canary"),
    ] {
        asked.headers.append(name, HeaderValue::from_static(value));
    }
    let cookies = [cookie("mc-sid", "sid"), cookie("mc-session", "1.2|x")];
    let answer = call(&stand_in.engine, &cookies, asked).await.unwrap();
    assert_eq!(answer.verdict, CabinetVerdict::Ok);
    let log = stand_in.portal.lock().unwrap().log.clone();
    let [came] = log.as_slice() else { panic!("one call") };
    let text = format!("{:?}", came.headers);
    assert!(!text.contains("canary") && !text.contains("100-continue"), "{text}");
    let value = |name: &str| {
        let mut found =
            came.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = found.next();
        assert_eq!(found.next(), None, "{name} stands once");
        first.unwrap_or_default().to_owned()
    };
    assert_eq!(value("cookie"), "mc-session=1.2|x; mc-sid=sid");
    assert_eq!((value("content-length"), value("x-auth-version")), ("2".to_owned(), "3".to_owned()));
    assert_eq!((value("accept"), value("x-own")), ("text/csv".to_owned(), "stays".to_owned()));
    assert!(
        value("origin").starts_with("http://portal.localhost") && value("user-agent").starts_with("Mozilla")
    );
    assert!(value("accept-encoding").contains("gzip") && came.query == "m=1" && came.body == "{}");
}

#[tokio::test]
async fn nothing_of_the_portal_passes_outward_that_would_bind_the_callers_client() {
    let head = "HTTP/1.1 200 x\r\nContent-Type: text/csv\r\nETag: \"1\"\r\nSet-Cookie: mc-sid=new; Path=/; HttpOnly\r\n\
                Set-Cookie: other=1; Path=/\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nAlt-Svc: h3=\":443\"\r\n\
                Strict-Transport-Security: max-age=1\r\nClear-Site-Data: \"*\"\r\nAccess-Control-Allow-Origin: https://kaspi.kz\r\n\
                Access-Control-Allow-Credentials: true\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Own: 1\r\nX-Own: 2";
    let stand_in = StandIn::twisted(
        Choices::default(),
        Box::new(move |_| Some(Say::Raw(head.to_owned(), b"a;b".to_vec()))),
    )
    .await;
    let before = [cookie("mc-sid", "old")];
    let answer = call(&stand_in.engine, &before, get("/bff/x")).await.unwrap();
    let mut names: Vec<&str> = answer.headers.keys().map(reqwest::header::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "etag", "x-own"]);
    assert_eq!(answer.headers.get_all("x-own").iter().count(), 2);
    assert!(answer.replaced);
    let now = answer.cookies.as_deref().unwrap();
    assert!(now.iter().any(|cookie| cookie.name == "mc-sid" && cookie.value.expose_secret() == "new"));
    assert_eq!(value(now, "other"), Some("1"));
    assert_eq!(whole(answer).await.unwrap(), b"a;b");
}

#[tokio::test]
async fn a_compressed_body_comes_out_plain_and_says_so() {
    const GZIP: [u8; 36] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 202, 77, 45, 74, 206, 72, 204, 43, 41, 86, 178, 138, 142,
        173, 5, 0, 70, 70, 254, 220, 16, 0, 0, 0,
    ];
    let stand_in = StandIn::twisted(
        Choices::default(),
        Box::new(|_| {
            let head = "HTTP/1.1 200 x\r\nContent-Type: application/json\r\nContent-Encoding: gzip";
            Some(Say::Raw(head.to_owned(), GZIP.to_vec()))
        }),
    )
    .await;
    let answer = call(&stand_in.engine, &[], get("/s/m")).await.unwrap();
    assert!(
        !answer.headers.contains_key("content-encoding") && !answer.headers.contains_key("content-length")
    );
    assert_eq!(whole(answer).await.unwrap(), b"{\"merchants\":[]}");
    let mut part = get("/s/m");
    part.headers.insert("range", HeaderValue::from_static("bytes=0-3"));
    call(&stand_in.engine, &[], part).await.unwrap();
    let log = stand_in.portal.lock().unwrap().log.clone();
    assert!(log[1].headers.contains(&("accept-encoding".to_owned(), "identity".to_owned())));
}

#[tokio::test]
async fn a_renewed_cookie_is_told_and_only_another_session_is_a_replaced_one() {
    let desk = Desk::with(|knobs| knobs.session.renewal = Renewal::Rotate).await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    let others: Vec<Cookie> = cookies.iter().filter(|cookie| cookie.name != "mc-session").cloned().collect();
    let answer = call(&desk.engine, &others, get("/s/m")).await.unwrap();
    let now = answer.cookies.unwrap();
    assert!(!answer.replaced && value(&now, "mc-session").is_some());
    assert_eq!(value(&now, "mc-sid"), value(&cookies, "mc-sid"));
    assert_eq!(value(&now, "MS_AUTH_SSO"), value(&cookies, "MS_AUTH_SSO"), "what was not touched stays");
    desk.control().advance_clock(Duration::from_secs(901));
    let answer = call(&desk.engine, &cookies, get("/bff/offer-view/list?m=30000001&p=0&l=1")).await.unwrap();
    let now = answer.cookies.unwrap();
    assert!(answer.replaced && value(&now, "mc-sid") != value(&cookies, "mc-sid"));
    desk.control().advance_clock(Duration::from_secs(400));
    let verdict = |answer: Result<CabinetAnswer, Error>| answer.unwrap().verdict;
    assert_eq!(verdict(call(&desk.engine, &now, get("/s/m")).await), CabinetVerdict::Ok);
    assert_eq!(verdict(call(&desk.engine, &cookies, get("/s/m")).await), CabinetVerdict::Unauthorized);
}

#[tokio::test]
async fn a_dead_session_is_told_and_gives_no_new_one() {
    let desk = Desk::new().await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    desk.control().kill_sessions(None);
    let answer = call(&desk.engine, &cookies, get("/bff/offer-view/list?m=30000001")).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.verdict, answer.replaced),
        (401, CabinetVerdict::Unauthorized, false)
    );
    let stand_in = StandIn::twisted(
        Choices::default(),
        Box::new(|_| {
            Some(Say::Chunked(401, "text/plain", vec!["mc-sid=nobody; Path=/".to_owned()], String::new()))
        }),
    )
    .await;
    let answer = call(&stand_in.engine, &[cookie("mc-sid", "old")], get("/s/m")).await.unwrap();
    assert!(answer.cookies.is_some() && !answer.replaced);
}

#[tokio::test]
async fn every_answer_bears_on_the_session_as_it_should() {
    let desk = Desk::new().await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    let refused = json!({"message": "no"});
    let json = |status| FaultKind::Json { status, body: refused.clone() };
    for (kind, status, expected) in [
        (FaultKind::Status(401), 401, CabinetVerdict::Unauthorized),
        (json(401), 401, CabinetVerdict::Unauthorized),
        (FaultKind::LoginPage, 200, CabinetVerdict::Unauthorized),
        (FaultKind::RedirectToLogin, 302, CabinetVerdict::Unauthorized),
        (FaultKind::Wall(403), 403, CabinetVerdict::Blocked),
        (FaultKind::Wall(429), 429, CabinetVerdict::Blocked),
        (FaultKind::Wall(200), 200, CabinetVerdict::Blocked),
        (FaultKind::Status(429), 429, CabinetVerdict::RateLimited),
        (json(429), 429, CabinetVerdict::RateLimited),
        (json(403), 403, CabinetVerdict::Other),
        (FaultKind::Status(404), 404, CabinetVerdict::Other),
        (FaultKind::Broken, 500, CabinetVerdict::Other),
        (FaultKind::LostAnswer, 502, CabinetVerdict::Other),
        (json(200), 200, CabinetVerdict::Ok),
        (FaultKind::Status(204), 204, CabinetVerdict::Ok),
    ] {
        desk.control().set_fault(Fault::new(kind.clone()).path("/s/m").times(1));
        let answer = call(&desk.engine, &cookies, get("/s/m")).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.verdict), (status, expected), "{kind:?}");
        let is_page = matches!(kind, FaultKind::LoginPage | FaultKind::Wall(_) | FaultKind::Broken);
        let body = String::from_utf8(whole(answer).await.unwrap()).unwrap();
        assert_eq!(
            body.contains("</html>"),
            is_page,
            "a page that was looked at still comes whole: {kind:?}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_handed_on_and_never_followed() {
    let to = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&to);
    let twist = move |asked: &crate::stand_in::Asked| {
        (asked.path == "/mc/from").then(|| Say::Redirect(shared.lock().unwrap().clone(), Vec::new()))
    };
    let stand_in = StandIn::twisted(Choices::default(), Box::new(twist)).await;
    let port = stand_in.portal.lock().unwrap().port;
    for (address, expected) in [
        ("/mc/other".to_owned(), CabinetVerdict::Other),
        ("https://evil.test/login".to_owned(), CabinetVerdict::Other),
        (format!("http://portal.localhost:{port}/mc/"), CabinetVerdict::Other),
        ("/oauth2/authorization/1".to_owned(), CabinetVerdict::Unauthorized),
        (format!("http://portal.localhost:{port}/mc/#/login"), CabinetVerdict::Unauthorized),
        (format!("http://portal.localhost:{port}/merchantcabinet/login"), CabinetVerdict::Unauthorized),
        (format!("http://id.portal.localhost:{port}/oauth2/authorize?x"), CabinetVerdict::Unauthorized),
    ] {
        to.lock().unwrap().clone_from(&address);
        let answer = call(&stand_in.engine, &[], get("/mc/from")).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.verdict), (302, expected), "{address}");
        assert_eq!(answer.headers["location"], address.as_str());
    }
    assert!(stand_in.portal.lock().unwrap().log.iter().all(|asked| asked.path == "/mc/from"));
}

#[tokio::test]
async fn the_portals_own_wait_is_told() {
    let stand_in = StandIn::twisted(
        Choices::default(),
        Box::new(|asked| {
            let status = if asked.path == "/mc/down" { 503 } else { 429 };
            Some(Say::Raw(format!("HTTP/1.1 {status} x\r\nRetry-After: 90"), b"{}".to_vec()))
        }),
    )
    .await;
    for (path, expected) in [("/mc/x", CabinetVerdict::RateLimited), ("/mc/down", CabinetVerdict::Other)] {
        let answer = call(&stand_in.engine, &[], get(path)).await.unwrap();
        assert_eq!(answer.verdict, expected);
        assert_eq!(answer.retry_at.unwrap().to_string(), "2026-11-22T12:01:30Z");
        assert_eq!(answer.headers["retry-after"], "90");
    }
}

#[tokio::test]
async fn a_file_is_no_login_page_whatever_stands_in_it() {
    let page = "<html><input type=\"password\"><p>captcha</p></html>";
    let stand_in = StandIn::twisted(
        Choices::default(),
        Box::new(move |_| {
            let head = "HTTP/1.1 200 x\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=a.html";
            Some(Say::Raw(head.to_owned(), page.as_bytes().to_vec()))
        }),
    )
    .await;
    let answer = call(&stand_in.engine, &[], get("/mc/x")).await.unwrap();
    assert_eq!(answer.verdict, CabinetVerdict::Ok);
    assert_eq!(whole(answer).await.unwrap(), page.as_bytes());
}

#[tokio::test]
async fn a_call_goes_over_the_sessions_own_way() {
    let desk = Desk::new().await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    for scheme in [ProxyScheme::Http, ProxyScheme::Socks5] {
        let proxy = match scheme {
            ProxyScheme::Socks5 => proxy::Proxy::socks().await,
            _ => proxy::Proxy::http().await,
        };
        let way = Way::Proxy(Proxy {
            scheme,
            host: "127.0.0.1".to_owned(),
            port: proxy.at.port(),
            username: Some("user".to_owned()),
            password: Some(SecretString::from("p@ss")),
        });
        let route = Route { id: EgressId(uuid::Uuid::from_u128(7)), revision: proxy.at.port().into(), way };
        let answer = desk.engine.call_cabinet(&route, &cookies, get("/s/m")).await.unwrap();
        assert_eq!((answer.verdict, proxy.let_through()), (CabinetVerdict::Ok, 1), "{scheme:?}");
    }
}

#[tokio::test]
async fn methods_that_are_no_calls_are_refused() {
    let desk = Desk::new().await;
    for method in [Method::CONNECT, Method::TRACE] {
        let asked = CabinetCall { method, ..get("/s/m") };
        assert_eq!(code_of(call(&desk.engine, &[], asked).await), Code::MethodNotAllowed.as_str());
    }
    assert!(desk.counters().calls.is_empty());
}

#[derive(Default)]
struct Book(Mutex<Vec<String>>);

impl ExchangeObserver for Book {
    fn exchanged(&self, host: HostRole, path: &str, status: Option<u16>, _: Duration) {
        self.0.lock().unwrap().push(format!("{} {path} {status:?}", host.as_str()));
    }
}

#[tokio::test]
async fn an_observer_is_told_of_a_call_once_and_only_its_part_of_the_cabinet() {
    let desk = Desk::new().await;
    let cookies = desk.sign_in(&mail("plain")).await.cookies;
    let book = Arc::new(Book::default());
    let mut settings = settings(&desk.sandbox);
    settings.observer = Some(book.clone());
    let engine = engine(settings);
    let answer = call(&engine, &cookies, get("/mc/api/order/30000001?_m=30000001")).await.unwrap();
    assert!(book.0.lock().unwrap().is_empty(), "the body has not ended");
    whole(answer).await.unwrap();
    drop(call(&engine, &cookies, get("/30000001/x")).await.unwrap());
    desk.control().set_fault(Fault::new(FaultKind::BrokenBody).path("/s/m"));
    let answer = call(&engine, &cookies, get("/s/m")).await.unwrap();
    assert_eq!(code_of(whole(answer).await), "portal_unavailable");
    let told = book.0.lock().unwrap().clone();
    assert!(told[0].starts_with("cabinet /mc Some("), "{told:?}");
    assert_eq!(told[1..], ["cabinet /other Some(404)", "cabinet /s None"]);
}
