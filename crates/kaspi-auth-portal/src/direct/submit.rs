//! The credentials go out, once, and the login endpoint's answer becomes a reply (CONTRACT, 3.2 and 3.3).

use kaspi_auth_core::Error;
use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::login::Channel;
use kaspi_auth_core::port::Reply;
use reqwest::header;
use secrecy::ExposeSecret as _;

use super::Portal;
use super::continuation::Trail;
use super::walk::Landing;
use crate::http::Request;
use crate::settings::HostRole;
use crate::wire::login::{self, Said};
use crate::wire::refusal::Step;
use crate::wire::request;
use crate::wire::words::Words;

impl Portal {
    pub(super) async fn submit_credentials(
        &self,
        trail: &mut Trail,
        credentials: &Credentials,
    ) -> Result<Reply, Error> {
        let account = credentials.account();
        let Some(password) = credentials.secret() else {
            let said = self.post_phone(trail, account).await?;
            return reply(trail, said, account);
        };
        let body = request::password(account, password);
        let secrets = [password.expose_secret()];
        let said = self.post(trail, Step::Password, "password", body, account, &secrets).await?;
        reply(trail, said, account)
    }

    /// Posts a phone. A portal that says only `FAILED` may want the cookie of an authorization request first (F1 starts
    /// there): it gets one and is asked once more, since no code was sent.
    pub(super) async fn post_phone(&self, trail: &mut Trail, account: &Account) -> Result<Said, Error> {
        let said = self.post(trail, Step::Phone, "phone", request::phone(account), account, &[]).await?;
        let Said::Unspecific(refused) = said else { return Ok(said) };
        match self.walk(&mut trail.visitor, self.kick_off()).await {
            Ok(Landing::Login { .. }) => {}
            _ => return Err(refused),
        }
        match self.post(trail, Step::Phone, "phone again", request::phone(account), account, &[]).await? {
            Said::Unspecific(refused) => Err(refused),
            said => Ok(said),
        }
    }

    /// Posts a body to the login endpoint, once.
    pub(super) async fn post(
        &self,
        trail: &mut Trail,
        step: Step,
        name: &'static str,
        body: Vec<u8>,
        account: &Account,
        secrets: &[&str],
    ) -> Result<Said, Error> {
        let request = self.login_api(name, "/api/p/login", body);
        let answer = self.http.exchange(&mut trail.visitor, request).await?;
        // What the portal says is kept and shown in clear: not even the account may stand in it.
        let account = account.portal_form();
        let secrets: Vec<&str> = secrets.iter().copied().chain([account.as_str()]).collect();
        let said = login::read(&answer, step, &Words::without(&secrets), self.http.now());
        self.canary.answered(step, &answer, &said);
        said
    }

    /// A call of the login page's script.
    pub(super) fn login_api(&self, step: &'static str, path: &str, body: Vec<u8>) -> Request {
        let origins = &self.http.origins;
        Request::post(step, origins.at(HostRole::Login, path), body)
            .with(header::ACCEPT, "application/json, text/plain, */*")
            .with(header::ORIGIN, &origins.header(HostRole::Login))
            .with(header::REFERER, origins.at(HostRole::Login, "/login").as_str())
    }
}

/// What the portal said, as the rules know it.
pub(crate) fn reply(trail: &mut Trail, said: Said, account: &Account) -> Result<Reply, Error> {
    let (channel, told) = match said {
        Said::Redirect(to) => {
            trail.facts.accepted = true;
            trail.facts.redirect = Some(to);
            return Ok(Reply::Accepted(trail.write()?));
        }
        Said::Choose(asked) => {
            let merchants = asked.iter().map(crate::wire::su::Asked::choice).collect();
            trail.facts.asked = asked;
            return Ok(Reply::MerchantAsked { merchants, continuation: trail.write()? });
        }
        Said::Rejected(error) => return Ok(Reply::Rejected { error, continuation: trail.write()? }),
        Said::Unspecific(error) => return Err(error),
        Said::MailedCode(address) => (Channel::Email, address),
        Said::SentSms(phone) => (Channel::Sms, phone),
    };
    trail.facts.channel = Some(channel);
    trail.facts.mailed_to =
        (channel == Channel::Email && told != account.portal_form() && told.contains('@'))
            .then(|| told.clone());
    Ok(Reply::CodeSent {
        channel,
        destination_masked: masked(&told, channel, account),
        continuation: trail.write()?,
    })
}

/// The portal's own starred text, and ours where it stars nothing or shows the whole account beside the star.
pub(crate) fn masked(told: &str, channel: Channel, account: &Account) -> String {
    if told.contains('*') && !told.contains(&account.portal_form()) {
        return told.to_owned();
    }
    let told_account = match channel {
        Channel::Email => Account::email(told),
        Channel::Sms => Account::phone(told),
    };
    told_account.as_ref().unwrap_or(account).masked()
}
