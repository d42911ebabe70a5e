//! Silent signing in again: the login host still knows the account, so the walk alone opens the cabinet
//! (ARCHITECTURE, section 5, rung 1). No password, no code.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::session::{Cookie, NewSession};
use kaspi_auth_core::{Code, Error};

use super::Portal;
use super::finish::find;
use super::walk::Standing;
use crate::jar::Jar;
use crate::settings::HostRole;
use crate::visitor::Visitor;

impl Portal {
    pub(super) async fn renew_session(
        &self,
        cookies: &[Cookie],
        merchant: &MerchantUid,
    ) -> Result<NewSession, Error> {
        let origins = &self.http.origins;
        let mut visitor = Visitor::with(Jar::from_cookies(cookies, &origins.hosts()));
        if !visitor.jar.has_any_for(&origins.at(HostRole::Login, "/oauth2/authorize")) {
            return Err(Code::SsoExpired.into());
        }
        let listed = self.enter(&mut visitor, Standing::Remembered).await?;
        let item = find(&listed, merchant)?;
        Ok(self.session(&mut visitor, item).await)
    }
}
