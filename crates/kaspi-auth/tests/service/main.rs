//! Tests of the service through its HTTP API, in one binary: router, database, vault and direct engine are real, the portal
//! is the sandbox. What each file holds stands at its head.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what should not be; clippy knows only `#[test]` functions as tests"
)]

mod harness;

mod access;
mod adopted;
mod api_keys;
mod audit;
mod bad_input;
mod batches;
mod canary;
mod cancelling;
mod codes;
mod crashes;
mod docs;
mod egresses;
mod engines;
mod events;
mod evidence;
mod expiry;
mod explaining;
mod gateway;
mod gateway_streams;
mod generated_input;
mod idempotency;
mod imported;
mod jobs;
mod jwks;
mod jwt;
mod keeping;
mod limits;
mod odd_requests;
mod one_login;
mod outages;
mod passwords;
mod predecessor;
mod problems;
mod refreshing;
mod reporting;
mod resending;
mod serving;
mod sessions;
mod starting;
mod stores;
mod stories;
mod takeover;
mod tenancy;
mod traces;
mod troubled_database;
mod validating;
