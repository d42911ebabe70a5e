//! How a direct login goes on: all of it is data, so that any node can go on after a restart.
//!
//! It holds cookies and is a secret as a whole: sealed by whoever stores it, and without a `Debug`. Never a password.

use kaspi_auth_core::login::{Channel, Continuation};
use kaspi_auth_core::port::Device;
use kaspi_auth_core::session::Cookie;
use kaspi_auth_core::{Code, Error};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::http::Http;
use crate::jar::Jar;
use crate::origins::Origins;
use crate::settings::HostRole;
use crate::visitor::Visitor;
use crate::wire::su::Asked;

/// The shape below. A node of another version says `login_interrupted` instead of guessing.
const VERSION: u32 = 1;
/// The login host's session (CONTRACT, 3.1).
const SSO: &str = "MS_AUTH_SSO";

/// Where a login is on its way.
#[derive(Clone, Default)]
pub(crate) struct Trail {
    /// The login's cookies, and the name that it goes by.
    pub(crate) visitor: Visitor,
    pub(crate) facts: Facts,
}

/// All of a trail but its cookies.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The login host has let the account in.
    pub(crate) accepted: bool,
    /// Where it then pointed to.
    pub(crate) redirect: Option<String>,
    /// Where the last code went.
    pub(crate) channel: Option<Channel>,
    /// The address that the portal gave when it mailed the code, where it is not the login as typed.
    #[serde(default)]
    pub(super) mailed_to: Option<String>,
    /// What there is to choose from.
    pub(crate) asked: Vec<Asked>,
    /// What was chosen of it.
    pub(crate) chosen: Option<kaspi_auth_core::id::MerchantUid>,
    /// The cabinet has been entered.
    pub(crate) entered: bool,
    /// The `User-Agent` of a login that began in a browser.
    #[serde(default)]
    pub(crate) user_agent: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    v: u32,
    cookies: Vec<Cookie>,
    #[serde(flatten)]
    facts: Facts,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Trail {
    /// Reads a continuation.
    ///
    /// # Errors
    /// `login_interrupted`: written by another version. `internal`: not one of ours.
    pub(crate) fn read(at: &Continuation, origins: &Origins) -> Result<Self, Error> {
        let text = at.0.expose_secret();
        // The parser's own words could quote what it read.
        let broken =
            |_| Error::new(Code::Internal, "The state of this login cannot be read. Start it again.");
        let Version { v } = serde_json::from_str(text).map_err(broken)?;
        if v != VERSION {
            return Err(Error::new(
                Code::LoginInterrupted,
                "This login was begun by another version of the service. Start it again.",
            ));
        }
        let stored: Stored = serde_json::from_str(text).map_err(broken)?;
        let mut visitor = Visitor::with(Jar::from_cookies(&stored.cookies, &origins.hosts()));
        visitor.user_agent.clone_from(&stored.facts.user_agent);
        Ok(Self { visitor, facts: stored.facts })
    }

    /// Writes the continuation.
    ///
    /// # Errors
    /// `internal`: never in practice.
    pub(crate) fn write(&self) -> Result<Continuation, Error> {
        let stored = Stored { v: VERSION, cookies: self.visitor.jar.cookies(), facts: self.facts.clone() };
        serde_json::to_string(&stored)
            .map(|text| Continuation(SecretString::from(text)))
            .map_err(|_| Error::of(Code::Internal))
    }
}

#[derive(Serialize, Deserialize)]
struct StoredDevice {
    v: u32,
    cookies: Vec<Cookie>,
}

/// A jar with what the login host remembers of this device. One that cannot be read is as good as none.
pub(crate) fn jar_of_device(device: Option<&Device>) -> Jar {
    let Some(device) = device else { return Jar::default() };
    match serde_json::from_str::<StoredDevice>(device.0.expose_secret()) {
        Ok(stored) if stored.v == VERSION => Jar::from_cookies(&stored.cookies, &[]),
        _ => {
            tracing::warn!("the remembered device cannot be read; the login goes on without it");
            Jar::default()
        }
    }
}

/// What the login host remembers of this device. How it does that is not known (CONTRACT, section 8, 1), so all of its
/// cookies are kept but a session's own.
pub(super) fn device_of_jar(jar: &Jar, http: &Http) -> Option<Device> {
    let host = http.origins.of(HostRole::Login).host_str()?;
    let cookies: Vec<Cookie> = jar
        .cookies()
        .into_iter()
        .filter(|cookie| cookie.goes_to(host) && (cookie.name != SSO || cookie.expires >= 0.0))
        .collect();
    if cookies.is_empty() {
        return None;
    }
    let text = serde_json::to_string(&StoredDevice { v: VERSION, cookies }).ok()?;
    Some(Device(SecretString::from(text)))
}
