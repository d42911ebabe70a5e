//! Follows the events of one page and turns them into what its login hears. Everything in them is the page's word: it is
//! bounded here and trusted nowhere.

use std::sync::{Arc, atomic::Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use url::Url;

use super::{Moving, PageCore, Stage};
use crate::{
    FarmError, LeavingId, PageEvent,
    cdp::{Event, SessionEvents},
};

/// A longer report is cut off.
const REPORT: usize = 64 << 10;
/// A longer body is cut off.
const BODY: usize = 1 << 20;

/// Follows a page until it is over.
pub async fn drive(
    core: Arc<PageCore>,
    mut events: SessionEvents,
    out: mpsc::Sender<PageEvent>,
    ready: oneshot::Sender<String>,
) {
    let mut driver = Driver { core, out, ready: Some(ready), status: None, asked: Vec::new() };
    while let Some(event) = events.next().await {
        driver.happened(&event);
    }
    driver.core.doom(&match driver.core.shard.connection.fate() {
        Some(fate) => fate,
        None if events.flooded() => flood(),
        None => FarmError::PageCrashed,
    });
}

fn flood() -> FarmError {
    FarmError::Page { what: "it floods us with events".to_owned() }
}

struct Driver {
    core: Arc<PageCore>,
    out: mpsc::Sender<PageEvent>,
    /// Until the page is ready nothing is told.
    ready: Option<oneshot::Sender<String>>,
    /// Of the document that is about to come.
    status: Option<u16>,
    /// The requests for which a proxy already had our answer.
    asked: Vec<String>,
}

impl Driver {
    fn happened(&mut self, event: &Event) {
        match event.method.as_str() {
            "Runtime.bindingCalled" => self.reported(event),
            "Runtime.executionContextCreated" => self.world_came(event),
            "Runtime.executionContextDestroyed" => {
                let gone = event.params["executionContextId"].as_i64().unwrap_or_default();
                let world = &self.core.world;
                let _ = world.compare_exchange(gone, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
            "Runtime.executionContextsCleared" => self.core.forget_world(),
            "Fetch.requestPaused" => self.paused(event),
            "Fetch.authRequired" => self.asked_who_we_are(event),
            "Page.frameNavigated" => self.navigated(event),
            "Page.javascriptDialogOpening" => {
                let leaving = event.text("/type") == "beforeunload";
                self.answer("Page.handleJavaScriptDialog", json!({"accept": leaving}));
            }
            "Inspector.targetCrashed" => self.core.crashed(),
            "Inspector.detached" => self.core.doom(&FarmError::PageCrashed),
            _ => {}
        }
    }

    fn tell(&self, event: PageEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.out.try_send(event) {
            self.core.kill(&flood());
        }
    }

    fn reported(&mut self, event: &Event) {
        let from = event.params["executionContextId"].as_i64();
        if event.text("/name") != self.core.setup.binding
            || from != Some(self.core.world.load(Ordering::Relaxed))
        {
            return;
        }
        let report = event.text("/payload");
        let report = &report[..report.floor_char_boundary(REPORT)];
        match self.ready.take() {
            None => self.tell(PageEvent::Report(report.to_owned())),
            Some(ready) if (self.core.setup.is_ready)(report) => {
                let _ = ready.send(report.to_owned());
            }
            waiting => self.ready = waiting,
        }
    }

    /// Worlds of the same name are in frames too.
    fn world_came(&self, event: &Event) {
        let ours = event.text("/context/name") == self.core.setup.world
            && event.text("/context/auxData/frameId") == self.core.frame;
        if let Some(world) = event.params["context"]["id"].as_i64().filter(|_| ours) {
            self.core.world.store(world, Ordering::Relaxed);
        }
    }

    fn navigated(&mut self, event: &Event) {
        if !event.text("/frame/parentId").is_empty() {
            return;
        }
        self.core.moves(Moving::No);
        let unreachable = event.text("/frame/unreachableUrl");
        if self.ready.is_some() && !unreachable.is_empty() {
            return self.core.doom(&FarmError::Page { what: "its address cannot be loaded".to_owned() });
        }
        let status = self.status.take();
        if self.ready.is_none()
            && let Ok(url) = Url::parse(event.text("/frame/url"))
        {
            self.tell(PageEvent::Loaded { url, status });
        }
    }

    fn paused(&mut self, event: &Event) {
        let id = event.text("/requestId");
        let kind = event.text("/resourceType");
        let is_document = kind == "Document" && event.text("/frameId") == self.core.frame;
        let answered = event.params.get("responseStatusCode").is_some();
        if answered || event.params.get("responseErrorReason").is_some() {
            let status =
                event.params["responseStatusCode"].as_u64().and_then(|status| status.try_into().ok());
            match status {
                Some(status) if is_document => {
                    self.status = Some(status);
                    // No portal says this: the way to it does. The page would never get ready.
                    if self.ready.is_some() && self.core.door.server.is_some() && matches!(status, 407 | 502)
                    {
                        let what = format!("the proxy on its way out answered {status}");
                        self.core.doom(&FarmError::Page { what });
                    }
                    // No new document comes of these.
                    if matches!(status, 204 | 205) {
                        self.core.moves(Moving::No);
                    }
                }
                Some(status) => return self.read(event, status),
                None => {}
            }
            return self.answer("Fetch.continueRequest", json!({"requestId": id}));
        }
        let url = event.text("/request/url");
        if is_document {
            let redirected = event.params.get("redirectedRequestId").is_some();
            let ours = self.core.own.load(Ordering::Relaxed) > 0 || *self.core.stage.lock() == Stage::Loading;
            match Url::parse(url) {
                Ok(url) if !redirected && !ours => {
                    self.core.moves(Moving::Held);
                    return self.tell(PageEvent::Leaving { id: LeavingId(id.to_owned()), url });
                }
                _ => {
                    self.core.moves(Moving::On(Instant::now()));
                    return self.answer(
                        "Fetch.continueRequest",
                        json!({"requestId": id, "interceptResponse": true}),
                    );
                }
            }
        }
        if self.core.blocks(kind, url) {
            return self
                .answer("Fetch.failRequest", json!({"requestId": id, "errorReason": "BlockedByClient"}));
        }
        self.answer("Fetch.continueRequest", json!({"requestId": id}));
    }

    /// The page gets its answer only after us, so that what follows from it follows it here too.
    fn read(&self, event: &Event, status: u16) {
        let id = event.text("/requestId").to_owned();
        let url = Url::parse(event.text("/request/url")).ok();
        let read =
            url.filter(|url| self.core.setup.read_paths.iter().any(|path| url.path().starts_with(path)));
        let Some(url) = read else {
            return self.answer("Fetch.continueRequest", json!({"requestId": id}));
        };
        let headers = headers(&event.params["responseHeaders"]);
        let body = self.core.begin("Fetch.getResponseBody", json!({"requestId": id}));
        let (core, out) = (self.core.clone(), self.out.clone());
        tokio::spawn(async move {
            // A redirect has no body.
            let body = body.done().await.map(|body| decoded(&body)).unwrap_or_default();
            if let Err(mpsc::error::TrySendError::Full(_)) =
                out.try_send(PageEvent::Response { url, status, headers, body })
            {
                core.kill(&flood());
            }
            drop(core.begin("Fetch.continueRequest", json!({"requestId": id})));
        });
    }

    fn asked_who_we_are(&mut self, event: &Event) {
        let id = event.text("/requestId").to_owned();
        let proxy = event.text("/authChallenge/source") == "Proxy";
        let answer = match &self.core.door.credentials {
            Some((username, password)) if proxy && !self.asked.contains(&id) => {
                json!({
                    "response": "ProvideCredentials", "username": username, "password": password.expose_secret(),
                })
            }
            Some(_) if proxy => {
                let what = "the proxy on its way out does not take our credentials".to_owned();
                self.core.doom(&FarmError::Page { what });
                json!({"response": "CancelAuth"})
            }
            _ => json!({"response": "Default"}),
        };
        let params = json!({"requestId": id, "authChallengeResponse": answer});
        self.answer("Fetch.continueWithAuth", params);
        if self.asked.len() == 64 {
            self.asked.remove(0);
        }
        self.asked.push(id);
    }

    /// Says something to the page and does not wait for what it thinks of it.
    fn answer(&self, method: &'static str, params: Value) {
        drop(self.core.begin(method, params));
    }
}

fn headers(list: &Value) -> Vec<(String, String)> {
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let entries = list.as_array().into_iter().flatten();
    entries.map(|entry| (text(entry, "name").to_ascii_lowercase(), text(entry, "value"))).collect()
}

fn decoded(answer: &Value) -> Vec<u8> {
    let body = answer["body"].as_str().unwrap_or_default();
    let mut body = if answer["base64Encoded"] == true {
        STANDARD.decode(body).unwrap_or_default()
    } else {
        body.as_bytes().to_vec()
    };
    body.truncate(BODY);
    body
}
