//! What can be done in a page, and what it tells.

use kaspi_auth_browser::{Clip, FarmError, PageEvent};
use secrecy::SecretString;
use serde_json::json;
use url::Url;

use crate::harness::{self, Yard, local, shows, until};

#[tokio::test]
async fn the_page_speaks_the_language_and_knows_the_time_that_it_was_told() {
    const LOOK: &str = "function () {
        const zone = Intl.DateTimeFormat().resolvedOptions();
        return [navigator.language, zone.timeZone, zone.locale, innerWidth, innerHeight];
    }";
    for browser in harness::browsers() {
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let context = yard.lease("one").await.unwrap();
        let told = context.call(LOOK, &[]).await.unwrap();
        assert_eq!(told, json!(["ru-KZ", "Asia/Almaty", "ru-KZ", 1280, 800]));
        drop(context);
        let mut other = harness::page(&format!("{}/login", yard.sandbox.origins().login));
        (other.locale, other.accept_language, other.time_zone) =
            ("kk-KZ".into(), "kk".into(), "Asia/Tokyo".into());
        other.viewport = (900, 700);
        yard.farm.set_page(other);
        let context = yard.lease("one").await.unwrap();
        let told = context.call(LOOK, &[]).await.unwrap();
        assert_eq!(told, json!(["kk", "Asia/Tokyo", "kk-KZ", 900, 700]));
        drop(context);
        yard.end().await;
    }
}

#[tokio::test]
async fn text_comes_in_as_input_and_key_by_key() {
    for browser in harness::browsers() {
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let mut context = yard.lease("one").await.unwrap();
        let focus = "function (selector) { document.querySelector(selector).focus(); }";
        context.call(focus, &[json!("#user_email_field")]).await.unwrap();
        context.insert_text(&SecretString::from("plain@sandbox".to_owned())).await.unwrap();
        context.press(&SecretString::from(".test\n".to_owned())).await.unwrap();
        shows(&mut context, "password").await;
        context.call(focus, &[json!("#password_field")]).await.unwrap();
        context.press(&SecretString::from(format!("{}\n", harness::PASSWORD))).await.unwrap();
        shows(&mut context, "cabinet").await;
        drop(context);
        yard.end().await;
    }
}

#[tokio::test]
async fn a_function_that_throws_does_not_repeat_its_arguments() {
    let yard = Yard::ready(|_, _| {}).await;
    let context = yard.lease("one").await.unwrap();
    let throws = "function (secret) { throw new TypeError('it was ' + secret); }";
    let error = context.call(throws, &[json!("hunter2")]).await.unwrap_err();
    assert!(error.to_string().contains("TypeError") && !error.to_string().contains("hunter2"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
    assert_eq!(context.call("async function (a) { return a + 1; }", &[json!(1)]).await, Ok(json!(2)));
    drop(context);
    yard.end().await;
}

#[tokio::test]
async fn a_navigation_is_held_until_it_is_told_to_go_on_or_to_stay() {
    for browser in harness::browsers() {
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let mut context = yard.lease("one").await.unwrap();
        let elsewhere = format!("{}/login?again", yard.sandbox.origins().login);
        let leave = "function (url) { location.href = url; }";
        let here = "function () { return location.href; }";
        let before = context.call(here, &[]).await.unwrap();
        for stays in [true, false] {
            context.call(leave, &[json!(elsewhere)]).await.unwrap();
            let leaving =
                until(&mut context, "leaving", |event| matches!(event, PageEvent::Leaving { .. })).await;
            let PageEvent::Leaving { id, url } = leaving else { unreachable!() };
            assert_eq!(url.as_str(), elsewhere);
            assert!(matches!(context.call(here, &[]).await, Err(FarmError::Page { .. })));
            context.cookies().await.unwrap();
            if stays {
                context.stay(id.clone()).await.unwrap();
                assert!(matches!(context.go_on(id).await, Err(FarmError::Page { .. })));
                assert_eq!(context.call(here, &[]).await.unwrap(), before);
            } else {
                context.go_on(id).await.unwrap();
            }
        }
        let loaded = until(&mut context, "loaded", |event| matches!(event, PageEvent::Loaded { .. })).await;
        let PageEvent::Loaded { url, status } = loaded else { unreachable!() };
        assert_eq!((url.as_str(), status), (elsewhere.as_str(), Some(200)));
        shows(&mut context, "form").await;
        drop(context);
        yard.end().await;
    }
}

#[tokio::test]
async fn a_function_is_called_in_the_current_document() {
    let yard = Yard::ready(|_, _| {}).await;
    let mut context = yard.lease("one").await.unwrap();
    let site = yard.sandbox.origins().site.clone();
    for path in ["/", "/sandbox/inbox", "/"] {
        let url = Url::parse(&format!("{site}{path}")).unwrap();
        context.navigate(&url).await.unwrap();
        let loaded = until(&mut context, "loaded", |event| matches!(event, PageEvent::Loaded { .. })).await;
        assert!(matches!(loaded, PageEvent::Loaded { status: Some(200), .. }));
        let here = context.call("function () { return location.href; }", &[]).await.unwrap();
        assert_eq!(here, url.as_str());
    }
    drop(context);
    yard.end().await;
}

#[tokio::test]
async fn a_page_that_cannot_be_reached_is_told() {
    let yard = Yard::with(|_, page| page.url = Url::parse("http://127.0.0.1:1/").unwrap()).await;
    assert!(matches!(yard.lease("one").await, Err(FarmError::Page { .. })));
    yard.end().await;
}

#[tokio::test]
async fn images_are_loaded_only_when_they_are_unblocked() {
    const LOADS: &str = "function () {
        const image = new Image();
        return new Promise(done => {
            image.onload = () => done(true);
            image.onerror = () => done(false);
            image.src = '/favicon.ico?' + Math.random();
        });
    }";
    let server = pictures();
    let yard = Yard::ready(|_, page| page.url = server).await;
    let context = yard.lease("one").await.unwrap();
    assert_eq!(context.call(LOADS, &[]).await, Ok(json!(false)));
    context.unblock().await.unwrap();
    assert_eq!(context.call(LOADS, &[]).await, Ok(json!(true)));
    drop(context);
    yard.end().await;
}

/// A page, and a picture under every other address.
fn pictures() -> Url {
    use std::io::{BufRead, BufReader, Write};
    const PIXEL: &[u8] =
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
        \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let page = b"<input id=user_email_field>".as_slice();
            let (kind, body) =
                if request.contains(" / ") { ("text/html", page) } else { ("image/gif", PIXEL) };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    Url::parse(&url).unwrap()
}

#[tokio::test]
async fn a_picture_is_taken_of_the_page_and_of_a_part() {
    for browser in harness::browsers() {
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let context = yard.lease("one").await.unwrap();
        let size = |png: &[u8]| {
            let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
            (number(16), number(20))
        };
        let whole = context.screenshot(None).await.unwrap();
        assert_eq!((&whole[1..4], size(&whole)), (b"PNG".as_slice(), (1280, 800)));
        let part =
            context.screenshot(Some(Clip { x: 10.0, y: 10.0, width: 100.0, height: 50.0 })).await.unwrap();
        assert_eq!(size(&part), (100, 50));
        drop(context);
        yard.end().await;
    }
}

/// Pages wait for frames: transitions of frameworks do, and what watches elements.
#[tokio::test]
async fn a_page_gets_its_frames_although_nobody_looks() {
    const FRAMES: &str = "async function () {
        for (let left = 5; left > 0; left -= 1) await new Promise(requestAnimationFrame);
        const box = document.body.appendChild(document.createElement('p'));
        const seen = new Promise((resolve) => new IntersectionObserver((found) => resolve(found[0].isIntersecting)).observe(box));
        box.style.transition = 'opacity 20ms';
        box.textContent = 'seen';
        box.getBoundingClientRect();
        const over = new Promise((resolve) => box.addEventListener('transitionend', () => resolve(true)));
        box.style.opacity = 0.5;
        box.scrollIntoView();
        return [await seen, await over];
    }";
    for browser in harness::browsers() {
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let context = yard.lease("one").await.unwrap();
        assert_eq!(context.call(FRAMES, &[]).await, Ok(json!([true, true])));
        drop(context);
        yard.end().await;
    }
}

#[tokio::test]
async fn a_dialog_does_not_stop_the_page() {
    let yard = Yard::ready(|_, _| {}).await;
    let context = yard.lease("one").await.unwrap();
    let asks = "function () { alert('hello'); return confirm('sure?'); }";
    assert_eq!(context.call(asks, &[]).await, Ok(json!(false)));
    drop(context);
    yard.end().await;
}

#[tokio::test]
async fn a_page_that_floods_us_is_ended_and_the_browser_is_not() {
    let yard = Yard::ready(|_, page| {
        page.script.push_str("\nconst flood = () => { for (let i = 0; i < 100000; i++) report('x'); };");
        page.script.push_str("\nglobalThis.flood = flood;");
    })
    .await;
    let mut context = yard.lease("one").await.unwrap();
    let shard = context.shard();
    context.call("function () { setTimeout(flood, 0); }", &[]).await.unwrap();
    yard.until("no fate", |_| context.fate().is_some()).await;
    let error = loop {
        if let Err(error) = context.next().await {
            break error;
        }
    };
    assert!(matches!(error, FarmError::Page { .. }), "{error:?}");
    drop(context);
    assert_eq!(yard.lease("one").await.unwrap().shard(), shard);
    yard.end().await;
}

#[tokio::test]
async fn cookies_keep_all_their_attributes() {
    let yard = Yard::ready(|_, _| {}).await;
    let context = yard.lease("one").await.unwrap();
    let cookies = [
        json!({"name": "host", "value": "1", "domain": "login.localhost", "path": "/a", "httpOnly": true}),
        json!({"name": "domain", "value": "2", "domain": ".kaspi.test", "path": "/", "expires": 4_000_000_000.0}),
        json!({"name": "safe", "value": "3", "domain": "login.localhost", "path": "/", "secure": true, "sameSite": "None"}),
    ];
    let cookies: Vec<kaspi_auth_core::session::Cookie> =
        cookies.into_iter().map(|cookie| serde_json::from_value(cookie).unwrap()).collect();
    context.set_cookies(&cookies).await.unwrap();
    let there = context.cookies().await.unwrap();
    let named = |name: &str| there.iter().find(|cookie| cookie.name == name).unwrap();
    assert_eq!((named("host").domain.as_str(), named("host").path.as_str()), ("login.localhost", "/a"));
    assert!(named("host").http_only && named("host").expires < 0.0);
    assert_eq!(named("domain").domain, ".kaspi.test");
    assert!(named("domain").expires > 1_000_000_000.0);
    assert!(named("safe").secure);
    assert_eq!(named("safe").same_site, Some(kaspi_auth_core::session::SameSite::None));
    drop(context);
    yard.end().await;
}
