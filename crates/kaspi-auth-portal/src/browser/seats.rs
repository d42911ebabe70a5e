//! Where pages wait between two calls: one for each login, each with a keeper that notices at once when it dies. Must not touch
//! what a page shows.

use std::collections::HashMap;
use std::sync::Arc;

use kaspi_auth_core::Error;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::port::HolderSink;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::page::{Page, Start};
use super::trouble::{lost, nothing_held};

/// Calls into waiting pages that may be under way at once, for each page.
const CALLS: usize = 16;
/// Dead pages beyond these are not remembered: their logins are begun again by whoever asks for them.
const MOST_GONE: usize = 10_000;

/// All pages that wait.
pub(super) struct Seats {
    taken: Mutex<HashMap<LoginId, Seat>>,
    holder: Arc<dyn HolderSink>,
}

enum Seat {
    /// A keeper has the page.
    Kept(Keeper),
    /// A call has the page.
    Lent(mpsc::Sender<Call>),
    /// The page died before anything secret left it.
    Gone(Box<Start>),
}

struct Keeper {
    calls: mpsc::Sender<Call>,
    wanted: oneshot::Sender<oneshot::Sender<Box<Page>>>,
}

/// A call into a page from aside.
pub(super) struct Call {
    pub(super) function: String,
    pub(super) arguments: Vec<Value>,
    pub(super) answer: oneshot::Sender<Result<Value, Error>>,
}

/// What a taker finds.
pub(super) enum Taken {
    Page(Lent),
    /// Nothing secret had left: it can be begun again.
    Again(Box<Start>),
    Nothing,
}

/// A page in the hands of a call. Dropped without a word, because the call was cancelled, it goes back to its seat.
pub(super) struct Lent {
    seats: Arc<Seats>,
    login: LoginId,
    page: Option<Box<Page>>,
    pub(super) calls: Option<mpsc::Receiver<Call>>,
    fallback: Instant,
}

impl Seats {
    pub(super) fn new(holder: Arc<dyn HolderSink>) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), holder })
    }

    pub(super) fn count(&self) -> usize {
        self.taken.lock().values().filter(|seat| !matches!(seat, Seat::Gone(_))).count()
    }

    /// Seats a new page. `until` is when it is let go, if nobody asks for it.
    pub(super) fn lend(self: &Arc<Self>, page: Page, until: Instant) -> Lent {
        let login = page.start.login;
        let (sender, calls) = mpsc::channel(CALLS);
        self.taken.lock().insert(login, Seat::Lent(sender));
        Lent {
            seats: Arc::clone(self),
            login,
            page: Some(Box::new(page)),
            calls: Some(calls),
            fallback: until,
        }
    }

    /// Takes a login's page for a call.
    pub(super) async fn take(self: &Arc<Self>, login: LoginId, until: Instant) -> Taken {
        let wanted = {
            let mut taken = self.taken.lock();
            match taken.remove(&login) {
                Some(Seat::Kept(keeper)) => {
                    taken.insert(login, Seat::Lent(keeper.calls));
                    keeper.wanted
                }
                Some(Seat::Gone(start)) => return Taken::Again(start),
                // Two calls at once for one login: the first goes on.
                Some(lent @ Seat::Lent(_)) => {
                    taken.insert(login, lent);
                    return Taken::Nothing;
                }
                None => return Taken::Nothing,
            }
        };
        let (sender, mut handed) = oneshot::channel();
        let page = match wanted.send(sender) {
            Ok(()) => (&mut handed).await.ok(),
            Err(_) => None,
        };
        let mut taken = self.taken.lock();
        match page {
            // Given up in the meantime.
            Some(_) if !taken.contains_key(&login) => Taken::Nothing,
            Some(page) => {
                let (sender, calls) = mpsc::channel(CALLS);
                taken.insert(login, Seat::Lent(sender));
                Taken::Page(Lent {
                    seats: Arc::clone(self),
                    login,
                    page: Some(page),
                    calls: Some(calls),
                    fallback: until,
                })
            }
            None => match taken.remove(&login) {
                Some(Seat::Gone(start)) => Taken::Again(start),
                _ => Taken::Nothing,
            },
        }
    }

    /// Lets a login's page go, whoever has it.
    pub(super) fn give_up(&self, login: LoginId) {
        // A keeper ends when its seat is dropped; a call finds the seat gone when it is through.
        self.taken.lock().remove(&login);
    }

    /// Calls a function in a page that waits.
    pub(super) async fn call(
        &self,
        login: LoginId,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        let calls = match self.taken.lock().get(&login) {
            Some(Seat::Kept(Keeper { calls, .. }) | Seat::Lent(calls)) => calls.clone(),
            _ => return Err(nothing_held()),
        };
        let (answer, answered) = oneshot::channel();
        let call = Call { function: function.to_owned(), arguments: arguments.to_vec(), answer };
        calls.send(call).await.map_err(|_| nothing_held())?;
        answered.await.unwrap_or_else(|_| Err(nothing_held()))
    }

    fn keep(self: &Arc<Self>, login: LoginId, page: Box<Page>, until: Instant) {
        let (calls, called) = mpsc::channel(CALLS);
        let (wanted, asked) = oneshot::channel();
        {
            let mut taken = self.taken.lock();
            // Given up in the meantime: the page ends here.
            if !matches!(taken.get(&login), Some(Seat::Lent(_))) {
                return;
            }
            taken.insert(login, Seat::Kept(Keeper { calls, wanted }));
        }
        let seats = Arc::clone(self);
        tokio::spawn(async move { seats.watch_over(login, page, until, called, asked).await });
    }

    async fn watch_over(
        &self,
        login: LoginId,
        mut page: Box<Page>,
        until: Instant,
        mut called: mpsc::Receiver<Call>,
        mut asked: oneshot::Receiver<oneshot::Sender<Box<Page>>>,
    ) {
        loop {
            tokio::select! {
                biased;
                taker = &mut asked => {
                    if let Ok(taker) = taker {
                        // A taker that has gone leaves the page to end here.
                        let _ = taker.send(page);
                    }
                    return;
                }
                Some(call) = called.recv() => answer(&page, call).await,
                event = page.context.next() => match event {
                    Ok(event) => {
                        page.note(&event);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a waiting page is gone");
                        self.is_gone(login, page);
                        return;
                    }
                },
                () = tokio::time::sleep_until(until) => {
                    self.is_gone(login, page);
                    return;
                }
            }
        }
    }

    fn is_gone(&self, login: LoginId, page: Box<Page>) {
        let (accepted, sent) = (page.facts.accepted, page.sent);
        let mut taken = self.taken.lock();
        let Some(seat) = taken.remove(&login) else { return };
        if !sent && page.pending.is_none() && taken.len() < MOST_GONE {
            taken.insert(login, Seat::Gone(Box::new(page.start)));
            return;
        }
        drop(taken);
        // An accepted login goes on without its page; and who came for it at this moment finds out by itself.
        if !accepted && matches!(seat, Seat::Kept(_)) {
            self.holder.lost(login);
        }
    }
}

/// Carries out a call from aside.
pub(super) async fn answer(page: &Page, call: Call) {
    let called = page.context.call(&call.function, &call.arguments).await;
    let said = called.map_err(|error| match error {
        kaspi_auth_browser::FarmError::Protocol { .. } => {
            Error::new(kaspi_auth_core::Code::Internal, "The function failed in the page.").with_source(error)
        }
        error => lost(error),
    });
    // Who asked may have gone.
    let _ = call.answer.send(said);
}

impl Lent {
    pub(super) fn page(&mut self) -> &mut Page {
        self.page.as_mut().expect("a page is there until it is kept or ended, which consume the loan")
    }

    /// Another page in place of one that died.
    pub(super) fn replace(&mut self, page: Page) {
        self.page = Some(Box::new(page));
    }

    /// Back to the seat until somebody asks for it.
    pub(super) fn keep(mut self, until: Instant) {
        if let Some(mut page) = self.page.take() {
            page.aside = None;
            self.seats.keep(self.login, page, until);
        }
    }

    /// The page is done with.
    pub(super) fn end(mut self) {
        self.page = None;
        self.seats.give_up(self.login);
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(mut page) = self.page.take() {
            page.aside = None;
            self.seats.keep(self.login, page, self.fallback);
        }
    }
}
