//! A caller's answer goes out, once; and the wish for another code. Never a password: sending it again would send
//! another code and run into the portal's flood limit (CONTRACT, 3.6).

use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::{Answer, Channel, Continuation};
use kaspi_auth_core::port::Reply;
use kaspi_auth_core::{Code, Error};
use secrecy::{ExposeSecret as _, SecretString};

use super::Portal;
use super::continuation::Trail;
use super::submit::reply;
use crate::wire::login::{self, Said};
use crate::wire::refusal::Step;
use crate::wire::request;
use crate::wire::words::Words;

impl Portal {
    pub(super) async fn submit_answer(
        &self,
        trail: &mut Trail,
        credentials: &Credentials,
        answer: &Answer,
    ) -> Result<Reply, Error> {
        let account = credentials.account();
        let said = match answer {
            Answer::Code(code) => self.post_code(trail, account, code).await?,
            Answer::Merchant(uid) => self.post_choice(trail, account, uid).await?,
        };
        reply(trail, said, account)
    }

    async fn post_code(
        &self,
        trail: &mut Trail,
        account: &Account,
        code: &SecretString,
    ) -> Result<Said, Error> {
        let secrets = [code.expose_secret()];
        if channel(trail, account) == Channel::Sms {
            return self.post(trail, Step::Code, "code", request::sms_code(code), account, &secrets).await;
        }
        let body = request::mailed_code(&account.portal_form(), code);
        let said = self.post(trail, Step::Code, "code", body, account, &secrets).await?;
        // `FAILED` is no verdict on a mailed code (CONTRACT, 3.6): the portal could not place it, and is told the name that
        // it gave itself.
        let misplaced = matches!(&said, Said::Rejected(error)
            if error.portal_message.as_deref().is_some_and(|words| words.starts_with("FAILED")));
        match trail.facts.mailed_to.clone().filter(|_| misplaced) {
            Some(user) => {
                let body = request::mailed_code(&user, code);
                self.post(trail, Step::Code, "code again", body, account, &secrets).await
            }
            None => Ok(said),
        }
    }

    async fn post_choice(
        &self,
        trail: &mut Trail,
        account: &Account,
        uid: &MerchantUid,
    ) -> Result<Said, Error> {
        let asked = trail.facts.asked.iter().find(|asked| asked.uid == *uid).cloned();
        let asked = asked.ok_or(Code::MerchantNotListed)?;
        trail.facts.chosen = Some(uid.clone());
        let body = request::choice(&asked.merchant, &asked.user);
        self.post(trail, Step::Choice, "choice", body, account, &[]).await
    }

    /// Another code: by mail through the endpoint of its own, by SMS with the phone again (CONTRACT, 3.4 and 3.6).
    pub(super) async fn ask_for_code(
        &self,
        trail: &mut Trail,
        credentials: &Credentials,
    ) -> Result<Continuation, Error> {
        let account = credentials.account();
        if let (Channel::Sms, Account::Phone(_)) = (channel(trail, account), account) {
            return match self.post_phone(trail, account).await? {
                Said::SentSms(_) | Said::MailedCode(_) => trail.write(),
                _ => Err(Error::of(Code::PortalChanged)),
            };
        }
        let call = self.login_api("resend", "/api/p/mfa/send", request::resend(account));
        let answer = self.http.exchange(&mut trail.visitor, call).await?;
        login::read_resent(&answer, &Words::without(&[&account.portal_form()]), self.http.now())?;
        trail.write()
    }
}

/// Where the last code went; by the account's kind where the portal did not say.
fn channel(trail: &Trail, account: &Account) -> Channel {
    trail.facts.channel.unwrap_or(match account {
        Account::Email(_) => Channel::Email,
        Account::Phone(_) => Channel::Sms,
    })
}
