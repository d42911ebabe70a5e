//! A headless Chromium behind its own driver, and the few moves that the tests make in it.
//! It must not know the portal, nor outlive its test.

use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::{
    env,
    fmt::Display,
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How long a look takes to be worth another.
pub const GLANCE: Duration = Duration::from_millis(20);

/// The driver's process. Its browser listens on a pipe of the driver's and ends with it.
struct Driver {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Driver {
    /// The driver takes a free port of IPv4 and then wants the same one of IPv6, which another process may have: it ends
    /// then, and is started again for another port.
    fn start(folder: &TempDir) -> Self {
        (0..10).find_map(|_| Self::try_start(folder)).expect("a driver that finds its ports free")
    }

    fn try_start(folder: &TempDir) -> Option<Self> {
        let program = env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut process = Command::new(&program)
            .arg("--port=0")
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start ({error}): install chromium-driver"));
        let mut output = BufReader::new(process.stdout.take().expect("the driver's output")).lines();
        let port = output.by_ref().map_while(Result::ok).find_map(|line| {
            Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned())
        });
        let Some(port) = port else {
            process.wait().expect("the driver's end");
            return None;
        };
        Some(Self { process, output, url: format!("http://127.0.0.1:{port}") })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // The browser's processes hold the same output: its end is theirs, and only then may their folder go.
        self.output.by_ref().map_while(Result::ok).for_each(drop);
    }
}

/// A browser of its own with one tab. Fields drop in this order: the driver must end before the folder goes.
pub struct Browser {
    client: Client,
    _driver: Driver,
    _folder: TempDir,
}

impl Browser {
    /// Starts a browser with an empty profile.
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the profile");
        let driver = Driver::start(&folder);
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--remote-debugging-pipe",
            "--window-size=1100,800",
            "--host-resolver-rules=MAP *.localhost 127.0.0.1",
            &format!("--user-data-dir={}", folder.path().join("profile").display()),
        ];
        let binary = env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
        let capabilities = json!({"goog:chromeOptions": {"binary": binary, "args": arguments}});
        let capabilities = capabilities.as_object().expect("an object").clone();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver.url)
            .await
            .expect("a browser");
        Self { client, _driver: driver, _folder: folder }
    }

    /// Ends the browser.
    pub async fn close(self) {
        self.client.clone().close().await.expect("the browser closes");
    }

    /// Opens an address.
    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.expect(url);
    }

    /// The address now.
    pub async fn url(&self) -> String {
        self.client.current_url().await.expect("an address").to_string()
    }

    /// Waits for an element.
    pub async fn find(&self, css: &str) -> Element {
        self.await_element(Locator::Css(css), css).await
    }

    /// A look that a navigation cuts off is one that found nothing.
    async fn await_element(&self, locator: Locator<'_>, what: &str) -> Element {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                match self.client.find(locator).await {
                    Ok(element) => return element,
                    Err(_) => tokio::time::sleep(GLANCE).await,
                }
            }
        });
        let Ok(element) = found.await else { panic!("no {what} on {}", self.scene().await) };
        element
    }

    /// Waits until a script's expression is true.
    pub async fn until(&self, what: impl Display, expression: &str) {
        let reached = tokio::time::timeout(PATIENCE, async {
            while self.client.execute(&format!("return !!({expression})"), vec![]).await.ok()
                != Some(Value::Bool(true))
            {
                tokio::time::sleep(GLANCE).await;
            }
        });
        assert!(reached.await.is_ok(), "never came: {what}, on {}", self.scene().await);
    }

    /// Waits until no element fits.
    pub async fn gone(&self, css: &str) {
        self.until(format_args!("{css} gone"), &format!("!document.querySelector('{css}')")).await;
    }

    /// How many elements fit now.
    pub async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.expect("a list of elements").len()
    }

    /// Waits for an element and reads its text.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("a text")
    }

    /// Waits for a field, empties it and types, key by key.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("an empty field");
        field.send_keys(text).await.expect("typing");
    }

    /// Waits for a field and types into it, key by key, after what it holds.
    pub async fn keys(&self, css: &str, text: &str) {
        self.find(css).await.send_keys(text).await.expect("typing");
    }

    /// What a field holds.
    pub async fn value(&self, css: &str) -> String {
        self.find(css).await.prop("value").await.expect("a property").unwrap_or_default()
    }

    /// Waits for an element and clicks it.
    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.expect(css);
    }

    /// Waits for a link or button with this text and clicks it.
    pub async fn press(&self, text: &str) {
        let xpath = format!("//*[self::a or self::button][normalize-space()='{text}']");
        self.await_element(Locator::XPath(&xpath), text).await.click().await.expect(text);
    }

    /// What a script's expression is.
    pub async fn eval(&self, expression: &str) -> Value {
        self.client.execute(&format!("return {expression}"), vec![]).await.expect(expression)
    }

    async fn scene(&self) -> String {
        let text = self.client.execute("return document.body.innerText", vec![]).await.unwrap_or_default();
        format!(
            "{}: {text}",
            self.client.current_url().await.map_or_else(|_| "?".to_owned(), |url| url.to_string())
        )
    }
}

/// The key that submits a form.
pub const ENTER: char = '\u{e007}';
