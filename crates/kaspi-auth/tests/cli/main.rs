//! The built program, called as people and scripts call it: each test has a folder, an emulated portal and a database of its
//! own. Nothing here speaks to the real portal or waits for time to pass.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what should not be; clippy knows only `#[test]` functions as tests"
)]

mod api_keys;
mod audit;
mod config;
mod demo;
mod doctor;
mod egress;
mod evidence;
mod import;
mod import_postgres;
mod keys;
mod login;
mod migrate;
mod postgres;
mod recipe;
mod room;
mod sandbox;
mod serve;
mod session;
mod stores;
mod terminal;
