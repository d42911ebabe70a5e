//! Secrets are planted and logins by browser end in every way while everything is logged: none of the secrets is found in the log, in
//! the answers, in the figures or in the database. Evidence is the operator's alone.

use kaspi_sandbox::{AccountSpec, Captcha, CodeRule, Fixture, RenamedField};
use reqwest::Method;
use serde_json::{Value, json};

use crate::chromium::on_for;
use crate::harness::{Kind, Rig, on_each};

const NAME: &str = "canary-name";
const PASSWORD: &str = "canary-password-Zq7";
const WRONG_PASSWORD: &str = "canary-wrong-password-Zq8";

/// Everything that libraries would tell, too.
const LOUD: &str =
    "trace,sqlx=trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,tower=trace,h2=trace,mio=info";

fn account(rig: &Rig, number: u32, rule: CodeRule) -> String {
    let email = format!("{NAME}-{number}@shop.test");
    rig.account(AccountSpec::email(&email).password(PASSWORD).merchant(format!("96{number:05}")).code(rule))
}

fn by_browser(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password, "engine": "browser"})
}

async fn logins_by_browser_leave_no_secret_anywhere(kind: Kind) {
    let rig = Rig::new(kind).await;
    let folder = tempfile::tempdir().unwrap();
    let process = rig
        .serve_with(|command| {
            // No page is warm, so that each login meets the page as it is then.
            on_for(command, folder.path())
                .env("KASPI_AUTH__LOG__FILTER", LOUD)
                .env("KASPI_AUTH__BROWSER__MIN_WARM", "0")
                .env("KASPI_AUTH__BROWSER__PAGE_TIMEOUT_SECONDS", "4")
        })
        .await;
    let client = process.client.clone();
    let mut secrets = vec![NAME.to_owned(), PASSWORD.to_owned(), WRONG_PASSWORD.to_owned()];
    let mut heard = Vec::new();

    // A code, wrong and right.
    let coded = account(&rig, 1, CodeRule::Always);
    let login = client.sign_in(&by_browser(&coded, PASSWORD)).await.stands("awaiting_code");
    let while_waiting = rig.database.bytes().await;
    let code = rig.code(&coded);
    client.answer_code(login.id, "ZQXJKV").await.stands("awaiting_code");
    client.answer_code(login.id, &code).await.stands("succeeded");
    secrets.extend(["ZQXJKV".to_owned(), code]);
    let session = client.session("9600001").await;
    let values = session.cookies.iter().map(|cookie| cookie["value"].as_str().unwrap().to_owned());
    secrets.extend(values.filter(|value| value.len() >= 16));
    // A wrong password.
    let plain = account(&rig, 2, CodeRule::Never);
    let wrong = client.sign_in(&by_browser(&plain, WRONG_PASSWORD)).await.stands("failed");
    assert_eq!(wrong.code(), "invalid_credentials");
    // A captcha, with all typed into the page already.
    let mut knobs = rig.portal.knobs();
    knobs.login.captcha = Captcha::Passable;
    rig.portal.set_knobs(knobs.clone());
    let captcha = account(&rig, 3, CodeRule::Never);
    let asked = client.sign_in(&by_browser(&captcha, PASSWORD)).await.stands("awaiting_captcha");
    let evidence = client.get(&format!("/v1/logins/{}/evidence", asked.id)).await.is(200);
    heard.push(evidence.text.clone());
    client.delete(&format!("/v1/logins/{}", asked.id)).await.is(200);
    // A field that is not found any more, after the e-mail was typed.
    knobs.login.captcha = Captcha::Off;
    (knobs.page.renamed_field, knobs.page.renamed_bare) = (Some(RenamedField::Password), true);
    rig.portal.set_knobs(knobs);
    let changed = client.sign_in(&by_browser(&plain, PASSWORD)).await.stands("failed");
    assert_eq!(changed.code(), "portal_changed");
    let path = format!("/v1/logins/{}/evidence", changed.id);
    for part in ["", "?format=fixture"] {
        heard.push(client.get(&format!("{path}{part}")).await.is(200).text);
    }
    let screenshot = client.request(Method::GET, &format!("{path}/screenshot")).send().await.unwrap();
    assert_eq!(screenshot.status(), 200);
    let fixture = Fixture::read(heard.last().unwrap().as_bytes()).unwrap();
    rig.portal.set_fixture(Some(fixture));

    // Evidence is the operator's alone.
    let scopes = ["stores:read", "stores:write", "logins:write", "sessions:read"];
    let made = client.post("/v1/api-keys", &json!({"name": "other", "scopes": scopes})).await.is(201).json();
    let other = client.with(made["key"].as_str().unwrap());
    for part in ["", "/screenshot", "?format=fixture"] {
        other.get(&format!("{path}{part}")).await.is_problem(403, "insufficient_scope");
    }
    for path in ["/metrics", "/v1/events", "/v1/egresses"] {
        heard.push(client.get(path).await.text);
    }
    heard.push(format!("{changed:?} {wrong:?} {asked:?}"));
    let ended = process.terminate().await;
    assert!(ended.status.success() && ended.log.contains("TRACE"), "everything was logged");
    let stored = rig.database.bytes().await;
    for secret in &secrets {
        let mut places = vec![("the log", ended.log.as_bytes())];
        places.push(("the database while a login waits", &while_waiting));
        places.push(("the database", &stored));
        places.extend(heard.iter().map(|text| ("an answer", text.as_bytes())));
        for (place, text) in places {
            if let Some(at) = text.windows(secret.len()).position(|window| window == secret.as_bytes()) {
                let around = &text[at.saturating_sub(300)..(at + 200).min(text.len())];
                panic!("{secret} stands in {place}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

on_each!(logins_by_browser_leave_no_secret_anywhere);
