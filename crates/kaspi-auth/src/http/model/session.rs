//! Sessions on the wire: the only views that hold cookies in clear.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kaspi_auth_core::port::Cabinet;
use kaspi_auth_core::session::{Cookie, Session, cookie_header};
use kaspi_auth_core::sessions::{Outcome, Report, Reported, Validated};
use kaspi_auth_core::{Code, Error};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

/// A live session, ready for calls of the cabinet.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// The portal's id of the merchant.
    merchant_uid: String,
    /// Counts up with each new session of the store.
    generation: i64,
    /// The cabinet's cookies, in the shape that browsers export. Those of the login host are not handed out.
    #[schema(value_type = Vec<Object>)]
    cookies: Vec<Cookie>,
    /// The value of the `Cookie` header for the cabinet's host.
    #[serde(serialize_with = "shown")]
    #[schema(value_type = String)]
    cookie_header: SecretString,
    /// The other headers that calls of the cabinet carry.
    headers: BTreeMap<&'static str, String>,
    /// The host that `cookie_header` is for.
    cabinet_host: String,
    /// What the last look said: `alive` or `unknown`.
    validity: &'static str,
    /// When the portal let us in.
    authenticated_at: Option<Timestamp>,
    /// When the session was last looked at.
    checked_at: Option<Timestamp>,
}

/// This view is what the caller asked for and may see.
fn shown<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

impl SessionView {
    pub(crate) fn new(session: &Session, cabinet: &dyn Cabinet, now: Timestamp) -> Self {
        let cookies = session.cookies_for(cabinet.host(), now);
        Self {
            merchant_uid: session.merchant_uid.to_string(),
            generation: session.generation,
            cookie_header: cookie_header(&cookies),
            cookies,
            headers: cabinet.headers().into_iter().collect(),
            cabinet_host: cabinet.host().to_owned(),
            validity: session.validity.as_str(),
            authenticated_at: session.authenticated_at,
            checked_at: session.checked_at,
        }
    }
}

/// What a look at a session found.
#[derive(Serialize, ToSchema)]
pub struct ValidationView {
    /// The portal's id of the merchant.
    merchant_uid: String,
    /// `alive`, `dead` or `unknown`; `unknown` changed nothing.
    validity: &'static str,
    /// Why, in words.
    reason: String,
    /// When the look was.
    checked_at: Timestamp,
    /// Which session it was about.
    generation: i64,
}

impl ValidationView {
    pub(crate) fn new(merchant_uid: String, found: Validated) -> Self {
        Self {
            merchant_uid,
            validity: found.validity.as_str(),
            reason: found.reason,
            checked_at: found.checked_at,
            generation: found.generation,
        }
    }
}

/// How a call of the cabinet went.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"generation": 3, "outcome": "unauthorized"}))]
pub struct ReportBody {
    /// The session that the call was made with.
    generation: i64,
    /// `ok`, `unauthorized` (the cabinet did not know the session), `blocked` (a wall), `rate_limited`.
    #[schema(pattern = "^(ok|unauthorized|blocked|rate_limited)$")]
    outcome: String,
}

impl ReportBody {
    pub(crate) fn read(&self) -> Result<Report, Error> {
        let outcome = [Outcome::Ok, Outcome::Unauthorized, Outcome::Blocked, Outcome::RateLimited]
            .into_iter()
            .find(|outcome| outcome.as_str() == self.outcome);
        let unfit =
            || Error::new(Code::InvalidValue, "outcome is ok, unauthorized, blocked or rate_limited.");
        Ok(Report { generation: self.generation, outcome: outcome.ok_or_else(unfit)? })
    }
}

/// What became of a report.
#[derive(Serialize, ToSchema)]
pub struct ReportView {
    /// It was about another session than the present one, and changed nothing.
    ignored: bool,
    /// What is known of the present session: `alive`, `dead` or `unknown`.
    validity: &'static str,
    /// The present session.
    generation: i64,
}

impl From<&Reported> for ReportView {
    fn from(told: &Reported) -> Self {
        Self { ignored: told.ignored, validity: told.validity.as_str(), generation: told.generation }
    }
}
