//! The browser engine in a real Chromium: against the sandbox, beside the direct engine, and against a page of other markup.
//! What each file holds stands at its head.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what should not be; clippy knows only `#[test]` functions as tests"
)]

mod bench;
#[path = "../it/harness.rs"]
#[expect(dead_code, reason = "shared with the tests of the direct engine")]
mod harness;

mod canary;
mod captcha;
mod device;
mod evidence;
mod finish;
mod keys;
mod lost;
mod markup;
#[path = "../it/proxy.rs"]
mod proxy;
mod recipe;
mod routes;
#[path = "../it/stand_in.rs"]
#[expect(dead_code, reason = "shared with the tests of the direct engine")]
mod stand_in;
mod two;
