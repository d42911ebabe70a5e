//! One way to one browser: commands find their answers, events find their session, and all who wait hear of its end.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use super::message::{Command, Event, Incoming};
use crate::FarmError;

/// How many commands may wait to be written. Only a browser that reads nothing lets it fill.
const OUTGOING: usize = 512;
/// How many events of one session may wait. Only a page that floods us lets it fill.
const EVENTS: usize = 2048;

/// A connection. Clones are the same one; it ends when its stream does.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    outgoing: mpsc::Sender<Vec<u8>>,
    next_id: AtomicU64,
    patience: Duration,
    table: Mutex<Table>,
    ended: watch::Sender<Option<FarmError>>,
}

#[derive(Default)]
struct Table {
    commands: HashMap<u64, Waiting>,
    sessions: HashMap<String, Session>,
    /// Who waits for the target of a context that is being made.
    expected: HashMap<String, oneshot::Sender<Attached>>,
    ended: Option<FarmError>,
}

struct Waiting {
    method: &'static str,
    answer: oneshot::Sender<Result<Value, FarmError>>,
}

struct Session {
    events: mpsc::Sender<Event>,
    flooded: Arc<AtomicBool>,
}

/// A target that the browser attached us to when it was made. It waits until it is told to run.
pub struct Attached {
    /// The session with it.
    pub session: String,
    /// The target.
    pub target: String,
    /// What happens there.
    pub events: SessionEvents,
}

/// The events of one session, until it is detached.
pub struct SessionEvents {
    events: mpsc::Receiver<Event>,
    flooded: Arc<AtomicBool>,
}

impl SessionEvents {
    /// The next one; `None` when the session or the connection is over.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Whether it was ended because the page floods us.
    pub fn flooded(&self) -> bool {
        self.flooded.load(Ordering::Relaxed)
    }
}

/// A command that is on its way. Dropped, its answer is ignored.
pub struct Pending {
    shared: Arc<Shared>,
    id: u64,
    method: &'static str,
    until: Instant,
    answer: Result<oneshot::Receiver<Result<Value, FarmError>>, FarmError>,
}

impl Pending {
    /// Waits for the answer.
    pub async fn done(mut self) -> Result<Value, FarmError> {
        let method = self.method;
        let answer = self.answer.as_mut().map_err(|error| error.clone())?;
        match tokio::time::timeout_at(self.until, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.shared.why_ended()),
            Err(_) => Err(FarmError::Hung { what: method }),
        }
    }

    /// With another patience than the connection's.
    pub fn within(mut self, patience: Duration) -> Self {
        self.until = Instant::now() + patience;
        self
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.shared.table.lock().commands.remove(&self.id);
    }
}

impl Connection {
    /// A connection, and what must be written to its stream.
    pub fn new(patience: Duration) -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (outgoing, to_write) = mpsc::channel(OUTGOING);
        let shared = Shared {
            outgoing,
            next_id: AtomicU64::new(1),
            patience,
            table: Mutex::default(),
            ended: watch::Sender::new(None),
        };
        (Self { shared: Arc::new(shared) }, to_write)
    }

    /// Sends a command without waiting, so that several can be on their way at once.
    pub fn begin(&self, session: Option<&str>, method: &'static str, params: impl Serialize) -> Pending {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let answer = self.shared.send(id, session, method, params);
        Pending {
            shared: self.shared.clone(),
            id,
            method,
            until: Instant::now() + self.shared.patience,
            answer,
        }
    }

    /// Sends a command and waits for its answer.
    pub async fn call(
        &self,
        session: Option<&str>,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<Value, FarmError> {
        self.begin(session, method, params).done().await
    }

    /// Waits for the first target of a context. To be asked for before the target is made.
    pub fn expect(&self, context: &str) -> oneshot::Receiver<Attached> {
        let (sender, attached) = oneshot::channel();
        let mut table = self.shared.table.lock();
        table.expected.retain(|_, waiting| !waiting.is_closed());
        if table.ended.is_none() {
            table.expected.insert(context.to_owned(), sender);
        }
        attached
    }

    /// Forgets a session: its events end.
    pub fn forget(&self, session: &str) {
        self.shared.table.lock().sessions.remove(session);
    }

    /// Why it ended, if it did.
    pub fn fate(&self) -> Option<FarmError> {
        self.shared.table.lock().ended.clone()
    }

    /// Waits for its end.
    pub async fn ended(&self) -> FarmError {
        let mut ended = self.shared.ended.subscribe();
        let fate = ended.wait_for(Option::is_some).await.ok().and_then(|fate| fate.clone());
        fate.unwrap_or_else(|| self.shared.why_ended())
    }

    /// Ends it: everybody who waits gets the error. The first reason stays.
    pub fn end(&self, why: FarmError) {
        let mut table = self.shared.table.lock();
        if table.ended.is_some() {
            return;
        }
        table.ended = Some(why.clone());
        table.sessions.clear();
        table.expected.clear();
        let waiting = std::mem::take(&mut table.commands);
        drop(table);
        for (_, command) in waiting {
            let _ = command.answer.send(Err(why.clone()));
        }
        self.shared.ended.send_replace(Some(why));
    }

    /// Takes what came in.
    pub fn received(&self, message: &[u8]) {
        let Ok(incoming) = serde_json::from_slice::<Incoming>(message) else {
            let reason = "it sent what is no message of the protocol".to_owned();
            return self.end(FarmError::BrowserLost { reason });
        };
        match (incoming.id, incoming.method) {
            (Some(id), _) => {
                let Some(waiting) = self.shared.table.lock().commands.remove(&id) else { return };
                let answer = match incoming.error {
                    Some(refusal) => Err(refusal.of(waiting.method)),
                    None => Ok(incoming.result),
                };
                let _ = waiting.answer.send(answer);
            }
            (None, Some(method)) => {
                self.happened(incoming.session_id.as_deref(), Event { method, params: incoming.params });
            }
            (None, None) => {}
        }
    }

    fn happened(&self, session: Option<&str>, event: Event) {
        let mut table = self.shared.table.lock();
        match (event.method.as_str(), session) {
            ("Target.detachedFromTarget", _) => {
                table.sessions.remove(event.text("/sessionId"));
            }
            ("Target.attachedToTarget", None) => {
                if let Some(stranger) = table.attached(&event) {
                    drop(table);
                    return self.let_run(&stranger);
                }
            }
            _ => {}
        }
        let Some(id) = session else { return };
        let Some(session) = table.sessions.get(id) else { return };
        if session.events.try_send(event).is_err() {
            session.flooded.store(true, Ordering::Relaxed);
            table.sessions.remove(id);
        }
    }

    /// A window that a page opened, or a page of somebody else: it is not looked at.
    fn let_run(&self, session: &str) {
        drop(self.begin(Some(session), "Runtime.runIfWaitingForDebugger", serde_json::json!({})));
        drop(self.begin(None, "Target.detachFromTarget", serde_json::json!({"sessionId": session})));
    }
}

impl Table {
    fn listen(&mut self, session: &str) -> SessionEvents {
        let (sender, events) = mpsc::channel(EVENTS);
        let flooded = Arc::new(AtomicBool::new(false));
        if self.ended.is_none() {
            self.sessions.insert(session.to_owned(), Session { events: sender, flooded: flooded.clone() });
        }
        SessionEvents { events, flooded }
    }

    /// Hands a new target to who waits for it; else names the session, which nobody asked for.
    fn attached(&mut self, event: &Event) -> Option<String> {
        let session = event.text("/sessionId").to_owned();
        let is_page = event.text("/targetInfo/type") == "page";
        let waiting =
            is_page.then(|| self.expected.remove(event.text("/targetInfo/browserContextId"))).flatten();
        let Some(waiting) = waiting else { return Some(session) };
        let events = self.listen(&session);
        let target = event.text("/targetInfo/targetId").to_owned();
        waiting.send(Attached { session, target, events }).err().map(|attached| attached.session)
    }
}

impl Shared {
    fn send(
        &self,
        id: u64,
        session_id: Option<&str>,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<oneshot::Receiver<Result<Value, FarmError>>, FarmError> {
        let unreadable = |_| FarmError::Protocol { method, message: "its parameters are no JSON".to_owned() };
        let message = serde_json::to_vec(&Command { id, method, params, session_id }).map_err(unreadable)?;
        let (answer, receiver) = oneshot::channel();
        {
            let mut table = self.table.lock();
            if let Some(why) = &table.ended {
                return Err(why.clone());
            }
            table.commands.insert(id, Waiting { method, answer });
        }
        match self.outgoing.try_send(message) {
            Ok(()) => Ok(receiver),
            Err(mpsc::error::TrySendError::Full(_)) => Err(FarmError::Hung { what: method }),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(self.why_ended()),
        }
    }

    fn why_ended(&self) -> FarmError {
        let lost = || FarmError::BrowserLost { reason: "the connection closed".to_owned() };
        self.table.lock().ended.clone().unwrap_or_else(lost)
    }
}
