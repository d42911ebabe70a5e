//! The engine through its ports, against the sandbox and against a second portal that makes the other choices.
//! What each file holds stands at its head.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what should not be; clippy knows only `#[test]` functions as tests"
)]

mod choice;
mod circuit;
mod codes;
mod continuation;
mod device;
mod doctor;
mod faults;
mod gateway;
mod gateway_streams;
mod harness;
mod merchant;
mod password;
mod phone;
mod probe;
mod proxy;
mod rebuff;
mod renewal;
mod routes;
mod secrecy;
mod stand_in;
mod strangers;
mod tls;
