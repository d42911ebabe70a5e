//! Secrets are planted, all flows run while everything is logged, and none of the secrets is found where it should not be:
//! logs, answers, figures, error texts, the database.

use jiff::SignedDuration;
use kaspi_sandbox::{AccountSpec, CodeRule, Fault, FaultKind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Answer, Client, Kind, Process, Rig, Signer, claims, encryption_key, on_each, secret_of,
};

/// Parts of e-mail addresses, too: logs and tables hold them starred.
const NAME: &str = "canary-name";
const PASSWORD: &str = "canary-password-Zq7";
const WRONG_PASSWORD: &str = "canary-wrong-password-Zq8";
const WRONG_CODE: &str = "ZQXJKVWY";
const JWT_SECRET: &str = "canary-jwt-secret-of-more-than-32-bytes";
const COOKIES: [&str; 3] = ["mc-sid", "MS_AUTH_SSO", "mc-session"];

/// Everything that libraries would tell, too.
const LOUD: &str =
    "trace,sqlx=trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,tower=trace,h2=trace,mio=info";

/// Calls, and keeps what was answered.
struct Ears {
    client: Client,
    heard: Vec<String>,
    secrets: Vec<(&'static str, String)>,
}

impl Ears {
    async fn hear(&mut self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.client.request(method, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = self.client.send(request).await;
        self.heard.push(format!("{path}: {:?} {}", answer.headers, answer.text));
        answer
    }

    async fn post(&mut self, path: &str, body: &Value) -> Value {
        self.hear(Method::POST, path, Some(body)).await.json()
    }

    /// Reads a session: the one answer that holds cookies. They are secrets from here on.
    async fn learn_cookies(&mut self, uid: &str) {
        let session = self.client.session(uid).await;
        for cookie in &session.cookies {
            let (name, value) = (cookie["name"].as_str().unwrap(), cookie["value"].as_str().unwrap());
            if COOKIES.contains(&name) || name.contains("DEVICE") {
                assert!(value.len() >= 16, "{name} is too short to look for");
                self.secrets.push(("a cookie", value.to_owned()));
            }
        }
    }
}

async fn planted_secrets_are_found_nowhere(kind: Kind) {
    let rig = Rig::new(kind).await;
    let process = rig
        .serve_with(|command| {
            command.env("KASPI_AUTH__LOG__FILTER", LOUD).env("KASPI_AUTH__AUTH__JWT_SECRET", JWT_SECRET)
        })
        .await;
    let mut ears = Ears { client: process.client.clone(), heard: Vec::new(), secrets: fixed(&process) };
    ways_in(&rig, &mut ears).await;
    let while_waiting = rig.database.bytes().await;
    refusals(&rig, &mut ears).await;
    sessions(&rig, &mut ears).await;
    bad_requests(&mut ears).await;
    keys_and_tokens(&mut ears).await;
    let figures = ears.hear(Method::GET, "/metrics", None).await.text;
    assert!(figures.contains("kaspi_auth_logins_total"));

    let stored = rig.database.bytes().await;
    let ended = process.terminate().await;
    assert!(ended.status.success());
    assert!(ended.log.lines().count() > 500 && ended.log.contains("TRACE"), "everything was logged");
    let after = rig.database.bytes().await;
    for (what, secret) in &ears.secrets {
        let find = |place: &str, text: &[u8]| {
            let found = text.windows(secret.len()).position(|window| window == secret.as_bytes());
            if let Some(at) = found {
                let around = &text[at.saturating_sub(300)..(at + 200).min(text.len())];
                panic!("{what} stands in {place}: {}", String::from_utf8_lossy(around));
            }
        };
        find("the log", ended.log.as_bytes());
        find("the figures", figures.as_bytes());
        ears.heard.iter().for_each(|answer| find("an answer", answer.as_bytes()));
        find("the database while a login waits", &while_waiting);
        find("the database", &stored);
        find("the database after the end", &after);
    }
    for part in ["code=", "state=", "access_token", "code_challenge="] {
        assert!(
            !ended.log.contains(&format!("?{part}")) && !ended.log.contains(&format!("&{part}")),
            "an address of the OAuth2 walk is logged"
        );
    }
}

on_each!(planted_secrets_are_found_nowhere);

fn fixed(process: &Process) -> Vec<(&'static str, String)> {
    vec![
        ("the name in an e-mail address", NAME.to_owned()),
        ("a password", PASSWORD.to_owned()),
        ("a rejected password", WRONG_PASSWORD.to_owned()),
        ("a wrong code", WRONG_CODE.to_owned()),
        ("the secret of JWT", JWT_SECRET.to_owned()),
        ("the encryption key", encryption_key()),
        ("an API key", secret_of(process.client.bearer()).to_owned()),
    ]
}

fn account(rig: &Rig, number: u32, rule: CodeRule) -> String {
    let email = format!("{NAME}-{number}@shop.test");
    rig.account(AccountSpec::email(&email).password(PASSWORD).merchant(format!("91{number:05}")).code(rule));
    email
}

/// Password, mailed code, SMS, a choice; the last one is left waiting.
async fn ways_in(rig: &Rig, ears: &mut Ears) {
    let plain = account(rig, 1, CodeRule::Never);
    let login = ears
        .post("/v1/logins?wait=30s", &json!({"email": plain, "password": PASSWORD, "user_id": "u-1"}))
        .await;
    assert_eq!(login["state"], "succeeded");
    ears.learn_cookies("9100001").await;

    let coded = account(rig, 2, CodeRule::UnlessRemembered);
    let login = ears.post("/v1/logins?wait=30s", &json!({"email": coded, "password": PASSWORD})).await;
    let answer = format!("/v1/logins/{}/answer?wait=30s", login["id"].as_str().unwrap());
    let wrong = ears.post(&answer, &json!({"code": WRONG_CODE})).await;
    assert_eq!(wrong["challenge"]["last_error"]["code"], "code_rejected");
    ears.post(&answer, &json!({"code": format!("{WRONG_CODE}!")})).await;
    let code = rig.code(&coded);
    ears.secrets.push(("a mailed code", code.clone()));
    assert_eq!(ears.post(&answer, &json!({"code": code})).await["state"], "succeeded");
    ears.learn_cookies("9100002").await;

    let login = ears.post("/v1/logins?wait=30s", &json!({"phone": "+7 (700) 000-00-01"})).await;
    ears.secrets.push(("a phone", "77000000001".to_owned()));
    ears.secrets.push(("a phone", "(700) 000-00-01".to_owned()));
    let answer = format!("/v1/logins/{}/answer?wait=30s", login["id"].as_str().unwrap());
    ears.post(&answer, &json!({"code": WRONG_CODE})).await;
    assert_eq!(ears.post(&answer, &json!({"code": rig.code("+77000000001")})).await["state"], "succeeded");

    let choosing = ears
        .post(
            "/v1/logins?wait=30s",
            &json!({"email": "su@sandbox.test", "password": kaspi_sandbox::DEFAULT_PASSWORD}),
        )
        .await;
    assert_eq!(choosing["state"], "awaiting_merchant");
    let waiting = account(rig, 3, CodeRule::Always);
    let login = ears.post("/api/kaspi/auth/login", &json!({"email": waiting, "password": PASSWORD})).await;
    assert_eq!(login["requires_sms"], true);
    let verify =
        json!({"merchant_id": "1", "sms_code": "ZQXJKV", "partial_session": login["partial_session"]});
    ears.secrets.push(("a wrong code", "ZQXJKV".to_owned()));
    ears.hear(Method::POST, "/api/kaspi/auth/verify-sms", Some(&verify))
        .await
        .is_problem(400, "code_rejected");
}

/// Wrong passwords, outages, and a portal that says back what it was told.
async fn refusals(rig: &Rig, ears: &mut Ears) {
    let email = account(rig, 4, CodeRule::Always);
    let login = ears.post("/v1/logins?wait=30s", &json!({"email": email, "password": WRONG_PASSWORD})).await;
    assert_eq!(login["error"]["code"], "invalid_credentials");
    ears.post("/v1/logins?wait=30s", &json!({"email": email, "password": WRONG_PASSWORD})).await;
    let echo = json!({"errorCode": "NEW_ONE", "message": format!("{email} {PASSWORD}"), "_p": PASSWORD, "errorData": {"_u": email}});
    let kinds = [
        FaultKind::Json { status: 401, body: echo.clone() },
        FaultKind::Json { status: 500, body: echo.clone() },
        FaultKind::Json { status: 200, body: echo },
        FaultKind::Wall(403),
        FaultKind::Garbage,
        FaultKind::BrokenBody,
    ];
    for kind in kinds {
        rig.portal.set_fault(Fault::new(kind).role("login").path("/api/p/login").times(1));
        let login = ears.post("/v1/logins?wait=30s", &json!({"email": email, "password": PASSWORD})).await;
        assert_eq!(login["state"], "failed", "{login}");
    }
    let login = ears.post("/v1/logins?wait=30s", &json!({"email": email, "password": PASSWORD})).await;
    assert_eq!(login["state"], "awaiting_code", "{login}");
    let echo = FaultKind::Json {
        status: 401,
        body: json!({"errorCode": "FAILED", "message": format!("{WRONG_CODE} is wrong")}),
    };
    rig.portal.set_fault(Fault::new(echo).role("login").path("/api/p/login").times(1));
    let answer = format!("/v1/logins/{}/answer?wait=30s", login["id"].as_str().unwrap());
    ears.post(&answer, &json!({"code": WRONG_CODE})).await;
    ears.hear(Method::DELETE, &format!("/v1/logins/{}", login["id"].as_str().unwrap()), None).await;
}

/// Validations and refreshes, silent and by password, dead and alive.
async fn sessions(rig: &Rig, ears: &mut Ears) {
    ears.hear(Method::POST, "/v1/stores/9100001/session/validate", None).await.is(200);
    // Its answer holds the new session: it is not listened to.
    ears.client.refresh("9100001").await.is(200);
    ears.learn_cookies("9100001").await;
    rig.portal.kill_sso(None);
    rig.portal.kill_sessions(None);
    ears.hear(Method::POST, "/v1/stores/9100001/session/validate", None).await.is(200);
    ears.hear(Method::GET, "/v1/stores/9100001/session", None).await.is_problem(409, "session_expired");
    ears.client.refresh("9100001").await.is(200);
    ears.learn_cookies("9100001").await;
    ears.hear(Method::GET, "/api/kaspi/auth/session/9100001", None).await.is(200);
    ears.hear(Method::GET, "/v1/stores", None).await.is(200);
    ears.hear(Method::PATCH, "/v1/stores/9100002", Some(&json!({"forget_password": true}))).await.is(200);
    ears.hear(Method::DELETE, "/v1/stores/9100002", None).await.is(204);
}

/// Secrets in places where they make no sense.
async fn bad_requests(ears: &mut Ears) {
    for body in [
        json!({"email": format!("{NAME}@x.test"), "password": {"x": PASSWORD}}),
        json!({"email": [NAME], "password": PASSWORD}),
        json!({"email": NAME, "password": PASSWORD}),
        json!({"email": format!("{NAME}@x.test"), "password": PASSWORD, "engine": PASSWORD}),
        json!({"email": format!("{NAME}@x.test"), "password": PASSWORD, "merchant_uid": format!("{PASSWORD}!")}),
        json!({"email": format!("{NAME}@x.test"), "password": PASSWORD, "store_password": PASSWORD}),
        json!({"email": format!("{NAME}@x.test"), "password": PASSWORD.repeat(100)}),
        json!({"phone": NAME}),
        json!([PASSWORD]),
        json!(PASSWORD),
    ] {
        for path in ["/v1/logins", "/api/kaspi/auth/login", "/api/kaspi/auth/session/1/refresh"] {
            let answer = ears.hear(Method::POST, path, Some(&body)).await;
            assert!((400..500).contains(&answer.status) || answer.status == 200, "{answer:?}");
        }
    }
    let broken = format!("{{\"email\": \"{NAME}@x.test\", \"password\": \"{PASSWORD}");
    let request = ears.client.request(Method::POST, "/v1/logins").header("content-type", "application/json");
    let answer = ears.client.send(request.body(broken)).await;
    ears.heard.push(answer.text);
}

/// Keys, good and bad, and tokens.
async fn keys_and_tokens(ears: &mut Ears) {
    let made = ears
        .client
        .post("/v1/api-keys", &json!({"name": "made", "scopes": ["stores:read"]}))
        .await
        .is(201)
        .json();
    let key = made["key"].as_str().unwrap().to_owned();
    ears.secrets.push(("a made API key", secret_of(&key).to_owned()));
    ears.hear(Method::GET, "/v1/api-keys", None).await.is(200);
    #[expect(clippy::disallowed_methods, reason = "the process under test has the system's clock")]
    let now = jiff::Timestamp::now();
    let token = Signer::secret(JWT_SECRET).sign(&claims("u-1", now, SignedDuration::from_hours(1)));
    ears.secrets.push(("a token's signature", token.rsplit('.').next().unwrap().to_owned()));
    let all = ears.client.clone();
    for (bearer, status) in
        [(key.clone(), 200), (token.clone(), 200), (format!("{key}x"), 401), (format!("{token}x"), 401)]
    {
        ears.client = all.with(bearer);
        assert_eq!(ears.hear(Method::GET, "/v1/stores", None).await.status, status);
    }
    ears.client = all;
    ears.hear(Method::DELETE, &format!("/v1/api-keys/{}", made["id"].as_str().unwrap()), None).await.is(204);
}
