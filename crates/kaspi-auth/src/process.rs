//! The outside world of one process, as the ports of core: clock, ids, key secrets, runner, changes, background passes.

mod background;
mod background_tasks;
mod browser;
mod changes;
mod environment;
mod farm_metrics;
mod jobs;
pub mod keeping_metrics;
mod keeping_sink;
mod key_secrets;
mod metrics;
mod portal_metrics;
mod runner;
mod sinks;
mod store_changes;
pub mod traces;
mod upkeep;

pub use background::Background;
pub use background_tasks::BackgroundTasks;
pub use browser::{Browser, BrowserError};
pub use changes::Changes;
pub use environment::{SystemClock, UuidV7};
pub use farm_metrics::{FarmMetrics, show};
pub use jobs::Jobs;
pub use keeping_sink::KeepingLog;
pub use key_secrets::RandomKeys;
pub use metrics::{DESCRIBED, Described, Kind, metrics};
pub use portal_metrics::PortalMetrics;
pub use runner::{Chain, Runner};
pub use sinks::{Evidences, Holder, Shapes};
pub use store_changes::ChangedStores;
pub use upkeep::Upkeep;
