//! The outside world of one process, as the ports of core: clock, ids, key secrets, runner, changes, background passes.

mod background;
mod changes;
mod environment;
mod key_secrets;
mod metrics;
mod portal_metrics;
mod runner;

pub use background::Background;
pub use changes::Changes;
pub use environment::{SystemClock, UuidV7};
pub use key_secrets::RandomKeys;
pub use metrics::metrics;
pub use portal_metrics::PortalMetrics;
pub use runner::{Chain, Runner};
