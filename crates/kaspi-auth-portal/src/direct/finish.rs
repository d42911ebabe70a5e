//! From the accepted login to the session: the walk, the merchant's data, the cookies. Repeatable: nothing that can be
//! sent only once is sent here.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::Finished;
use kaspi_auth_core::session::NewSession;
use kaspi_auth_core::{Code, Error};
use url::Url;

use super::Portal;
use super::continuation::{Trail, device_of_jar};
use super::walk::{Landing, Standing, is_authorize};
use crate::cabinet::Listed;
use crate::settings::HostRole;
use crate::visitor::Visitor;

impl Portal {
    pub(crate) async fn finish_login(
        &self,
        trail: &mut Trail,
        merchant: Option<&MerchantUid>,
    ) -> Result<Finished, Error> {
        if !trail.facts.entered {
            trail.facts.entered = self.follow_redirect(trail).await?;
        }
        let standing = if trail.facts.entered { Standing::Entered } else { Standing::Accepted };
        let listed = self.enter(&mut trail.visitor, standing).await.map_err(not_renewal)?;
        trail.facts.entered = true;
        self.settle(trail, &listed, merchant).await
    }

    /// The cabinet is open and lists these merchants: which of them, and what is known of it.
    pub(crate) async fn settle(
        &self,
        trail: &mut Trail,
        listed: &[Listed],
        merchant: Option<&MerchantUid>,
    ) -> Result<Finished, Error> {
        let is_listed = |uid: &MerchantUid| listed.iter().any(|item| item.uid == *uid);
        let chosen = trail.facts.chosen.as_ref();
        // The login host's choice may be of users, whose ids the cabinet does not list (CONTRACT, section 6): such a choice is
        // made and names no merchant.
        let named = merchant.filter(|uid| Some(*uid) != chosen || is_listed(uid));
        let item = match (named.or(chosen.filter(|uid| is_listed(uid))), listed) {
            (_, []) => return Err(Code::NoMerchants.into()),
            (Some(uid), _) => find(listed, uid)?,
            (None, [only]) => only,
            (None, _) => {
                let merchants = self.choices(&mut trail.visitor, listed).await;
                return Ok(Finished::SeveralMerchants { merchants, continuation: trail.write()? });
            }
        };
        self.canary.seen("walk", || trail.visitor.chain("walk"));
        let session = self.session(&mut trail.visitor, item).await;
        let device = device_of_jar(&trail.visitor.jar, &self.http);
        Ok(Finished::Session { session: Box::new(session), device })
    }

    /// The merchant's data and all cookies of the login.
    pub(super) async fn session(&self, visitor: &mut Visitor, item: &Listed) -> NewSession {
        let merchant = self.merchant(visitor, item).await;
        NewSession { cookies: visitor.jar.cookies(), merchant, authenticated_at: self.http.now() }
    }

    /// Follows the accepted login's `redirectUrl` where it leads into the cabinet, as F4 does. The other values lead to the
    /// site's shell and are not worth a request (F2, F3).
    async fn follow_redirect(&self, trail: &mut Trail) -> Result<bool, Error> {
        let Some(url) = trail.facts.redirect.take().and_then(|to| self.way_in(&to)) else {
            return Ok(false);
        };
        match self.walk(&mut trail.visitor, url).await {
            Ok(Landing::Cabinet) => Ok(true),
            Err(error) if error.code() == Code::PortalUnavailable => Err(error),
            // The kick-off is the other way in.
            Ok(Landing::Login { .. }) | Err(_) => Ok(false),
        }
    }

    /// The address that a `redirectUrl` means, if it leads into the cabinet at all: an authorization request of the login
    /// host, or anything of the cabinet host.
    fn way_in(&self, to: &str) -> Option<Url> {
        let url = self.http.origins.at(HostRole::Login, "/login").join(to).ok()?;
        let leads_in = match self.http.origins.role(&url)? {
            HostRole::Login => is_authorize(&url),
            HostRole::Cabinet => url.path().contains("/oauth2/"),
            HostRole::Site => false,
        };
        leads_in.then_some(url)
    }
}

/// The listed merchant of this uid.
pub(super) fn find<'a>(listed: &'a [Listed], uid: &MerchantUid) -> Result<&'a Listed, Error> {
    listed.iter().find(|item| item.uid == *uid).ok_or_else(|| Code::AccountMismatch.into())
}

/// A login that was just accepted and is forgotten has run out of the portal's time; nothing was there to renew.
fn not_renewal(error: Error) -> Error {
    match error.code() {
        Code::SsoExpired => Code::PortalLoginTimeout.into(),
        _ => error,
    }
}
