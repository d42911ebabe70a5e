//! Verdicts as replies of the port, and what becomes of the page then: kept for a person, kept for the finish, or done with.

use std::time::Duration;

use kaspi_auth_core::Error;
use kaspi_auth_core::login::Channel;
use kaspi_auth_core::port::Reply;
use tokio::time::Instant;

use super::BrowserEngine;
use super::open::held;
use super::page::Trouble;
use super::proof;
use super::seats::Lent;
use super::submit::as_error;
use super::verdict::Verdict;
use crate::direct::submit::masked;
use crate::wire::su::Asked;

/// How long the page of an accepted login is kept, in case the walk over HTTP is refused.
const KEPT_FOR_FINISH: Duration = Duration::from_mins(1);

impl BrowserEngine {
    pub(super) async fn reply(
        &self,
        mut lent: Lent,
        result: Result<Verdict, Trouble>,
    ) -> Result<Reply, Error> {
        let verdict = match result {
            Ok(verdict) => verdict,
            Err(trouble) => return Err(self.failed(lent, trouble).await),
        };
        let until = Instant::now() + self.settings.hold;
        let page = lent.page();
        let reply = match verdict {
            Verdict::Accepted(redirect) => {
                page.facts.accepted = true;
                page.facts.redirect = redirect;
                let written = match page.trail().await {
                    Ok(trail) => trail.write(),
                    Err(error) => return Err(self.failed(lent, error.into()).await),
                };
                let until = Instant::now() + KEPT_FOR_FINISH;
                page.context.hold(until);
                lent.keep(until);
                return written.map(Reply::Accepted);
            }
            Verdict::CodeSent(channel, told) => {
                page.facts.channel = Some(channel);
                let account = &page.start.account;
                let told =
                    if told.is_empty() || !is_address(&told, channel) { account.portal_form() } else { told };
                let destination_masked = masked(&told, channel, account);
                Reply::CodeSent { channel, destination_masked, continuation: held() }
            }
            Verdict::Choose(asked) => {
                let merchants = asked.iter().map(Asked::choice).collect();
                page.facts.asked = asked;
                Reply::MerchantAsked { merchants, continuation: held() }
            }
            Verdict::Rejected(error) => Reply::Rejected { error, continuation: held() },
            Verdict::Person { captcha } => {
                proof::keep(page, None, Some(if captcha { "captcha" } else { "" })).await;
                let instruction = if captcha {
                    "Pass the check that the portal shows on its login page; the login then goes on by itself."
                } else {
                    "The portal shows a page that is not known. Go on in it by hand; the login then goes on by itself."
                };
                Reply::PersonAsked { captcha, instruction: instruction.to_owned(), continuation: held() }
            }
        };
        page.context.hold(until);
        lent.keep(until);
        Ok(reply)
    }

    /// The login is over: keeps evidence and lets the page go.
    pub(super) async fn failed(&self, mut lent: Lent, trouble: Trouble) -> Error {
        let is_alive = matches!(trouble, Trouble::Told(_));
        let error = as_error(trouble);
        proof::keep_of(lent.page(), Some(error.code()), None, is_alive).await;
        lent.end();
        error
    }
}

/// Whether the portal's words are the address alone, as its answers give it, and not a sentence of its page.
fn is_address(told: &str, channel: Channel) -> bool {
    match channel {
        Channel::Email => told.contains('@') && !told.contains(' '),
        Channel::Sms => told.chars().all(|c| c.is_ascii_digit() || "+()-* ".contains(c)),
    }
}
