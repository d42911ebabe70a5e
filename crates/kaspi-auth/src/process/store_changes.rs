//! Wakes those who wait for a store: for its session, or for the end of its refresh.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::{BoxFuture, Clock, StoreChanges, Subscription};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How many changes a slow waiter may fall behind before it is woken for all.
const BACKLOG: usize = 1024;

/// The changes of stores, of this node and of others.
pub struct ChangedStores {
    sender: broadcast::Sender<Option<MerchantUid>>,
    clock: Arc<dyn Clock>,
}

impl ChangedStores {
    /// Without subscribers yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, clock }
    }

    /// A change of one store, or of any.
    pub fn wake(&self, uid: Option<MerchantUid>) {
        // Nobody waits: nothing to do.
        let _ = self.sender.send(uid);
    }
}

impl StoreChanges for ChangedStores {
    fn subscribe(&self, uid: &MerchantUid) -> Box<dyn Subscription> {
        Box::new(Waiter {
            uid: uid.clone(),
            receiver: self.sender.subscribe(),
            clock: Arc::clone(&self.clock),
        })
    }
}

struct Waiter {
    uid: MerchantUid,
    receiver: broadcast::Receiver<Option<MerchantUid>>,
    clock: Arc<dyn Clock>,
}

impl Subscription for Waiter {
    fn changed(&mut self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let left = self.clock.now().duration_until(until);
            // A time in the past is no wait.
            let left = Duration::try_from(left).unwrap_or_default();
            let change = async {
                loop {
                    match self.receiver.recv().await {
                        Ok(Some(uid)) if uid != self.uid => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => return,
                        // Cannot be: the sender lives as long as the service.
                        Err(RecvError::Closed) => return std::future::pending().await,
                    }
                }
            };
            let _ = tokio::time::timeout(left, change).await;
        })
    }
}
