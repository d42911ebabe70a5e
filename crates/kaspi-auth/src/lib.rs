//! The service around the rules: configuration, HTTP API, background work, command line, wiring.
//!
//! Rules do not live here: a handler extracts, calls one use case of `kaspi-auth-core`, converts.
//!
//! - [`config`]: what can be set, and where it comes from.
//! - [`process`]: the outside world of one process: clock, ids, runner, changes, background passes.
//! - [`wiring`]: puts database, portal and use cases together.
//! - [`http`]: the API.
//! - [`gateway`]: services' own calls of the cabinet.
//! - [`auditing`]: who read or changed what, written down.
//! - [`explain`]: why a session is as it is, in words, in three languages.
//! - [`import`]: stores on their way in from files.
//! - [`cli`]: the commands.

pub mod auditing;
pub mod cli;
pub mod config;
pub mod explain;
pub mod gateway;
pub mod http;
pub mod import;
pub mod process;
pub mod wiring;
