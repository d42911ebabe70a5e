//! Our client of the Kaspi merchant cabinet: the direct engine, which drives a login by HTTP, and the cabinet's API.
//!
//! What is known of the portal stands in its contract; `CONTRACT` in this crate's comments names a section of that paper.
//! Nothing here decides when a login is tried, stores anything, or reads a clock or a configuration: settings and the
//! [`Clock`](kaspi_auth_core::port::Clock) come in.
//!
//! Where to look:
//! - [`DirectEngine`]: the port `Engine`, one file a step under `direct`, and the port `Cabinet` under `cabinet`.
//! - `wire`: what goes over the wire: bodies that we send, and what the portal's answers mean.
//! - `http`: one exchange, bounded in time and size. `jar`: the cookies of one login.
#![deny(missing_docs)]

mod cabinet;
mod canary;
mod direct;
mod doctor;
mod evidence;
mod http;
mod jar;
mod origins;
mod recipe;
mod settings;
mod visitor;
mod wire;

pub use direct::DirectEngine;
pub use doctor::{Page, Reachability};
pub use recipe::{Recipe, RecipeError, Typing};
pub use settings::{ExchangeObserver, HostRole, PortalSettings};
