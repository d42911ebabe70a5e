//! The rules of kaspi-auth: login flow, session lifecycle, policies, use cases and the ports they need.
//!
//! Nothing here does IO, reads a clock, makes an id or draws randomness: those come in through [`port`].
//! Nothing here knows HTTP, SQL or the portal's wire format.
//!
//! Where to look:
//! - [`login`]: what a login is, and [`login::step`], the pure transition function.
//! - [`logins`]: the use cases around a login (start, answer, resend, cancel, drive, recover).
//! - [`sessions`]: serve, validate and refresh the session of a store.
//! - [`keeping`]: how long sessions live, the refresh ladder, the attempt ledger, the mass-failure breaker.
//! - [`egresses`]: the ways out: which one a login takes, how they fare, when they rest.
//! - [`canary`]: notices when a step of the portal looks otherwise than ever before.
//! - [`stores`], [`api_keys`]: the rest of what the API offers.
//! - [`error`]: the one transport-free error.
#![deny(missing_docs)]

pub mod account;
pub mod api_key;
pub mod api_keys;
pub mod audit;
pub mod batch;
pub mod batches;
pub mod calls;
pub mod canary;
pub mod egress;
pub mod egresses;
pub mod error;
pub mod event;
pub mod evidence;
pub mod explain;
pub mod id;
pub mod import;
pub mod job;
pub mod keeper;
pub mod keeping;
pub mod login;
pub mod logins;
pub mod merchant;
pub mod port;
pub mod rate;
pub mod records;
pub mod refreshes;
pub mod session;
pub mod sessions;
pub mod store;
pub mod stores;
pub mod tenant;
pub mod timeline;

pub use error::{Code, Error, Kind};
pub use jiff::Timestamp;
