//! What goes where, and that the way to the browsers' shape and back changes nothing about that.

use proptest::prelude::*;

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).expect("an address")
}

fn taken(from: &str, lines: &[&str]) -> Jar {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(SET_COOKIE, HeaderValue::from_bytes(line.as_bytes()).expect("a header"));
    }
    let mut jar = Jar::default();
    jar.take(&url(from), &headers);
    jar
}

fn sent(jar: &Jar, to: &str) -> String {
    jar.header(&url(to))
        .map(|header| String::from_utf8_lossy(header.as_bytes()).into_owned())
        .unwrap_or_default()
}

#[test]
fn host_only_cookies_stay_on_their_host_and_domain_cookies_spread() {
    let jar = taken(
        "http://mc.shop.kaspi.localhost:4010/login/oauth2/code/1",
        &["mc-sid=s; Path=/; HttpOnly", "all=a; Domain=kaspi.localhost; Path=/", "deep=d; Path=/mc"],
    );
    assert_eq!(sent(&jar, "http://mc.shop.kaspi.localhost:4010/mc/x"), "deep=d; mc-sid=s; all=a");
    assert_eq!(sent(&jar, "http://idmc.shop.kaspi.localhost:4010/login"), "all=a");
    assert_eq!(sent(&jar, "http://other.localhost/"), "");
}

#[test]
fn the_last_of_several_wins_and_an_expired_one_takes_away() {
    let mut jar = taken("https://a.test/", &["s=1; Path=/", "s=2; Path=/"]);
    assert_eq!(sent(&jar, "https://a.test/"), "s=2");
    let gone = HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static("s=; Path=/; Max-Age=0"))]);
    jar.take(&url("https://a.test/"), &gone);
    assert_eq!(sent(&jar, "https://a.test/"), "");
    assert!(jar.cookies().is_empty());
}

#[test]
fn a_secure_cookie_goes_back_over_the_channel_it_came_by() {
    let jar = taken("http://mc.shop.kaspi.localhost/", &["s=1; Secure; Path=/"]);
    assert_eq!(sent(&jar, "http://mc.shop.kaspi.localhost/"), "s=1");
}

#[test]
fn what_a_portal_may_not_or_should_not_set_is_left_out() {
    let long = format!("long={}; Path=/", "x".repeat(LONGEST_COOKIE));
    let jar = taken(
        "https://mc.shop.kaspi.kz/",
        &["a=1; Domain=kz", "b=1; Domain=evil.test", "no-pair", "=empty", &long, "ok=1; Path=/"],
    );
    assert_eq!(sent(&jar, "https://mc.shop.kaspi.kz/"), "ok=1");
    let many: Vec<String> = (0..1_000).map(|n| format!("c{n}=1; Path=/")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(taken("https://a.test/", &many).cookies().len(), MOST_COOKIES);
}

#[test]
fn attributes_survive_in_the_shape_of_browsers() {
    let jar = taken(
        "https://idmc.shop.kaspi.kz/login",
        &[
            "MS_AUTH_SSO=v; Path=/; HttpOnly; Secure; SameSite=Lax",
            "d=\"q,=x\"; Domain=.kaspi.kz; Path=/a; SameSite=None; Expires=Wed, 21 Oct 2037 07:28:00 GMT",
        ],
    );
    let text = serde_json::to_value(jar.cookies()).expect("cookies are JSON");
    let expected = serde_json::json!([
        {"name": "d", "value": "\"q,=x\"", "domain": ".kaspi.kz", "path": "/a", "expires": 2_139_722_880.0,
         "httpOnly": false, "secure": false, "sameSite": "None"},
        {"name": "MS_AUTH_SSO", "value": "v", "domain": "idmc.shop.kaspi.kz", "path": "/", "expires": -1.0,
         "httpOnly": true, "secure": true, "sameSite": "Lax"},
    ]);
    assert_eq!(text, expected);
}

#[test]
fn cookies_without_a_host_go_to_all_three_and_expired_ones_nowhere() {
    let cookies: Vec<Cookie> = serde_json::from_value(serde_json::json!([
        {"name": "mc-sid", "value": "v"}, {"name": "old", "value": "v", "domain": "a.test", "expires": 1.0},
        {"name": "bad", "value": "a\nb", "domain": "a.test"}, {"name": "bad", "value": "v", "domain": "no host"},
        {"name": "far", "value": "v", "domain": "a.test", "expires": 1e300}, {"name": "nan", "value": "v", "domain": ".a.test"},
    ]))
    .expect("cookies");
    let jar = Jar::from_cookies(&cookies, &["a.test", "b.test"]);
    assert_eq!(sent(&jar, "https://a.test/"), "far=v; mc-sid=v; nan=v");
    assert_eq!(sent(&jar, "https://b.test/x"), "mc-sid=v");
}

prop_compose! {
    fn a_line()(
        name in "[A-Za-z_-]{1,8}", value in "[!#-+--:<-~]{0,20}",
        domain in prop::sample::select(vec!["", "; Domain=kaspi.kz", "; Domain=.shop.kaspi.kz", "; Domain=evil.test"]),
        path in prop::sample::select(vec!["", "; Path=/", "; Path=/mc", "; Path=bad"]),
        rest in prop::sample::select(vec!["", "; Max-Age=3600", "; Max-Age=-1", "; Secure; HttpOnly", "; SameSite=Strict",
            "; Expires=Wed, 21 Oct 2037 07:28:00 GMT", "; Expires=yesterday"]),
    ) -> String {
        format!("{name}={value}{domain}{path}{rest}")
    }
}

proptest! {
    #[test]
    fn the_way_to_the_browsers_shape_and_back_changes_nothing_that_is_sent(
        lines in prop::collection::vec(a_line(), 0..12),
        from in prop::sample::select(vec!["https://mc.shop.kaspi.kz/s/m", "https://idmc.shop.kaspi.kz/login", "https://kaspi.kz/mc/"]),
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let jar = taken(from, &lines);
        let text = serde_json::to_string(&jar.cookies()).expect("cookies are JSON");
        let cookies: Vec<Cookie> = serde_json::from_str(&text).expect("JSON is cookies");
        let again = Jar::from_cookies(&cookies, &["unused.test"]);
        prop_assert!(again.same_as(&jar));
        for to in ["https://mc.shop.kaspi.kz/mc/x", "https://idmc.shop.kaspi.kz/", "https://kaspi.kz/mc/", "https://shop.kaspi.kz/", "https://evil.test/"] {
            prop_assert_eq!(sent(&again, to), sent(&jar, to));
        }
    }

    #[test]
    fn arbitrary_lines_never_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            let mut jar = Jar::default();
            jar.take(&url("https://mc.shop.kaspi.kz/s/m"), &HeaderMap::from_iter([(SET_COOKIE, value)]));
            let again = Jar::from_cookies(&jar.cookies(), &[]);
            prop_assert_eq!(sent(&again, "https://mc.shop.kaspi.kz/s/m"), sent(&jar, "https://mc.shop.kaspi.kz/s/m"));
        }
    }
}
