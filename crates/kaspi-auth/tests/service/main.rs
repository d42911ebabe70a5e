//! Tests of the service through its HTTP API, in one binary: router, database, vault and direct engine are real, the portal
//! is the sandbox. What each file holds stands at its head.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what should not be; clippy knows only `#[test]` functions as tests"
)]

mod harness;

mod cancelling;
mod codes;
mod expiry;
mod idempotency;
mod one_login;
mod outages;
mod passwords;
mod resending;
mod stories;
