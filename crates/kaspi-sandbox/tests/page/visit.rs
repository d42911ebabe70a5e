//! A sandbox with a browser in front of it, and the steps of its login that the tests share.
//! It must not decide whether a step went well, beyond waiting for what it needs.

use crate::browser::{Browser, ENTER, GLANCE, PATIENCE};
use kaspi_sandbox::{Control, Options, Sandbox};
use std::ops::Deref;

/// The password of every story account.
pub const PASSWORD: &str = "sandbox-password";
/// The button that submits each step.
pub const SUBMIT: &str = ".button.is-primary";
/// Where the code goes.
pub const CODE: &str = "input[name=security-code]";
/// An element that is there only while the page shows an error.
pub const DANGER: &str = ".is-danger";
/// The sign that the cabinet is open.
pub const NAVBAR: &str = "nav.navbar";

/// A sandbox and a browser of one test.
pub struct Visit {
    browser: Browser,
    sandbox: Sandbox,
}

impl Deref for Visit {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Visit {
    /// Starts both and opens the login page.
    pub async fn at_the_login() -> Self {
        let options = Options { listen: "127.0.0.1:0".parse().expect("an address"), ..Options::default() };
        let (sandbox, browser) = tokio::join!(Sandbox::start(options), Browser::open());
        let visit = Self { browser, sandbox: sandbox.expect("a sandbox") };
        visit.goto(&visit.login("/login")).await;
        visit
    }

    /// An address on the site's host.
    pub fn site(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.origins().site)
    }

    /// An address on the login host.
    pub fn login(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.origins().login)
    }

    /// The strings behind the stage.
    pub fn control(&self) -> Control {
        self.sandbox.control()
    }

    /// Fills both steps in and submits them.
    pub async fn submit_password(&self, email: &str, password: &str) {
        self.fill("#user_email_field", email).await;
        self.click(SUBMIT).await;
        self.fill("#password_field", password).await;
        self.click(SUBMIT).await;
    }

    /// Asks for a code by SMS.
    pub async fn submit_phone(&self, phone: &str) {
        self.submit_phone_without_code(phone).await;
        self.find(CODE).await;
    }

    /// Asks for a code by SMS that may not come.
    pub async fn submit_phone_without_code(&self, phone: &str) {
        self.click("#phone_tab").await;
        self.fill("#user_phone_field", phone).await;
        self.click(SUBMIT).await;
    }

    /// Fills the code in and submits it.
    pub async fn submit_code(&self, code: &str) {
        self.fill(CODE, code).await;
        self.keys(CODE, &ENTER.to_string()).await;
    }

    /// The code of the newest message to a destination.
    pub fn newest_code(&self, to: &str) -> String {
        let messages = self.control().inbox(Some(to));
        messages.last().and_then(|message| message.code.clone()).expect("a message with a code")
    }

    /// The code of the newest message to a destination, once the page asks for it.
    pub async fn newest_code_once_sent(&self, to: &str) -> String {
        self.find(CODE).await;
        self.newest_code(to)
    }

    /// Waits until something holds on the sandbox's side.
    pub async fn once(&self, what: &str, holds: impl Fn() -> bool) {
        let held = tokio::time::timeout(PATIENCE, async {
            while !holds() {
                tokio::time::sleep(GLANCE).await;
            }
        });
        assert!(held.await.is_ok(), "never came: {what}");
    }

    /// Waits for the cabinet; no error may be left on the way or there.
    pub async fn arrives(&self) {
        self.find(NAVBAR).await;
        assert!(self.url().await.starts_with(&self.site("/mc/")), "{}", self.url().await);
        assert_eq!(self.count(DANGER).await, 0);
    }

    /// Ends both.
    pub async fn end(self) {
        self.browser.close().await;
        self.sandbox.stop().await;
    }
}
