//! The HTTP clients of the ways out: one for each egress as it is now, kept while it is in use. Bounded, because an installation
//! may change its proxies all day.

use std::sync::Arc;

use kaspi_auth_core::Error;
use kaspi_auth_core::egress::{EgressId, Route, Way};
use kaspi_auth_core::port::Clock;
use parking_lot::Mutex;

use super::Portal;
use crate::settings::PortalSettings;

/// More proxies than these share fewer clients: the one that was used longest ago is closed.
const MOST: usize = 64;

/// The ways out.
pub(super) struct Ways {
    settings: PortalSettings,
    clock: Arc<dyn Clock>,
    here: Arc<Portal>,
    proxies: Mutex<Vec<Known>>,
}

/// The last used stands last.
struct Known {
    id: EgressId,
    revision: i64,
    portal: Arc<Portal>,
}

impl Ways {
    pub(super) fn new(settings: PortalSettings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let here = Arc::new(Portal::new(&settings, Arc::clone(&clock), &Route::direct())?);
        Ok(Self { settings, clock, here, proxies: Mutex::default() })
    }

    pub(super) fn here(&self) -> &Arc<Portal> {
        &self.here
    }

    pub(super) fn over(&self, route: &Route) -> Result<Arc<Portal>, Error> {
        if matches!(route.way, Way::Direct) {
            return Ok(Arc::clone(&self.here));
        }
        let mut proxies = self.proxies.lock();
        if let Some(at) = proxies.iter().position(|known| known.id == route.id) {
            let known = proxies.remove(at);
            if known.revision == route.revision {
                let portal = Arc::clone(&known.portal);
                proxies.push(known);
                return Ok(portal);
            }
        }
        let portal = Arc::new(Portal::new(&self.settings, Arc::clone(&self.clock), route)?);
        if proxies.len() == MOST {
            proxies.remove(0);
        }
        proxies.push(Known { id: route.id, revision: route.revision, portal: Arc::clone(&portal) });
        Ok(portal)
    }
}
