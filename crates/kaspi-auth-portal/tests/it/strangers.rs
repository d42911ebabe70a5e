//! The engine against the stand-in: a portal with other habits is signed in to, and one that misbehaves is told as such
//! and in time.

use kaspi_auth_core::egress::Route;
use std::time::{Duration, Instant};

use kaspi_auth_core::port::{Cabinet as _, Engine as _, Finished};
use kaspi_auth_core::session::{NewSession, Validity};
use kaspi_auth_core::{Code, Error};
use serde_json::json;

use crate::harness::{
    accepted, asked, code_of, code_sent, failure, open, phone, pick, rejected, session, uid, with_password,
    wrong_code,
};
use crate::stand_in::{Asked, Choices, Say, StandIn};

fn person() -> kaspi_auth_core::account::Credentials {
    with_password("b@portal.test", "portal-password")
}

async fn sign_in(portal: &StandIn) -> Result<NewSession, Error> {
    let at = open(&portal.engine, &person(), None).await?;
    let at = accepted(portal.engine.submit(at, &person()).await?);
    match portal.engine.finish(at, None).await? {
        Finished::Session { session, .. } => Ok(*session),
        other @ Finished::SeveralMerchants { .. } => panic!("{other:?}"),
    }
}

fn shop(session: &NewSession) -> (&str, Option<&str>) {
    (session.merchant.uid.as_str(), session.merchant.name.as_deref())
}

#[tokio::test]
async fn a_portal_with_the_other_choices_is_signed_in_to() {
    let other = Choices::default;
    let choices = [
        ("as it is", other()),
        ("no cookie wanted", Choices { wants_cookie: false, page_sets_cookie: false, ..other() }),
        ("redirectUrl is relative", Choices { redirect_url: "/", ..other() }),
        ("redirectUrl is /?continue", Choices { redirect_url: "/?continue", ..other() }),
        ("redirectUrl is the site", Choices { redirect_url: "{site}/mc/", ..other() }),
        (
            "redirectUrl is a stranger's",
            Choices { redirect_url: "https://evil.test/oauth2/authorize", ..other() },
        ),
        ("redirectUrl is no address", Choices { redirect_url: "http://[", ..other() }),
        ("redirectUrl is empty", Choices { redirect_url: "", ..other() }),
        ("redirectUrl is the kick-off", Choices { redirect_url: "/oauth2/authorization/1", ..other() }),
        ("the request is saved", Choices { saves_request: true, ..other() }),
        ("the mark is wanted", Choices { wants_continue: true, ..other() }),
        ("JSON without a type", Choices { media: "", ..other() }),
        ("the cabinet wants its first cookie", Choices { affinity_first: true, ..other() }),
    ];
    for (what, choices) in choices {
        let portal = StandIn::new(choices).await;
        let session = sign_in(&portal).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(shop(&session), ("17", Some("Лавка")), "{what}");
        assert_eq!(portal.posts().len(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_saved_request_leads_straight_in() {
    let portal =
        StandIn::new(Choices { page_sets_cookie: false, saves_request: true, ..Choices::default() }).await;
    // The first `_ph` fails for want of a cookie; the authorization request that brings one is remembered.
    let who = phone("77010000000");
    let at = open(&portal.engine, &who, None).await.unwrap();
    let (to, at) = code_sent(portal.engine.submit(at, &who).await.unwrap());
    assert_eq!(to, "+7 (***) ***-**-00");
    let answer = kaspi_auth_core::login::Answer::code("1234").unwrap();
    let at = accepted(portal.engine.answer(at, &who, &answer).await.unwrap());
    let (session, _) = session(portal.engine.finish(at, None).await.unwrap());
    assert_eq!(shop(&session), ("17", Some("Лавка")));
    assert_eq!((portal.asked("/oauth2/authorization/1"), portal.posts().len()), (1, 3));
}

#[tokio::test]
async fn failed_for_a_wrong_sms_code_leaves_the_login_alive() {
    for status in [200, 400, 401, 403] {
        let portal = StandIn::new(Choices { status, ..Choices::default() }).await;
        let who = phone("77010000000");
        let at = open(&portal.engine, &who, None).await.unwrap();
        let (_, at) = code_sent(portal.engine.submit(at, &who).await.unwrap());
        let (code, at) = rejected(portal.engine.answer(at, &who, &wrong_code()).await.unwrap());
        assert_eq!(code, Code::CodeRejected);
        let at = crate::harness::here(portal.engine.resend(at, &who).await.unwrap());
        let answer = kaspi_auth_core::login::Answer::code("1234").unwrap();
        accepted(portal.engine.answer(at, &who, &answer).await.unwrap());
    }
}

#[tokio::test]
async fn a_mailed_code_of_the_other_portal_is_asked_for_answered_and_sent_again() {
    let portal = StandIn::new(Choices { then: "mail", ..Choices::default() }).await;
    let who = person();
    let at = open(&portal.engine, &who, None).await.unwrap();
    let (to, at) = code_sent(portal.engine.submit(at, &who).await.unwrap());
    assert_eq!(to, "b***@portal.test");
    let (code, at) = rejected(portal.engine.answer(at, &who, &wrong_code()).await.unwrap());
    assert_eq!(code, Code::CodeRejected);
    let at = crate::harness::here(portal.engine.resend(at, &who).await.unwrap());
    let answer = kaspi_auth_core::login::Answer::code("MAIL42").unwrap();
    let at = accepted(portal.engine.answer(at, &who, &answer).await.unwrap());
    session(portal.engine.finish(at, None).await.unwrap());
    let passwords = portal.posts().iter().filter(|body| body.contains("portal-password")).count();
    assert_eq!(passwords, 1);
}

#[tokio::test]
async fn a_portal_that_takes_a_mailed_code_under_its_starred_address_only_gets_it_so() {
    let portal = StandIn::new(Choices { then: "starred", ..Choices::default() }).await;
    let who = person();
    let at = open(&portal.engine, &who, None).await.unwrap();
    let (_, at) = code_sent(portal.engine.submit(at, &who).await.unwrap());
    let (code, at) = rejected(portal.engine.answer(at, &who, &wrong_code()).await.unwrap());
    assert_eq!(code, Code::CodeRejected);
    let answer = kaspi_auth_core::login::Answer::code("MAIL42").unwrap();
    let at = accepted(portal.engine.answer(at, &who, &answer).await.unwrap());
    session(portal.engine.finish(at, None).await.unwrap());
}

#[tokio::test]
async fn a_portal_that_repeats_the_account_is_not_repeated() {
    let twist = |asked: &Asked| {
        let told = json!({"errorCode": "X", "message": "b@portal.test is unknown"});
        (asked.method == "POST" && asked.path == "/api/p/login").then(|| Say::json(401, &told))
    };
    let portal = StandIn::twisted(Choices::default(), Box::new(twist)).await;
    let at = open(&portal.engine, &person(), None).await.unwrap();
    let error = failure(portal.engine.submit(at, &person()).await);
    assert_eq!(error.portal_message(), Some("X: *** is unknown"));
}

#[tokio::test]
async fn every_shape_of_the_choice_is_answered_with_both_keys() {
    let shapes = [
        (json!({"17": "Лавка", "18": "Ларёк"}), r#"{"_s_m":"17","_s_u":"17"}"#),
        (json!([17, 18]), r#"{"_s_m":"17","_s_u":"17"}"#),
        (
            json!({"list": [{"merchantId": 17, "userId": "u-9", "title": "Лавка"}]}),
            r#"{"_s_m":"17","_s_u":"u-9"}"#,
        ),
    ];
    for (su, body) in shapes {
        let portal = StandIn::new(Choices { then: "su", su, ..Choices::default() }).await;
        let who = person();
        let at = open(&portal.engine, &who, None).await.unwrap();
        let (_, at) = asked(portal.engine.submit(at, &who).await.unwrap());
        let at = accepted(portal.engine.answer(at, &who, &pick("17")).await.unwrap());
        session(portal.engine.finish(at, None).await.unwrap());
        assert_eq!(portal.posts().last().unwrap(), body);
    }
}

#[tokio::test]
async fn a_choice_between_users_names_no_merchant() {
    let su = json!({"users": [{"id": "u-1", "name": "Я"}, {"id": "u-2", "name": "Ты"}]});
    let portal = StandIn::new(Choices { then: "su", su, ..Choices::default() }).await;
    let who = person();
    let at = open(&portal.engine, &who, None).await.unwrap();
    let (_, at) = asked(portal.engine.submit(at, &who).await.unwrap());
    let at = accepted(portal.engine.answer(at, &who, &pick("u-2")).await.unwrap());
    for named in [None, Some(uid("u-2"))] {
        let (session, _) = session(portal.engine.finish(at.clone(), named.as_ref()).await.unwrap());
        assert_eq!(session.merchant.uid.as_str(), "17");
    }
    assert_eq!(code_of(portal.engine.finish(at, Some(&uid("u-1"))).await), "account_mismatch");
}

#[tokio::test]
async fn its_sessions_are_renewed_and_probed() {
    let portal = StandIn::new(Choices::default()).await;
    let first = sign_in(&portal).await.unwrap();
    let second = portal.engine.renew(&Route::direct(), &first.cookies, &uid("17")).await.unwrap();
    assert_eq!(
        portal.engine.probe(&Route::direct(), &second.cookies, &uid("17")).await.validity,
        Validity::Alive
    );
    assert_eq!(
        portal.engine.probe(&Route::direct(), &second.cookies, &uid("18")).await.validity,
        Validity::Dead
    );
    assert_eq!(portal.posts().len(), 1);
}

fn at(path: &'static str, say: impl Fn(&Asked) -> Say + Send + Sync + 'static) -> crate::stand_in::Twist {
    Box::new(move |asked| (asked.path == path).then(|| say(asked)))
}

/// `{"redirectUrl":"/"}` in gzip.
const GZIP: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x2a, 0x4a, 0x4d, 0xc9, 0x2c,
    0x4a, 0x4d, 0x2e, 0x09, 0x2d, 0xca, 0x51, 0xb2, 0x52, 0xd2, 0x57, 0xaa, 0x05, 0x00, 0x90, 0xe4, 0x48,
    0x9e, 0x13, 0x00, 0x00, 0x00,
];

#[tokio::test]
async fn misbehaviour_at_the_login_endpoint_is_told_as_such_and_in_time() {
    let raw = |head: &str, body: &[u8]| Say::Raw(format!("HTTP/1.1 {head}"), body.to_vec());
    let table: Vec<(&str, Say, &str)> = vec![
        ("cut off by the connection", Say::CutOff("{\"redirectUrl\"".to_owned()), "portal_unavailable"),
        ("cut off in the text", Say::json(200, "{\"redirectUrl\":\"/"), "portal_unavailable"),
        ("closed at once", Say::Close, "portal_unavailable"),
        ("a body that never comes", Say::Hang, "portal_unavailable"),
        ("a body without an end", Say::Endless, "portal_changed"),
        ("a huge body", raw("200 OK", &vec![b' '; 2_000_000]), "portal_changed"),
        ("garbage", raw("200 OK\r\nContent-Type: application/json", b"\x00\xff\xfe{"), "portal_changed"),
        ("no HTTP", raw("\r\n\r\n", b""), "portal_unavailable"),
        ("broken gzip", raw("200 OK\r\nContent-Encoding: gzip", b"no gzip"), "portal_unavailable"),
        ("a bare list", Say::json(200, "[]"), "portal_changed"),
        ("a redirect", Say::Redirect("/".to_owned(), Vec::new()), "portal_changed"),
        ("a teapot", Say::json(418, &json!({"ok": false})), "portal_changed"),
        (
            "a wall that says when",
            raw("429 x\r\nRetry-After: 90\r\nContent-Type: text/html", b"<p>"),
            "portal_blocked",
        ),
        (
            "an outage in JSON",
            Say::json(503, &json!({"errorCode": "CREDENTIALS_INVALID"})),
            "portal_unavailable",
        ),
    ];
    for (what, say, expected) in table {
        let portal = StandIn::twisted(Choices::default(), at("/api/p/login", move |_| say.clone())).await;
        let started = Instant::now();
        let error = failure(sign_in(&portal).await);
        assert_eq!(error.code().as_str(), expected, "{what}: {error}");
        assert!(started.elapsed() < Duration::from_secs(5), "{what}");
        assert_eq!(portal.posts().len(), 1, "{what}");
        let waits = error.retry_at().map(|at| at.duration_since(crate::harness::noon()).as_secs());
        assert_eq!(waits, what.contains("says when").then_some(90));
    }
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let gzip = |_: &Asked| {
        Say::Raw(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip".to_owned(),
            GZIP.to_vec(),
        )
    };
    let portal = StandIn::twisted(Choices::default(), at("/api/p/login", gzip)).await;
    let first = open(&portal.engine, &person(), None).await.unwrap();
    accepted(portal.engine.submit(first, &person()).await.unwrap());
}

#[tokio::test]
async fn a_stranger_is_never_followed_and_redirects_end() {
    let away = |_: &Asked| Say::Redirect("http://evil.localhost:1/oauth2/authorize".to_owned(), Vec::new());
    for path in ["/oauth2/authorization/1", "/oauth2/authorize"] {
        let portal = StandIn::twisted(Choices::default(), at(path, away)).await;
        let error = failure(sign_in(&portal).await);
        assert_eq!(error.code(), Code::PortalChanged);
        assert!(error.detail().contains("not followed"), "{}", error.detail());
    }
    let round = |asked: &Asked| Say::Redirect(format!("{}?{}x", asked.path, asked.query), Vec::new());
    let portal = StandIn::twisted(Choices::default(), at("/oauth2/authorization/1", round)).await;
    assert_eq!(code_of(sign_in(&portal).await), "portal_changed");
    assert_eq!(portal.asked("/oauth2/authorization/1"), 12);
}

#[tokio::test]
async fn a_last_hop_to_anywhere_is_no_matter_once_the_callback_is_through() {
    let portal = StandIn::new(Choices::default()).await;
    let port = portal.engine.host().to_owned();
    assert_eq!(port, "mc.portal.localhost");
    let first = sign_in(&portal).await.unwrap();
    let cookies = first.cookies;
    let elsewhere = StandIn::twisted(
        Choices::default(),
        at("/login/oauth2/code/1", |_| {
            Say::Redirect("https://evil.test/".to_owned(), vec!["mc-sid=sid-0; Path=/".to_owned()])
        }),
    )
    .await;
    assert_eq!(code_of(sign_in(&elsewhere).await), "kaspi_auth_error", "that session is no session");
    assert!(!cookies.is_empty());
}

#[tokio::test]
async fn probes_of_a_misbehaving_cabinet_are_unknown() {
    let portal = StandIn::new(Choices::default()).await;
    let cookies = sign_in(&portal).await.unwrap().cookies;
    for say in [Say::Close, Say::Hang, Say::Endless, Say::CutOff("{".to_owned()), Say::json(200, "null")] {
        let broken = StandIn::twisted(Choices::default(), at("/s/m", move |_| say.clone())).await;
        let probe = broken.engine.probe(&Route::direct(), &cookies, &uid("17")).await;
        assert_eq!(probe.validity, Validity::Unknown, "{}", probe.reason);
    }
}
