//! An emulated Kaspi merchant cabinet: login host, cabinet host and site on one loopback port, with a control API.
//! It must not import anything of this project: it shares nothing with the service, so it cannot share its mistakes.
//!
//! ```no_run
//! # async fn example() -> Result<(), kaspi_sandbox::StartError> {
//! use kaspi_sandbox::{AccountSpec, Options, Sandbox};
//! let sandbox = Sandbox::start(Options { listen: ([127, 0, 0, 1], 0).into(), ..Options::default() }).await?;
//! sandbox.control().add_account(AccountSpec::email("a@shop.test").merchant("12345678"));
//! let portal = sandbox.origins();
//! # let _ = portal;
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```

mod account;
mod cabinet;
mod chance;
mod clock;
mod control;
mod cookies;
mod counters;
mod fault;
mod fixture;
mod host;
mod inbox;
mod knobs;
mod login;
mod pages;
mod reply;
mod sandbox;
mod serve;
mod session;
mod shelf;
mod site;
pub mod stories;
mod tls;
mod visitors;
mod world;

pub use account::{
    AccountCounters, AccountSpec, Behaviour, City, CodeRule, DEFAULT_PASSWORD, MerchantSpec, PointSpec,
};
pub use control::Control;
pub use counters::{AuthVersion, CodesSent, Counters};
pub use fault::{Fault, FaultKind};
pub use fixture::{Fixture, FixtureError};
pub use host::Origins;
pub use inbox::{Channel, Message};
pub use knobs::{
    CabinetKnobs, Captcha, ChoiceShape, CodeKnobs, CookieKnobs, CookieShape, ErrorPlace, Knobs, LoginKnobs,
    NoMerchants, NoPermissions, PageKnobs, RedirectUrl, RenamedField, Renewal, ResendAnswer, ResendBody,
    SavedRedirectUrl, SessionKnobs, UnauthorizedBody, UnknownPhone, WithoutScript,
};
pub use sandbox::{Options, Sandbox, StartError, TlsOptions};
