//! Two contexts see nothing of each other. Each look is proven by two pages of one context, which see everything.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::Arc,
};

use kaspi_auth_browser::Context;
use kaspi_auth_core::session::Cookie;
use parking_lot::Mutex;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{self, Yard, until};

/// Leaves a mark in everything that lasts, and loads what may be kept in the cache.
const MARK: &str = "async function (name) {
    document.cookie = name + '=1; path=/';
    localStorage.setItem(name, '1');
    await new Promise((done, fail) => {
        const opening = indexedDB.open(name);
        opening.onsuccess = () => { opening.result.close(); done(); };
        opening.onerror = fail;
    });
    await (await caches.open(name)).put('/mark', new Response('1'));
    await (await fetch('/cached')).text();
}";

/// What it finds: each is the name of a mark.
const LOOK: &str = "async function () {
    return {
        cookies: document.cookie,
        local: Object.keys(localStorage),
        databases: (await indexedDB.databases()).map(database => database.name),
        caches: await caches.keys(),
        cached: await (await fetch('/cached')).text(),
    };
}";

/// A page for which the context that was marked and the one that looks are the same or not.
struct Pair {
    marks: Context,
    looks: Option<Context>,
}

impl Pair {
    async fn of(yard: &Yard, shared: bool) -> Self {
        let marks = yard.lease("one").await.unwrap();
        let looks = if shared { None } else { Some(yard.lease("two").await.unwrap()) };
        Self { marks, looks }
    }

    /// Marks, then looks: in another context, or in another document of the same.
    async fn leak(mut self, url: &Url) -> Value {
        self.marks.call(MARK, &[json!("mark")]).await.unwrap();
        let looks = match &mut self.looks {
            Some(looks) => {
                assert_eq!(looks.shard(), self.marks.shard());
                looks
            }
            None => &mut self.marks,
        };
        looks.navigate(url).await.unwrap();
        until(looks, "the page again", |event| matches!(event, kaspi_auth_browser::PageEvent::Report(_)))
            .await;
        let cookies: Vec<Cookie> = looks.cookies().await.unwrap();
        let mut seen = looks.call(LOOK, &[]).await.unwrap();
        seen["all_cookies"] = json!(cookies.iter().map(|cookie| cookie.name.clone()).collect::<Vec<_>>());
        seen
    }
}

/// Serves one page, and a number that grows with each request and may be cached.
fn counting_server() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://portal.localhost:{}/", listener.local_addr().unwrap().port());
    let count = Arc::new(Mutex::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let count = count.clone();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                while let Some(request) = lines.next() {
                    while lines.next().is_some_and(|line| !line.is_empty()) {}
                    let (kind, body) = if request.contains("/cached") {
                        *count.lock() += 1;
                        ("text/plain", count.lock().to_string())
                    } else {
                        ("text/html", "<input id=user_email_field>".to_owned())
                    };
                    let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600";
                    let answer = format!(
                        "{head}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    if (&stream).write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Url::parse(&url).unwrap()
}

async fn leak_of(shared: bool) -> Value {
    let url = counting_server();
    let yard = Yard::ready(|_, page| page.url = url.clone()).await;
    let seen = Pair::of(&yard, shared).await.leak(&url).await;
    yard.end().await;
    seen
}

#[tokio::test]
async fn two_logins_at_once_on_one_browser_see_nothing_of_each_other() {
    let seen = leak_of(false).await;
    let nothing = json!({
        "cookies": "", "all_cookies": [], "local": [], "databases": [], "caches": [], "cached": "2",
    });
    assert_eq!(seen, nothing);
}

#[tokio::test]
async fn the_look_sees_everything_where_a_context_is_shared() {
    let seen = leak_of(true).await;
    let everything = json!({
        "cookies": "mark=1", "all_cookies": ["mark"], "local": ["mark"], "databases": ["mark"], "caches": ["mark"],
        "cached": "1",
    });
    assert_eq!(seen, everything);
}

#[tokio::test]
async fn a_context_is_never_used_again() {
    let yard = Yard::ready(|_, _| {}).await;
    let first = yard.lease("one").await.unwrap();
    let cookie = json!({"name": "mark", "value": "1", "domain": "login.localhost", "path": "/"});
    first.set_cookies(&[serde_json::from_value(cookie).unwrap()]).await.unwrap();
    assert!(first.cookies().await.unwrap().iter().any(|cookie| cookie.name == "mark"));
    drop(first);
    for _ in 0..3 {
        let next = yard.lease("one").await.unwrap();
        let cookies = next.cookies().await.unwrap();
        assert!(cookies.iter().all(|cookie| cookie.name != "mark"));
    }
    harness::Yard::end(yard).await;
}
