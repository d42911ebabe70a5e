//! The outside world of one process, as the ports of core: clock, ids, key secrets, runner, changes, background passes.

mod background;
mod browser;
mod changes;
mod environment;
mod farm_metrics;
pub mod keeping_metrics;
mod key_secrets;
mod metrics;
mod portal_metrics;
mod runner;
mod sinks;
pub mod traces;
mod upkeep;

pub use background::Background;
pub use browser::{Browser, BrowserError};
pub use changes::Changes;
pub use environment::{SystemClock, UuidV7};
pub use farm_metrics::{FarmMetrics, show};
pub use key_secrets::RandomKeys;
pub use metrics::{DESCRIBED, Described, Kind, metrics};
pub use portal_metrics::PortalMetrics;
pub use runner::{Chain, Runner};
pub use sinks::{Evidences, Holder, Shapes};
pub use upkeep::Upkeep;
