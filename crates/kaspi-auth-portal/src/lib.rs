//! Our client of the Kaspi merchant cabinet: the direct engine, which drives a login by HTTP, the browser engine, which drives it
//! through the portal's own page, and the cabinet's API.
//!
//! What is known of the portal stands in its contract; `CONTRACT` in this crate's comments names a section of that paper.
//! Nothing here decides when a login is tried, stores anything, or reads a clock or a configuration: settings and the
//! [`Clock`](kaspi_auth_core::port::Clock) come in.
//!
//! Where to look:
//! - [`DirectEngine`]: the port `Engine`, one file a step under `direct`, and the port `Cabinet` under `cabinet`.
//! - [`BrowserEngine`]: the port `Engine` again, under `browser`; [`Recipe`]: what it knows of the page, as data.
//! - [`DirectEngine::call_cabinet`]: services' own calls with a session, under `cabinet::gateway`.
//! - `wire`: what goes over the wire: bodies that we send, and what the portal's answers mean.
//! - `http`: one exchange, bounded in time and size. `jar`: the cookies of one login. `visitor`: who makes the exchanges.
//! - `canary`: shapes of what the portal shows. `evidence`: what is kept of a step that failed.
#![deny(missing_docs)]

mod browser;
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

pub use browser::{BrowserEngine, BrowserSettings, ElementCheck, PageCheck};
pub use cabinet::gateway::{
    BodyError, CabinetAnswer, CabinetBody, CabinetCall, CabinetPath, CabinetVerdict, cabinet_path,
};
pub use direct::DirectEngine;
pub use doctor::{Page, Reachability};
pub use recipe::{Recipe, RecipeError, Typing};
pub use settings::{BreakerSettings, ExchangeObserver, HostRole, PortalSettings};
