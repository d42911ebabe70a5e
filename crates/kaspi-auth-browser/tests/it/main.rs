//! The farm with real browsers, in front of the sandbox's pages.

mod harness;
mod lease;
