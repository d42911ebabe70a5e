//! What must hold on both databases, and what only one of them can get wrong. PostgreSQL comes from
//! `KASPI_AUTH_TEST_POSTGRES_URL`; without it the tests fail and say so.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test: it may panic and make ids"
)]

mod adoption;
mod canary;
mod contract;
mod crash;
mod foreign;
mod jobs;
mod migrations;
mod opening;
mod python;
mod statements;
mod support;
mod upgrade;
