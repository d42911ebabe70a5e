//! Canaries: nothing that is secret reaches a log, at any level, nor an error.

use kaspi_auth_core::egress::Route;
use std::io::Write;
use std::sync::{Arc, Mutex};

use kaspi_auth_core::port::{Cabinet as _, Engine as _};
use kaspi_sandbox::{AccountSpec, CodeRule};
use secrecy::ExposeSecret as _;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{Desk, accepted, code_sent, form, rejected, session, uid, with_password, wrong_code};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_reaches_the_log_at_trace_level() {
    let log = Log::default();
    // The sandbox runs in the same process, and its own log is its own.
    let subscriber = tracing_subscriber::fmt().with_env_filter("trace,kaspi_sandbox=off");
    subscriber.with_writer(log.clone()).try_init().unwrap();
    let desk = Desk::new().await;
    let password = "canary-password";
    let account = AccountSpec::email("canary@sandbox.test").merchant("771").password(password);
    desk.control().add_account(account.code(CodeRule::Always));
    let who = with_password("canary", password);
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let (_, at) = rejected(desk.answer(at, &who, &wrong_code()).await.unwrap());
    let at = crate::harness::here(desk.engine.resend(at, &who).await.unwrap());
    let code = desk.control().inbox(Some(&form(&who))).last().unwrap().code.clone().unwrap();
    let at = accepted(desk.answer(at, &who, &desk.code(&form(&who))).await.unwrap());
    let (first, _) = session(desk.engine.finish(at, None).await.unwrap());
    let renewed = desk.engine.renew(&Route::direct(), &first.cookies, &uid("771")).await.unwrap();
    desk.engine.probe(&Route::direct(), &renewed.cookies, &uid("771")).await;
    let error = crate::harness::failure(desk.submit(&with_password("canary", "wrong-canary")).await);

    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        log.contains("portal exchange") && log.contains("/login/oauth2/code/1"),
        "the exchanges are logged"
    );
    let cookies = first.cookies.iter().chain(&renewed.cookies).map(|cookie| cookie.value.expose_secret());
    let secrets = [password, "wrong-canary", &code, "canary@", "code_challenge", "state="].into_iter();
    for secret in secrets.chain(cookies.filter(|value| *value != "sandbox")) {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!format!("{error:?} {first:?} {renewed:?}").contains(secret), "{secret} prints");
    }
}
