//! The farm with real browsers, in front of the sandbox's pages.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod admission;
mod crashes;
mod elsewhere;
mod grid;
mod harness;
mod held;
mod isolation;
mod lease;
mod page;
mod pool;
mod proxies;
mod rounds;
mod stand_in;
