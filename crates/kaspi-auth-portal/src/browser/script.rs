//! What runs in the page: the observer, made from the recipe, and the functions that are called in it. Must not hold a secret: those
//! go in as arguments.

use std::sync::Arc;

use kaspi_auth_browser::PageSetup;
use kaspi_auth_core::Error;

use super::report::Report;
use super::settings::BrowserSettings;
use crate::origins::Origins;
use crate::recipe::Recipe;
use crate::settings::{HostRole, PortalSettings};

const OBSERVER: &str = include_str!("page/observer.js");
/// The isolated world that the observer lives in.
const WORLD: &str = "kaspi-auth";
/// Through which it reports.
const BINDING: &str = "kaspiReport";

/// Does acts in the page: the step's number, the acts, how many milliseconds they may take.
pub(super) const ACT: &str = "(step, acts, millis) => globalThis.kaspiPage.act(step, acts, millis)";
/// What the page shows now.
pub(super) const NOW: &str = "() => globalThis.kaspiPage.now()";
/// Which elements of a recipe are there.
pub(super) const CHECK: &str = "(elements) => globalThis.kaspiPage.check(elements)";
/// Evidence: `skeleton`, `veil`, `unveil`, or `place` of an element.
pub(super) const EVIDENCE: &str = include_str!("page/evidence.js");

impl Recipe {
    /// What a farm keeps warm for this recipe: the portal's login page with the observer in it.
    ///
    /// # Errors
    /// `invalid_value`: the login host's address cannot be used.
    pub fn page_setup(&self, portal: &PortalSettings, browser: &BrowserSettings) -> Result<PageSetup, Error> {
        Ok(self.setup(&Origins::new(portal)?, browser))
    }

    pub(super) fn setup(&self, origins: &Origins, browser: &BrowserSettings) -> PageSetup {
        PageSetup {
            url: origins.at(HostRole::Login, "/login"),
            script: observer(self),
            world: WORLD.to_owned(),
            binding: BINDING.to_owned(),
            // A page that shows a wall is as ready as it will be: whoever leases it says so.
            is_ready: Arc::new(|report| Report::read(report).is_some()),
            locale: browser.locale.clone(),
            accept_language: browser.accept_language.clone(),
            time_zone: browser.time_zone.clone(),
            viewport: browser.viewport,
            user_agent: browser.user_agent.clone(),
            blocked_types: self.blocked_types(),
            blocked_urls: self.blocked_urls(),
            read_paths: self.read_paths(),
        }
    }
}

fn observer(recipe: &Recipe) -> String {
    OBSERVER.replace("__RECIPE__", &recipe.for_page().to_string()).replace("__BINDING__", BINDING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_observer_has_no_placeholder_left() {
        let setup =
            Recipe::embedded().page_setup(&PortalSettings::default(), &BrowserSettings::default()).unwrap();
        assert!(!setup.script.contains("__RECIPE__") && !setup.script.contains("__BINDING__"));
        assert!(setup.script.contains("#user_email_field"));
        assert_eq!(setup.url.as_str(), "https://idmc.shop.kaspi.kz/login");
        assert!((setup.is_ready)(r#"{"k":"wall"}"#) && !(setup.is_ready)("hello"));
    }
}
