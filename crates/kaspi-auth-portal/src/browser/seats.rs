//! Where pages wait between two calls: one seat for each login, each with a keeper that notices at once when its page dies. Must not
//! touch what a page shows.
//!
//! A page lies in a slot behind a fair lock. The keeper holds the lock while it listens to the page; whoever wants the page queues
//! for the lock and then wakes the keeper, who lets go and queues behind. So a call that is cancelled leaves the page to its keeper.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kaspi_auth_browser::FarmError;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::port::HolderSink;
use kaspi_auth_core::{Code, Error};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Mutex as Lock, Notify, OwnedMutexGuard, mpsc, oneshot};
use tokio::time::Instant;

use super::page::{Page, Start};
use super::trouble::{lost, nothing_held};

/// Calls from aside that may wait at once, for each page.
const CALLS: usize = 16;
/// Dead pages beyond these are not remembered: their logins are begun again by whoever asks for them.
const MOST: usize = 10_000;

/// All pages that wait.
pub(super) struct Seats {
    taken: Mutex<HashMap<LoginId, Arc<Seat>>>,
    holder: Arc<dyn HolderSink>,
}

struct Seat {
    slot: Arc<Lock<Slot>>,
    wanted: Notify,
    given_up: AtomicBool,
    is_gone: AtomicBool,
    calls: mpsc::Sender<Call>,
}

struct Slot {
    page: Option<Box<Page>>,
    /// When the page is let go, if nobody asks for it.
    until: Instant,
    /// The page died before anything secret had left it.
    again: Option<Box<Start>>,
}

/// A call into a page from aside.
pub(super) struct Call {
    function: String,
    arguments: Vec<Value>,
    answer: oneshot::Sender<Result<Value, Error>>,
}

/// What a taker finds.
pub(super) enum Taken {
    Page(Lent),
    /// Nothing secret had left: it can be begun again.
    Again(Box<Start>),
    Nothing,
}

/// A page in the hands of a call. Dropped, it goes back to its keeper.
pub(super) struct Lent {
    seats: Arc<Seats>,
    login: LoginId,
    slot: OwnedMutexGuard<Slot>,
}

impl Seats {
    pub(super) fn new(holder: Arc<dyn HolderSink>) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), holder })
    }

    pub(super) fn count(&self) -> usize {
        self.taken.lock().values().filter(|seat| !seat.is_gone.load(Ordering::Relaxed)).count()
    }

    /// Seats a new page, and hands it out at once. `until` is when it is let go, if nobody asks for it.
    pub(super) async fn lend(self: &Arc<Self>, mut page: Page, until: Instant) -> Lent {
        let login = page.start.login;
        let (calls, aside) = mpsc::channel(CALLS);
        page.aside = Some(aside);
        let slot = Arc::new(Lock::new(Slot { page: Some(Box::new(page)), until, again: None }));
        let seat = Arc::new(Seat {
            slot: Arc::clone(&slot),
            wanted: Notify::new(),
            given_up: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            calls,
        });
        let slot = slot.lock_owned().await;
        let before = self.taken.lock().insert(login, Arc::clone(&seat));
        if let Some(before) = before {
            before.let_go();
        }
        let seats = Arc::clone(self);
        tokio::spawn(async move { seats.keep(login, seat).await });
        Lent { seats: Arc::clone(self), login, slot }
    }

    /// Takes a login's page for a call.
    pub(super) async fn take(self: &Arc<Self>, login: LoginId, until: Instant) -> Taken {
        let Some(seat) = self.taken.lock().get(&login).cloned() else { return Taken::Nothing };
        let lock = Arc::clone(&seat.slot).lock_owned();
        let mut slot = tokio::select! {
            biased;
            slot = lock => slot,
            // Queued by now: the keeper may let go.
            slot = async { seat.wanted.notify_one(); pending().await } => slot,
        };
        if seat.given_up.load(Ordering::Acquire) {
            return Taken::Nothing;
        }
        if slot.page.is_some() {
            slot.until = until;
            return Taken::Page(Lent { seats: Arc::clone(self), login, slot });
        }
        self.taken.lock().remove(&login);
        slot.again.take().map_or(Taken::Nothing, Taken::Again)
    }

    /// Lets a login's page go, whoever has it.
    pub(super) fn give_up(&self, login: LoginId) {
        if let Some(seat) = self.taken.lock().remove(&login) {
            seat.let_go();
        }
    }

    /// Calls a function in the page of a login: at once while it waits, else when the call that has it listens to it.
    pub(super) async fn call(
        &self,
        login: LoginId,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        let calls = self.taken.lock().get(&login).map(|seat| seat.calls.clone()).ok_or_else(nothing_held)?;
        let (answer, answered) = oneshot::channel();
        let call = Call { function: function.to_owned(), arguments: arguments.to_vec(), answer };
        calls.send(call).await.map_err(|_| nothing_held())?;
        answered.await.unwrap_or_else(|_| Err(nothing_held()))
    }

    /// Listens to a page whenever nobody else has it.
    async fn keep(&self, login: LoginId, seat: Arc<Seat>) {
        loop {
            let mut slot = seat.slot.lock().await;
            let until = slot.until;
            let Some(page) = slot.page.as_mut() else { return };
            if seat.given_up.load(Ordering::Acquire) {
                slot.page = None;
                return;
            }
            tokio::select! {
                biased;
                () = seat.wanted.notified() => {}
                event = page.next_event(until) => match event {
                    Some(Ok(event)) => {
                        page.note(&event);
                    }
                    Some(Err(error)) => return self.died(login, &seat, slot.page.take(), &mut slot, &error),
                    None => return self.died(login, &seat, slot.page.take(), &mut slot, &FarmError::Expired),
                },
            }
        }
    }

    fn died(&self, login: LoginId, seat: &Seat, page: Option<Box<Page>>, slot: &mut Slot, error: &FarmError) {
        tracing::debug!(%error, "a waiting page is gone");
        let Some(page) = page else { return };
        let is_begun = page.sent || page.pending.is_some();
        let is_accepted = page.facts.accepted;
        seat.is_gone.store(true, Ordering::Relaxed);
        let mut taken = self.taken.lock();
        if !is_begun && taken.len() < MOST {
            slot.again = Some(Box::new(page.start));
            return;
        }
        // Given up, or replaced by another page, in the meantime: nobody misses it.
        let is_ours = taken.get(&login).is_some_and(|known| std::ptr::eq(&raw const **known, seat));
        if is_ours {
            taken.remove(&login);
        }
        drop(taken);
        // An accepted login goes on without its page.
        if is_ours && !is_accepted {
            self.holder.lost(login);
        }
    }
}

impl Seat {
    fn let_go(&self) {
        self.given_up.store(true, Ordering::Release);
        self.wanted.notify_one();
    }
}

impl Call {
    /// Carries it out.
    pub(super) async fn carry_out(self, page: &Page) {
        let called = page.context.call(&self.function, &self.arguments).await;
        let said = called.map_err(|error| match error {
            FarmError::Protocol { .. } => {
                Error::new(Code::Internal, "The function failed in the page.").with_source(error)
            }
            error => lost(error),
        });
        // Who asked may have gone.
        let _ = self.answer.send(said);
    }
}

impl Lent {
    pub(super) fn page(&mut self) -> &mut Page {
        self.slot.page.as_mut().expect("a page is lent until the loan ends, which consumes it")
    }

    /// Another page in place of one that died.
    pub(super) fn replace(&mut self, mut page: Page) {
        page.aside = self.page().aside.take();
        self.slot.page = Some(Box::new(page));
    }

    /// Back to the keeper until somebody asks for it.
    pub(super) fn keep(mut self, until: Instant) {
        self.slot.until = until;
    }

    /// The page is done with.
    pub(super) fn end(mut self) {
        self.slot.page = None;
        self.seats.give_up(self.login);
    }
}
