//! Asks the sources of codes for what the portal has sent to a login that nobody waits for. A person who comes meanwhile answers in their stead.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

use super::Refreshes;
use crate::account::Account;
use crate::error::{Code, Error, Result};
use crate::id::MerchantUid;
use crate::keeping::Origin;
use crate::login::{Answer, Challenge, Channel, CodeChallenge, Login};
use crate::port::{CodeSource, SentCode};
use crate::tenant::Tenant;

/// How long a source may take to read a code.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);
/// Codes of one login that are read: a source that is wrong twice is wrong.
const READS: u32 = 2;
/// How often it is looked whether the login still waits for the code.
const LOOK: SignedDuration = SignedDuration::from_secs(1);

impl Refreshes {
    /// The first source that reads the account's codes over this channel.
    pub(super) async fn code_source(
        &self,
        account: &Account,
        channel: Channel,
    ) -> Option<&Arc<dyn CodeSource>> {
        for source in &self.parts.code_sources {
            if source.reads(account, channel).await {
                return Some(source);
            }
        }
        None
    }

    /// Answers the login's code as long as it asks for one and nobody else has come to it. Answers the login as it is then.
    ///
    /// # Errors
    /// `code_required`: no source brought a code that would do; the login is given up. The database's.
    pub(super) async fn answer_from_source(&self, uid: &MerchantUid, mut login: Login) -> Result<Login> {
        let logins = &self.parts.logins;
        let mut last: Option<Answer> = None;
        for refused in 0..READS {
            let Some(code) = wanted_code(&login) else { return Ok(login) };
            let read = self.read_code(uid, &login, code, refused).await;
            let answer = match read {
                // Somebody has come to it, or its time is over.
                Read::NotAsked => return logins.get(&Tenant::All, login.id, None).await,
                Read::Code(answer) if last.as_ref() != Some(&answer) => answer,
                Read::Code(_) | Read::Nothing => break,
            };
            match logins.answer(&Tenant::All, login.id, answer.clone(), None).await {
                Ok(_) => {}
                Err(error) if is_overtaken(error.code()) => {}
                Err(error) => return Err(error),
            }
            last = Some(answer);
            login = logins.get(&Tenant::All, login.id, Some(login.expires_at)).await?;
        }
        if wanted_code(&login).is_none() {
            return Ok(login);
        }
        // A login that nobody answers would hold its account until its time is over.
        match logins.cancel(&Tenant::All, login.id, self.parts.clock.now()).await {
            Ok(_) => {}
            Err(error) if is_overtaken(error.code()) => {
                return logins.get(&Tenant::All, login.id, None).await;
            }
            Err(error) => return Err(error),
        }
        let detail = "The portal wants a code, and the source of codes brought none that it takes. A person must sign in again.";
        Err(Error::new(Code::CodeRequired, detail))
    }

    /// Waits for the source, no longer than the login waits for the code.
    async fn read_code(&self, uid: &MerchantUid, login: &Login, code: &CodeChallenge, refused: u32) -> Read {
        let Some(source) = self.code_source(&login.account, code.channel).await else { return Read::Nothing };
        let until = (self.parts.clock.now() + PATIENCE).min(code.expires_at);
        let sent = SentCode {
            login: login.id,
            account: &login.account,
            channel: code.channel,
            destination_masked: &code.destination_masked,
            sent_at: code.sent_at,
            refused,
            until,
        };
        let mut reading = pin!(source.read(sent));
        let mut over = pin!(self.asks_no_more(uid, login, until));
        poll_fn(|context| match reading.as_mut().poll(context) {
            // What no portal could have sent, and a source that fails, are silence.
            Poll::Ready(Ok(Some(text))) => {
                Poll::Ready(Answer::code(text.expose_secret()).map_or(Read::Nothing, Read::Code))
            }
            Poll::Ready(Ok(None) | Err(_)) => Poll::Ready(Read::Nothing),
            Poll::Pending => over.as_mut().poll(context),
        })
        .await
    }

    /// Returns when the login is not as it was any more, or at `until`.
    async fn asks_no_more(&self, uid: &MerchantUid, login: &Login, until: Timestamp) -> Read {
        let parts = &self.parts;
        let mut changes = parts.changes.subscribe(uid);
        loop {
            let now = parts.clock.now();
            if now >= until {
                return Read::Nothing;
            }
            // A database that is away for a moment ends no wait.
            if let Ok(stored) = parts.logins.get(&Tenant::All, login.id, None).await
                && stored.version != login.version
            {
                return Read::NotAsked;
            }
            changes.changed(until.min(now + LOOK)).await;
        }
    }
}

/// What came of asking a source.
enum Read {
    /// A code.
    Code(Answer),
    /// None came in time.
    Nothing,
    /// It is not wanted any more.
    NotAsked,
}

/// The code that the login waits for, if a source is to read it.
fn wanted_code(login: &Login) -> Option<&CodeChallenge> {
    match login.state.challenge() {
        Some(Challenge::Code(code))
            if login.state.is_awaiting()
                && login.origin == Origin::Automatic
                && login.code_source == Some(code.channel) =>
        {
            Some(code)
        }
        _ => None,
    }
}

/// Somebody else has answered or ended the login.
fn is_overtaken(code: Code) -> bool {
    matches!(
        code,
        Code::LoginNotAwaiting
            | Code::LoginFinished
            | Code::LoginExpired
            | Code::LoginNotFound
            | Code::Conflict
    )
}
