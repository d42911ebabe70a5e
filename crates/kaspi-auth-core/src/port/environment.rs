//! Time, ids, waiting and running: what a process gives to the rules.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use uuid::Uuid;

use super::BoxFuture;
use crate::error::Code;
use crate::id::{LoginId, MerchantUid};
use crate::keeping::{AttemptKind, Breaker, Origin, RefreshOutcome};
use crate::login::Login;
use crate::logins::Work;
use crate::session::Validity;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Makes ids.
pub trait Ids: Send + Sync {
    /// A new UUID v7.
    fn uuid(&self) -> Uuid;
}

/// Tells waiters that a login has changed, on this node or another.
pub trait LoginChanges: Send + Sync {
    /// From now on, changes of `id` wake the subscription.
    fn subscribe(&self, id: LoginId) -> Box<dyn Subscription>;
    /// The login has changed and the change is stored: wakes its subscribers, and is the place to log and to count.
    fn publish(&self, login: &Login);
    /// A step of the login was taken: the place to log and to measure.
    fn stepped(&self, login: &Login, step: StepTaken);
}

/// A step of a login, taken.
#[derive(Debug, Clone, Copy)]
pub struct StepTaken {
    /// `open`, `submit`, `answer`, `resend`, `finish`, `save`.
    pub name: &'static str,
    /// How long it took.
    pub took: SignedDuration,
    /// What it failed with; `None`: it went well.
    pub error: Option<Code>,
}

/// A wait for changes of one login.
pub trait Subscription: Send {
    /// Returns when the login has changed since the last call, or at `until`, whichever comes first.
    fn changed(&mut self, until: Timestamp) -> BoxFuture<'_, ()>;
}

/// Tells waiters that a store, its session or its refresh has changed, on this node or another.
pub trait StoreChanges: Send + Sync {
    /// From now on, changes of the store wake the subscription.
    fn subscribe(&self, uid: &MerchantUid) -> Box<dyn Subscription>;
}

/// Runs what must go on whatever becomes of the caller.
pub trait Tasks: Send + Sync {
    /// Runs it, and the beat at its intervals for as long as it runs. A stopping process waits for it as it waits for logins.
    fn spawn(&self, task: BoxFuture<'static, ()>, beat: Beat);

    /// Runs what holds no lease, and so needs no beat.
    fn run(&self, task: BoxFuture<'static, ()>);
}

/// What is done at intervals while a task runs: tells others that its holder lives.
pub struct Beat {
    /// The interval.
    pub every: SignedDuration,
    /// What is done.
    pub call: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

/// Is told of what is done to keep sessions alive: the place to log and to count. Must not wait.
pub trait KeepingSink: Send + Sync {
    /// The cabinet was asked whether a session lives.
    fn probed(&self, uid: &MerchantUid, origin: Origin, found: Validity, took: SignedDuration);
    /// A refresh ended.
    fn refreshed(&self, uid: &MerchantUid, origin: Origin, outcome: &RefreshOutcome, took: SignedDuration);
    /// A session was found dead at this age.
    fn died(&self, uid: &MerchantUid, age: SignedDuration);
    /// A password or a code was set going, or a password refused by the portal: the account's window holds one more.
    fn counted(&self, kind: AttemptKind, origin: Origin);
    /// A password or a code was not sent: the account's window is full.
    fn refused(&self, kind: AttemptKind, origin: Origin);
    /// Automatic logins froze, or go again.
    fn froze(&self, breaker: &Breaker);
}

/// Runs logins in the background.
pub trait LoginRunner: Send + Sync {
    /// Calls [`Logins::drive`](crate::logins::Logins::drive) with the work soon, whatever becomes of the caller.
    fn run(&self, work: Work);

    /// Calls [`Logins::watch`](crate::logins::Logins::watch) with the work: a wait for a person, which takes no turn.
    fn watch(&self, work: Work);

    /// Whether another login may be asked for now.
    fn has_room(&self) -> bool;
}

/// The secret side of API keys.
pub trait ApiKeySecrets: Send + Sync {
    /// A new key.
    fn make(&self) -> NewApiKey;
    /// The public part of a key's text, if the text has the form of a key.
    fn id_of<'a>(&self, text: &'a str) -> Option<&'a str>;
    /// Whether the secret part of `text` has this digest, compared in constant time.
    fn matches(&self, text: &str, digest: &[u8; 32]) -> bool;
}

/// A key at its making: the only moment at which its text exists here.
#[derive(Debug)]
pub struct NewApiKey {
    /// The whole text, shown once.
    pub text: SecretString,
    /// The public part.
    pub id: String,
    /// The first characters, for recognising it.
    pub prefix: String,
    /// SHA-256 of the secret part.
    pub digest: [u8; 32],
}
