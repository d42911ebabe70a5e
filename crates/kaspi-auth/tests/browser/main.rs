//! Tests of the service as a whole with real browsers, in one binary: router, database, vault, both engines, the farm and
//! Chromium are real, the portal is the sandbox. What each file holds stands at its head.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what should not be; clippy knows only `#[test]` functions as tests"
)]

/// The ground that these tests share with those of the service without browsers.
#[path = "../service"]
mod service {
    #[expect(dead_code, unused_imports, unused_macros, reason = "shared with the tests of the service")]
    pub mod harness;
}

mod chromium;
mod http_proxy;

mod choosing;
mod deaths;
mod leaks;
mod nodes;
mod persons;
mod recipes;
mod secrets;
mod stopping;
mod turns;
mod two_merchants;
mod ways_in;
mod ways_out;

use service::harness;
