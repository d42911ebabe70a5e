//! Where the codes that the portal sends can be read without a person: a mailbox, a line of phones. Which ones there are is the
//! installation's matter; the ladder asks whoever is there.

use jiff::Timestamp;
use secrecy::SecretString;

use super::BoxFuture;
use crate::account::Account;
use crate::error::Error;
use crate::id::LoginId;
use crate::login::Channel;

/// A code that the portal has sent.
#[derive(Debug, Clone, Copy)]
pub struct SentCode<'a> {
    /// For which login.
    pub login: LoginId,
    /// Whose it is.
    pub account: &'a Account,
    /// Where it went.
    pub channel: Channel,
    /// To whom, starred.
    pub destination_masked: &'a str,
    /// When it was sent: what came before is another login's.
    pub sent_at: Timestamp,
    /// How many codes of this login the portal has refused: whoever read them is to look again.
    pub refused: u32,
    /// How long is waited. A source that answers later is not heard.
    pub until: Timestamp,
}

/// Reads codes. Must not log one.
pub trait CodeSource: Send + Sync {
    /// Its name, for those who read logs.
    fn name(&self) -> &str;

    /// Whether it reads what the portal sends to the account over this channel. Nothing is sent by SMS in the background unless a source says so. Asked
    /// often: answers from memory, and says no where it does not know.
    fn reads<'a>(&'a self, account: &'a Account, channel: Channel) -> BoxFuture<'a, bool>;

    /// Waits for the code; `None`: none came in time. May be dropped at any moment.
    fn read<'a>(&'a self, sent: SentCode<'a>) -> BoxFuture<'a, Result<Option<SecretString>, Error>>;
}
