//! The browser farm: browsers over the DevTools protocol, one isolated context per login, pages warmed in advance.
//!
//! The only crate with the browser's socket and with child processes. It knows nothing of the portal: the page to warm
//! and what runs in it come in as [`PageSetup`]. It stores nothing, and never prints an argument of a call, a cookie or
//! a credential.
//!
//! Where to look:
//! - [`Farm`]: admission, the warm pool, the care for the shards, each under `farm`.
//! - [`Context`]: what a login does with its page.
//! - `shard`: one browser, launched, remote or on a Grid; how a page is prepared in it.
//! - `cdp`: the protocol: commands and their answers, events of each page. `relay`: the loopback door to SOCKS proxies.
#![deny(missing_docs)]

mod cdp;
mod context;
mod error;
mod event;
mod farm;
mod find;
mod news;
mod relay;
mod settings;
mod shard;
mod user;

pub use context::Context;
pub use error::FarmError;
pub use event::{Clip, LeavingId, PageEvent};
pub use farm::{Ask, Farm};
pub use find::find_browser;
pub use news::{CrashKind, FarmNews, FarmObserver, Figures, RecycleReason, ShardFigures, ShardId};
pub use settings::{FarmSettings, IsReady, PageSetup, ShardSpec};
pub use user::is_root;
