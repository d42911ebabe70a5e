//! The portal, as the rules see it. One trait for every way of driving a login; fits HTTP and a real browser.
//!
//! Errors are [`Error`]s with one of the portal codes. An implementation must never report an outage, a wall or a changed
//! page as `invalid_credentials`, nor the reverse, and must not send a password more than once per call, nor a code that the portal
//! has judged.

use secrecy::SecretString;

use super::BoxFuture;
use crate::account::{Account, Credentials};
use crate::egress::Route;
use crate::error::Error;
use crate::evidence::Evidence;
use crate::id::{LoginId, MerchantUid, UserId};
use crate::login::{Answer, Channel, Continuation, LastError};
use crate::merchant::MerchantChoice;
use crate::session::{Cookie, NewSession, Probe};

/// What the login host remembers of this device for an account: opaque, a secret, kept for the next login.
#[derive(Debug, Clone)]
pub struct Device(pub SecretString);

/// What to open a login with.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// Which login: a browser engine holds its context under this name.
    pub login: LoginId,
    /// For whom: browsers are shared out fairly between users.
    pub user_id: Option<UserId>,
    /// Who will sign in.
    pub account: Account,
    /// The remembered device, where there is one.
    pub device: Option<Device>,
    /// The way out; the login keeps to it.
    pub route: Route,
}

/// Where a login stands, and how the engine goes on with it.
#[derive(Debug, Clone)]
pub struct At {
    /// Which login.
    pub login: LoginId,
    /// The way out that it was opened on.
    pub route: Route,
    /// The engine's own data.
    pub continuation: Continuation,
}

/// What the portal says to credentials or to an answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The login host lets the account in; [`Engine::finish`] walks on.
    Accepted(Continuation),
    /// A code was sent.
    CodeSent {
        /// Where it went.
        channel: Channel,
        /// To whom, starred.
        destination_masked: String,
        /// How to go on.
        continuation: Continuation,
    },
    /// The login host asks which merchant.
    MerchantAsked {
        /// What there is to choose from.
        merchants: Vec<MerchantChoice>,
        /// How to go on.
        continuation: Continuation,
    },
    /// Only a person can go on.
    PersonAsked {
        /// A picture to read; otherwise a page to take over.
        captcha: bool,
        /// What to do, in words.
        instruction: String,
        /// How to go on.
        continuation: Continuation,
    },
    /// The answer was refused and the login lives on.
    Rejected {
        /// Why.
        error: LastError,
        /// How to go on.
        continuation: Continuation,
    },
}

/// The end of a login.
#[derive(Debug, Clone)]
pub enum Finished {
    /// In.
    Session {
        /// The session.
        session: Box<NewSession>,
        /// The device to keep for the next login.
        device: Option<Device>,
    },
    /// The account holds several merchants and none was named.
    SeveralMerchants {
        /// What there is to choose from.
        merchants: Vec<MerchantChoice>,
        /// How to go on: [`Engine::finish`] again, with the choice.
        continuation: Continuation,
    },
}

/// Drives logins.
pub trait Engine: Send + Sync {
    /// Opens the way in. Sends nothing secret.
    fn open(&self, request: OpenRequest) -> BoxFuture<'_, Result<Continuation, Error>>;

    /// Sends the credentials, once.
    fn submit<'a>(&'a self, at: At, credentials: &'a Credentials) -> BoxFuture<'a, Result<Reply, Error>>;

    /// Sends an answer, once.
    fn answer<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
        answer: &'a Answer,
    ) -> BoxFuture<'a, Result<Reply, Error>>;

    /// Asks for another code. The error `portal_rate_limited` leaves the login alive.
    fn resend<'a>(
        &'a self,
        at: At,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Continuation, Error>>;

    /// Walks to the cabinet and fetches the merchant's data. Repeatable.
    ///
    /// With `merchant` given: that one or the error `account_mismatch`.
    fn finish<'a>(
        &'a self,
        at: At,
        merchant: Option<&'a MerchantUid>,
    ) -> BoxFuture<'a, Result<Finished, Error>>;

    /// Signs in again by the login host's own memory of a session: no password, no code. The error `sso_expired` says that
    /// it has none any more.
    fn renew<'a>(
        &'a self,
        route: &'a Route,
        cookies: &'a [Cookie],
        merchant: &'a MerchantUid,
    ) -> BoxFuture<'a, Result<NewSession, Error>>;

    /// After [`Reply::PersonAsked`]: waits until a person has moved the held page on, and says where to. An engine that holds no page
    /// never returns; whoever waits bounds it.
    fn watch(&self, at: At) -> BoxFuture<'_, Result<Reply, Error>>;

    /// Lets go of what is held for the login. Sends nothing to the portal: the way may be gone.
    fn give_up(&self, at: At) -> BoxFuture<'_, ()>;
}

/// The cabinet behind a live session.
pub trait Cabinet: Send + Sync {
    /// Looks whether the session is alive and opens the cabinet of `merchant`.
    fn probe<'a>(
        &'a self,
        route: &'a Route,
        cookies: &'a [Cookie],
        merchant: &'a MerchantUid,
    ) -> BoxFuture<'a, Probe>;

    /// The host that cabinet cookies go to.
    fn host(&self) -> &str;

    /// The headers that calls of the cabinet carry, without `Cookie` (CONTRACT, section 4).
    fn headers(&self) -> Vec<(&'static str, String)>;
}

/// Tries a way out before it is used.
pub trait RouteCheck: Send + Sync {
    /// Fetches the portal's login page over the route. Sends nothing secret.
    ///
    /// The error says what is wrong with the way: `portal_unavailable`, `portal_blocked`, `portal_changed`.
    fn check<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<(), Error>>;
}

/// Keeps evidence of what an engine did not understand.
pub trait EvidenceSink: Send + Sync {
    /// Keeps it, sealed; a failure to do so is the sink's to log and changes nothing for the login.
    fn keep(&self, login: LoginId, evidence: Evidence) -> BoxFuture<'_, ()>;
}

/// Is told of the portal's shape at each step, and notices when it changes.
pub trait ShapeSink: Send + Sync {
    /// `step` names what was looked at, as in `login_page.direct`; `shape` is a canonical description of it: names of fields and
    /// keys, paths, never a value. Cheap: may be called at every step of every login.
    fn seen(&self, step: &str, shape: &str);
}

/// Is told that an engine no longer holds the page of a login that waits for a person: its browser died, or the page had to make room.
pub trait HolderSink: Send + Sync {
    /// The login cannot go on; it fails with `browser_lost`. Not called for a page that was given up or whose login went on.
    fn lost(&self, login: LoginId);
}
