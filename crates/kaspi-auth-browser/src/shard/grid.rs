//! A session on a Selenium Grid 4: asked for, kept alive, given back. The browser in it is spoken to over the socket that
//! the session names. Must not print credentials.

use std::time::Duration;

use reqwest::{
    Client, Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::{ARGUMENTS_FOR_ALL, Connection};
use crate::{FarmError, PageSetup, cdp::over_socket};

/// A Grid may have to start a machine first.
const NEW_SESSION: Duration = Duration::from_mins(2);
/// A Grid ends sessions that are silent for five minutes, unless it is told otherwise.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long any other word may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A Grid as it is configured.
#[derive(Clone)]
pub struct Grid {
    url: Url,
    credentials: Option<(String, SecretString)>,
    client: Client,
}

/// A session. Dropped, it is given back in the background.
pub struct Session {
    grid: Grid,
    id: String,
    /// Where the browser's socket is.
    socket: Url,
    given_back: bool,
}

impl Grid {
    /// The Grid at an address.
    ///
    /// # Errors
    ///
    /// [`FarmError::BrowserLost`] when no client can be made.
    pub fn new(url: &Url, credentials: Option<&(String, SecretString)>) -> Result<Self, FarmError> {
        let client = Client::builder().redirect(Policy::none()).no_proxy().connect_timeout(PATIENCE).build();
        let client = client.map_err(|_| lost("no HTTP client can be made"))?;
        Ok(Self { url: url.clone(), credentials: credentials.cloned(), client })
    }

    /// Asks for a session. When nobody waits for it any more, it is given back as soon as it comes.
    pub async fn session(self, capabilities: &Value, page: &PageSetup) -> Result<Session, FarmError> {
        let body = json!({"capabilities": {"alwaysMatch": always(capabilities, page)}});
        let asking = tokio::spawn(async move {
            let value = self.ask(Method::POST, "session", Some(&body), NEW_SESSION).await?;
            let id = value["sessionId"].as_str().ok_or_else(|| lost("the Grid's session has no id"))?;
            let socket = value.pointer("/capabilities/se:cdp").and_then(Value::as_str);
            let socket = socket.and_then(|socket| Url::parse(socket).ok());
            let mut session =
                Session { id: id.to_owned(), socket: self.url.clone(), grid: self, given_back: false };
            let Some(socket) = socket else {
                session.give_back().await;
                return Err(lost("the Grid's session has no socket (se:cdp); is its browser a Chromium?"));
            };
            session.socket = socket;
            Ok(session)
        });
        asking.await.map_err(|_| lost("asking the Grid was cut off"))?
    }

    /// One exchange: the `value` of the answer.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Value, FarmError> {
        let url = format!("{}/{path}", self.url.as_str().trim_end_matches('/'));
        let mut request =
            self.client.request(method, url).timeout(patience).header(ACCEPT, "application/json");
        if let Some((username, password)) = &self.credentials {
            request = request.basic_auth(username, Some(password.expose_secret()));
        }
        if let Some(body) = body {
            // A Grid refuses JSON that does not name its encoding.
            request = request.header(CONTENT_TYPE, "application/json; charset=utf-8").json(body);
        }
        let answer = request.send().await.map_err(|error| lost(reason(&error)))?;
        let status = answer.status();
        let mut answer: Value = answer.json().await.unwrap_or_default();
        if status == StatusCode::OK {
            return Ok(answer["value"].take());
        }
        let error = answer.pointer("/value/error").and_then(Value::as_str).unwrap_or("no reason given");
        Err(lost(format!("the Grid answered {}: {error}", status.as_u16())))
    }
}

impl Session {
    /// Speaks to the browser: through the Grid's own address, since the one that a session names may be one that only the
    /// Grid's machines know.
    pub async fn connect(&self, patience: Duration) -> Result<Connection, FarmError> {
        let scheme = if self.grid.url.scheme() == "https" { "wss" } else { "ws" };
        let authority = &self.grid.url[url::Position::BeforeHost..url::Position::AfterPort];
        let near = Url::parse(&format!("{scheme}://{authority}{}", self.socket.path()));
        let near = near.map_err(|_| lost("the Grid's socket has no address"))?;
        match over_socket(&self.with_credentials(near), patience).await {
            Ok(connection) => Ok(connection),
            Err(_) => over_socket(&self.with_credentials(self.socket.clone()), patience).await,
        }
    }

    fn with_credentials(&self, mut url: Url) -> SecretString {
        if let Some((username, password)) = &self.grid.credentials {
            // Only an address that can have none refuses them.
            let _ = url.set_username(username);
            let _ = url.set_password(Some(password.expose_secret()));
        }
        SecretString::from(String::from(url))
    }

    /// Keeps it alive until it is lost, and says how.
    pub async fn ended(&self) -> String {
        let mut failures = 0;
        loop {
            tokio::time::sleep(KEEP_ALIVE).await;
            let alive =
                self.grid.ask(Method::GET, &format!("session/{}/timeouts", self.id), None, PATIENCE).await;
            match alive {
                Ok(_) => failures = 0,
                // The Grid itself may be away for a moment.
                Err(_) if failures < 2 => failures += 1,
                Err(FarmError::BrowserLost { reason }) => return reason,
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Gives it back.
    pub async fn give_back(&mut self) {
        self.given_back = true;
        // A Grid that does not hear us ends the session by itself.
        let _ = self.grid.ask(Method::DELETE, &format!("session/{}", self.id), None, PATIENCE).await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.given_back {
            return;
        }
        let (grid, path) = (self.grid.clone(), format!("session/{}", self.id));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { grid.ask(Method::DELETE, &path, None, PATIENCE).await.map(drop) });
        }
    }
}

/// What the session must have: ours, and what is configured on top.
fn always(configured: &Value, page: &PageSetup) -> Value {
    let own = [format!("--lang={}", page.locale), format!("--accept-lang={}", page.accept_language)];
    let arguments: Vec<&str> =
        ARGUMENTS_FOR_ALL.iter().copied().chain(own.iter().map(String::as_str)).collect();
    let mut always = json!({"browserName": "chrome", "goog:chromeOptions": {"args": arguments}});
    merge(&mut always, configured);
    always
}

/// Objects are merged, lists are joined, all else is replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

fn reason(error: &reqwest::Error) -> String {
    let how = if error.is_timeout() { "does not answer in time" } else { "cannot be reached" };
    format!("the Grid {how}")
}

fn lost(how: impl Into<String>) -> FarmError {
    FarmError::BrowserLost { reason: how.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_capabilities_add_to_ours() {
        let mut ours = json!({"browserName": "chrome", "goog:chromeOptions": {"args": ["--headless"]}});
        let configured = json!({"browserName": "chromium", "goog:chromeOptions": {"args": ["--no-sandbox"], "binary": "b"}});
        merge(&mut ours, &configured);
        let wanted = json!({
            "browserName": "chromium", "goog:chromeOptions": {"args": ["--headless", "--no-sandbox"], "binary": "b"},
        });
        assert_eq!(ours, wanted);
    }
}
