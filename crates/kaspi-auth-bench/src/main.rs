//! Measurements of the built service, as `cargo xtask bench <name>` runs them. Prints figures; those that have limits judge them.
//!
//! The service is the release binary in a process of its own; the sandbox and the load come from this process, so all three
//! share the machine's cores. Must not reach anything but loopback.
#![expect(clippy::print_stdout, reason = "printing figures is what a measurement is for")]

mod cores;
mod figures;
mod gateway;
mod keys_rotate;
mod lab;
mod limits;
mod load;
mod login_browser;
mod login_direct;
mod memory;
mod metrics;
mod peer;
mod rows;
mod scheduler;
mod seed;
mod session_read;
mod stand_in;
mod start_up;
mod tree;

use anyhow::{Result, bail};

const USAGE: &str = "Name a measurement: login-direct, login-browser [--binary PATH] [--rounds N], session-read, gateway, keys-rotate, scheduler, \
    start-up, memory, all.";

#[tokio::main]
async fn main() -> Result<()> {
    let name = std::env::args().nth(1);
    match name.as_deref() {
        Some("login-direct") => login_direct::run().await,
        Some("login-browser") => login_browser::run(std::env::args().skip(2)).await,
        Some("session-read") => session_read::run().await,
        Some("gateway") => gateway::run().await,
        Some("scheduler") => scheduler::run().await,
        Some("keys-rotate") => keys_rotate::run().await,
        Some("start-up") => start_up::run().await,
        Some("memory") => memory::run().await,
        Some("all") => {
            login_direct::run().await?;
            session_read::run().await?;
            start_up::run().await?;
            memory::run().await?;
            gateway::run().await?;
            scheduler::run().await?;
            keys_rotate::run().await
        }
        _ => bail!(USAGE),
    }
}
