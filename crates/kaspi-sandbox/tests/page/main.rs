//! The portal's pages in a real browser, as people and browser clients of the real ones use them.
//! No test here waits for time to pass or reaches beyond the loopback interface.

mod browser;
mod cabinet;
mod captcha;
mod change;
mod choice;
mod errors;
mod mailed;
mod open;
mod password;
mod phone;
mod visit;
