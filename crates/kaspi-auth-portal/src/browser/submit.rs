//! The credentials go into the page and out of it, once. Up to the call that presses the last button a page that dies is replaced
//! by another; from that call on nothing is sent again, because nobody can tell whether it left.

use kaspi_auth_browser::FarmError;
use kaspi_auth_core::Error;
use kaspi_auth_core::account::{Account, Credentials};
use kaspi_auth_core::port::{At, Reply};
use secrecy::SecretString;
use tokio::time::Instant;

use super::BrowserEngine;
use super::acts;
use super::open::TRIES;
use super::page::{Page, Trouble};
use super::report::{Acted, Shows};
use super::seats::{Lent, Taken};
use super::trouble::{lost, not_found, nothing_held};
use super::verdict::{Verdict, Who};
use crate::recipe::Typing;
use crate::wire::refusal::Step;

impl BrowserEngine {
    pub(super) async fn submit_credentials(&self, at: At, credentials: &Credentials) -> Result<Reply, Error> {
        let until = Instant::now() + self.settings.hold;
        let mut lent = match self.seats.take(at.login, until).await {
            Taken::Page(lent) => lent,
            Taken::Again(start) => {
                let page = self.open_page(*start, None).await?;
                self.seats.lend(page, until).await
            }
            Taken::Nothing => return Err(nothing_held()),
        };
        for _ in 1..TRIES {
            match self.submit_once(&mut lent, credentials).await {
                Err(Trouble::Lost(error)) if !lent.page().sent && error.is_lost() => {
                    tracing::debug!(%error, "a browser was lost before the credentials left; another is taken");
                    let (start, shard) = (lent.page().start.clone(), lent.page().context.shard());
                    match self.open_page(start, Some(shard)).await {
                        Ok(page) => lent.replace(page),
                        Err(error) => {
                            lent.end();
                            return Err(error);
                        }
                    }
                }
                result => return self.reply(lent, result).await,
            }
        }
        let result = self.submit_once(&mut lent, credentials).await;
        self.reply(lent, result).await
    }

    async fn submit_once(&self, lent: &mut Lent, credentials: &Credentials) -> Result<Verdict, Trouble> {
        let page = lent.page();
        let deadline = Instant::now() + self.settings.step_timeout;
        page.catch_up()?;
        if page.shows == Shows::Captcha {
            // A person passes it first; all that can be done without pressing the last button is done for them.
            let prepared = page.type_credentials(credentials, deadline, false).await;
            if let Err(Trouble::Lost(error)) = prepared {
                return Err(error.into());
            }
            page.pending = Some(credentials.clone());
            return Ok(Verdict::Person { captcha: true });
        }
        self.send(page, credentials, deadline).await
    }

    /// Types, sends, and waits for what comes of it.
    pub(super) async fn send(
        &self,
        page: &mut Page,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Verdict, Trouble> {
        if let Some(verdict) = page.type_credentials(credentials, deadline, true).await? {
            page.pending = Some(credentials.clone());
            return Ok(verdict);
        }
        page.pending = None;
        let verdict = page.verdict(step_of(credentials), Who::Engine, self.settings.grace, deadline).await?;
        verdict.ok_or_else(|| Error::of(kaspi_auth_core::Code::PortalChanged).into())
    }
}

/// The step that sends these credentials.
pub(super) fn step_of(credentials: &Credentials) -> Step {
    match credentials.secret() {
        Some(_) => Step::Password,
        None => Step::Phone,
    }
}

impl Page {
    /// Types the credentials and, with `send`, presses the last button. `Some`: a captcha came up before anything was sent.
    pub(super) async fn type_credentials(
        &mut self,
        credentials: &Credentials,
        deadline: Instant,
        send: bool,
    ) -> Result<Option<Verdict>, Trouble> {
        let account = credentials.account();
        match credentials.secret() {
            Some(password) => self.type_password(account, password, deadline, send).await,
            None => self.type_phone(account, deadline, send).await,
        }
    }

    async fn type_password(
        &mut self,
        account: &Account,
        password: &SecretString,
        deadline: Instant,
        send: bool,
    ) -> Result<Option<Verdict>, Trouble> {
        let address = SecretString::from(account.portal_form());
        let is_value = self.recipe.typing() == Typing::Value;
        let acted = if is_value {
            let acts =
                vec![acts::tab("email_tab", "email"), acts::fill("email", &address), acts::next("password")];
            self.act("e-mail", acts, deadline).await?
        } else {
            let acts = vec![acts::tab("email_tab", "email"), acts::focus("email")];
            self.act("e-mail", acts, deadline).await.map_err(Trouble::Lost).and_then(|acted| done(&acted))?;
            self.type_text(&address).await?;
            self.go_on_acting("e-mail", vec![acts::settled("email"), acts::next("password")], deadline)
                .await?
        };
        if let Some(verdict) = self.until_password(acted, deadline).await? {
            return Ok(Some(verdict));
        }
        self.typed.push(password.clone());
        let mut last = vec![acts::tick("remember")];
        if send {
            last.push(acts::click("submit"));
        }
        let acted = if is_value {
            last.insert(0, acts::fill("password", password));
            self.leaves_now(send)?;
            self.act("password", last, deadline).await?
        } else {
            self.act("password", vec![acts::focus("password")], deadline)
                .await
                .map_err(Trouble::Lost)
                .and_then(|acted| done(&acted))?;
            // Keys may send by themselves.
            self.leaves_now(send)?;
            self.type_text(password).await?;
            last.insert(0, acts::settled("password"));
            self.go_on_acting("password", last, deadline).await?
        };
        done(&acted).map(|()| None)
    }

    /// After the e-mail: the password's field, however long the page takes for it.
    async fn until_password(
        &mut self,
        mut acted: Acted,
        deadline: Instant,
    ) -> Result<Option<Verdict>, Trouble> {
        while !acted.ok {
            match (acted.fail.as_str(), acted.element.as_deref()) {
                ("captcha", _) => return Ok(Some(Verdict::Person { captcha: true })),
                ("missing", Some("password")) if Instant::now() < deadline && self.shows == Shows::Form => {
                    acted = self.go_on_acting("e-mail", vec![acts::wait("password")], deadline).await?;
                }
                _ => return Err(self.stopped(Step::Password, &acted)),
            }
        }
        Ok(None)
    }

    async fn type_phone(
        &mut self,
        account: &Account,
        deadline: Instant,
        send: bool,
    ) -> Result<Option<Verdict>, Trouble> {
        let open = acts::tab("phone_tab", "phone");
        self.typed.push(SecretString::from(acts::digits(account)));
        let mut acted = if self.recipe.typing() == Typing::Value {
            self.act("phone", vec![open, acts::fill_phone(account)], deadline).await?
        } else {
            let acts = vec![open, acts::focus("phone")];
            self.act("phone", acts, deadline).await.map_err(Trouble::Lost).and_then(|acted| done(&acted))?;
            self.type_text(&SecretString::from(acts::digits(account))).await?;
            self.go_on_acting("phone", vec![acts::settled("phone")], deadline).await?
        };
        // A call of its own: up to here a page that turns out to be dead has sent nothing.
        if acted.ok && send {
            self.leaves_now(send)?;
            acted = self.go_on_acting("phone", vec![acts::click("submit")], deadline).await?;
        }
        if acted.fail == "captcha" {
            return Ok(Some(Verdict::Person { captcha: true }));
        }
        done(&acted).map(|()| None)
    }

    /// From here on nobody can tell whether the credentials have left. A page that is known to be dead has sent nothing.
    fn leaves_now(&mut self, send: bool) -> Result<(), FarmError> {
        self.catch_up()?;
        self.sent |= send;
        Ok(())
    }

    /// Acts that stopped because the page shows something else.
    pub(super) fn stopped(&self, step: Step, acted: &Acted) -> Trouble {
        match self.shown_instead(step, acted) {
            Some(error) => error.into(),
            None => told(acted),
        }
    }
}

/// Acts that did not go through, where the page has not what the recipe names.
pub(super) fn done(acted: &Acted) -> Result<(), Trouble> {
    if acted.ok { Ok(()) } else { Err(told(acted)) }
}

fn told(acted: &Acted) -> Trouble {
    use kaspi_auth_core::Code;
    Trouble::Told(match acted.fail.as_str() {
        "wall" => Error::of(Code::PortalBlocked),
        "down" => Error::of(Code::PortalUnavailable),
        fail => not_found(acted.element.as_deref().unwrap_or("an element"), fail),
    })
}

/// Lost for good.
pub(super) fn as_error(trouble: Trouble) -> Error {
    match trouble {
        Trouble::Lost(error) => lost(error),
        Trouble::Told(error) => error,
    }
}
