//! The OAuth2 walk from the cabinet's kick-off over the login host to the callback, by hand (CONTRACT, 3.4, "Chain when
//! SSO is alive"). It stays within the portal's origins, and the site's static shell is not fetched: it proves nothing.

use kaspi_auth_core::{Code, Error};
use reqwest::header;
use url::Url;

use super::Portal;
use super::open::as_visit;
use crate::cabinet::Listed;
use crate::http::{Answer, Request};
use crate::settings::HostRole;
use crate::visitor::Visitor;
use crate::wire::shape::{Page, Shape, trouble};
use crate::wire::words::Words;

/// Where a walk ends.
pub(super) enum Landing {
    /// Through the callback, or at the site: `/s/m` tells whether that opened the cabinet.
    Cabinet,
    /// At the login page: the login host knows nobody.
    Login {
        /// The authorization request that led there.
        authorize: Option<Url>,
    },
}

/// How an account stands when the cabinet is to be entered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The login host let it in a moment ago.
    Accepted,
    /// The cabinet was entered a moment ago.
    Entered,
    /// The login host may remember it from before.
    Remembered,
}

impl Portal {
    /// The start of a walk.
    pub(super) fn kick_off(&self) -> Url {
        self.http.origins.at(HostRole::Cabinet, "/oauth2/authorization/1")
    }

    /// Follows redirects from `start`.
    ///
    /// # Errors
    /// `portal_changed`: more hops than any known walk has, a stranger's address, an answer that is no step of the walk.
    /// Else what the answer is: an outage, a wall.
    pub(super) async fn walk(&self, visitor: &mut Visitor, start: Url) -> Result<Landing, Error> {
        let (mut url, mut authorize, mut through) = (start, None, false);
        for _ in 0..self.http.hop_limit {
            let role = match self.http.origins.role(&url) {
                Some(HostRole::Site) => return Ok(Landing::Cabinet),
                Some(role) => role,
                // Past the callback the way is done, wherever it leads on to.
                None if through => return Ok(Landing::Cabinet),
                None => return Err(stranger()),
            };
            if url.path().trim_end_matches('/') == "/login" {
                return Ok(Landing::Login { authorize });
            }
            if role == HostRole::Login && is_authorize(&url) {
                authorize = Some(url.clone());
            }
            let is_callback = url.path().starts_with("/login/oauth2/code/");
            let answer = self.http.exchange(visitor, self.hop(url)).await?;
            through |= is_callback;
            url = match (&answer.location, answer.status) {
                (Some(to), _) => to.clone(),
                // A refused callback too: the cabinet may want a cookie that only `/s/m` sets (CONTRACT, 3.1).
                (None, 200..=299 | 400 | 401) if is_callback => return Ok(Landing::Cabinet),
                (None, _) => return self.dead_end(&answer, authorize),
            };
        }
        Err(Error::new(Code::PortalChanged, "The portal redirects without end. An operator must look at it."))
    }

    fn hop(&self, url: Url) -> Request {
        let site = self.http.origins.of(HostRole::Site).as_str();
        as_visit(Request::get("walk", url)).with(header::REFERER, site)
    }

    fn dead_end(&self, answer: &Answer, authorize: Option<Url>) -> Result<Landing, Error> {
        let shape = Shape::of(answer);
        match shape {
            // The login page in place of a redirect to it.
            Shape::Html(Page { login: true, .. }) if matches!(answer.status, 200 | 401) => {
                Ok(Landing::Login { authorize })
            }
            _ => Err(trouble(answer, &shape, &Words::without(&[]), self.http.now())),
        }
    }

    /// Enters the cabinet and lists the account's merchants.
    ///
    /// A cabinet may refuse its first visitor and only then set the cookie that it wants (CONTRACT, 3.5, 5): one more
    /// walk is made for that.
    ///
    /// # Errors
    /// `sso_expired`: the login host knows nobody. `kaspi_auth_error`: the cabinet stays closed. Else as
    /// [`walk`](Self::walk) and [`merchants`](Self::merchants).
    pub(super) async fn enter(
        &self,
        visitor: &mut Visitor,
        standing: Standing,
    ) -> Result<Vec<Listed>, Error> {
        for round in 0..2 {
            if standing != Standing::Entered || round > 0 {
                match self.walk(visitor, self.kick_off()).await? {
                    Landing::Cabinet => {}
                    Landing::Login { .. } if standing == Standing::Remembered => {
                        return Err(Code::SsoExpired.into());
                    }
                    Landing::Login { authorize } => self.continue_saved(visitor, authorize).await?,
                }
            }
            if let Some(merchants) = self.merchants(visitor).await? {
                return Ok(merchants);
            }
        }
        let detail = "The login host lets the account in, but the cabinet stays closed. Try again; if it stays so, an \
                      operator must look at it.";
        Err(Error::new(Code::KaspiAuthError, detail))
    }

    /// The login host asks an account to sign in that it has just let in: F1 goes on with the saved request's mark.
    async fn continue_saved(&self, visitor: &mut Visitor, authorize: Option<Url>) -> Result<(), Error> {
        let mut url = authorize.ok_or(Code::SsoExpired)?;
        let query = match url.query() {
            Some(query) if query.split('&').any(|part| part == "continue") => {
                return Err(Code::SsoExpired.into());
            }
            Some(query) => format!("{query}&continue"),
            None => "continue".to_owned(),
        };
        url.set_query(Some(&query));
        match self.walk(visitor, url).await? {
            Landing::Cabinet => Ok(()),
            Landing::Login { .. } => Err(Code::SsoExpired.into()),
        }
    }
}

fn stranger() -> Error {
    let detail = "The portal redirects to a host that is not its own; it was not followed. An operator must look at it.";
    Error::new(Code::PortalChanged, detail)
}

/// Whether an address of the login host is an authorization request.
pub(super) fn is_authorize(url: &Url) -> bool {
    url.path().starts_with("/oauth2/authorize")
}
