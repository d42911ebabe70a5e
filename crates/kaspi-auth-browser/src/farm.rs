//! The farm: who gets which context, and when.

use std::{sync::Arc, time::Duration};

use kaspi_auth_core::egress::Route;
use tokio::time::Instant;

use crate::{Context, FarmError, FarmObserver, FarmSettings, Figures, PageSetup, ShardId};

/// A wish for a context.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Whose login it is: places go round the tenants.
    pub tenant: String,
    /// The way out to the portal.
    pub route: Route,
    /// When waiting ends.
    pub deadline: Instant,
    /// The shard that just failed this login.
    pub avoid: Option<ShardId>,
}

/// The browser farm. Clones are the same farm.
#[derive(Clone)]
pub struct Farm {
    page: Arc<parking_lot::Mutex<PageSetup>>,
}

impl Farm {
    /// Starts a farm on the current runtime. Returns at once: the browsers start in the background.
    pub fn start(_settings: FarmSettings, page: PageSetup, _observer: Arc<dyn FarmObserver>) -> Self {
        Self { page: Arc::new(parking_lot::Mutex::new(page)) }
    }

    /// Takes another page from now on. Warm pages of the old one are replaced.
    pub fn set_page(&self, page: PageSetup) {
        *self.page.lock() = page;
    }

    /// Keeps warm pages for these routes besides the direct one. One that nobody uses for ten minutes is dropped.
    pub fn keep_warm(&self, _routes: &[Route]) {}

    /// A fresh context on the route with the page loaded: a warm one if there is one.
    ///
    /// # Errors
    ///
    /// [`FarmError::Full`] when the queue is full, [`FarmError::Late`] when the deadline passes in it,
    /// [`FarmError::NoShard`] when no browser is up by then, [`FarmError::UnfitRoute`] when no shard can take the route,
    /// [`FarmError::Page`] when the page does not get ready, and what else befalls a browser.
    #[expect(clippy::unused_async, reason = "no shard is served yet")]
    pub async fn lease(&self, _ask: Ask) -> Result<Context, FarmError> {
        Err(FarmError::NoShard { last: "no shard is served yet".to_owned() })
    }

    /// The farm at this moment.
    pub fn figures(&self) -> Figures {
        Figures::default()
    }

    /// Waits until the wanted number of pages is warm.
    ///
    /// # Errors
    ///
    /// [`FarmError::Late`] at the deadline, [`FarmError::NoShard`] when no browser is up by then.
    #[expect(clippy::unused_async, reason = "no shard is served yet")]
    pub async fn ready(&self, _deadline: Instant) -> Result<(), FarmError> {
        Err(FarmError::NoShard { last: "no shard is served yet".to_owned() })
    }

    /// Ends the farm: no more leases, logins that run have the grace to finish, then all browsers are closed.
    #[expect(clippy::unused_async, reason = "no shard is served yet")]
    pub async fn stop(&self, _grace: Duration) {}
}
