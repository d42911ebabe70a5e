//! Looks whether a session is alive and whose it is, by `/s/m` (CONTRACT, section 5, "Liveness probes").
//! Three-valued: only a clear word of the cabinet is a verdict; a wall, an outage or an unknown shape says nothing.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::session::{Cookie, Probe, Validity};
use reqwest::StatusCode;
use url::Url;

use super::listed;
use super::renewed::Renewed;
use crate::direct::Portal;
use crate::http::Answer;
use crate::jar::Jar;
use crate::settings::HostRole;
use crate::visitor::Visitor;
use crate::wire::shape::{Page, Shape};

impl Portal {
    pub(crate) async fn probe_session(&self, cookies: &[Cookie], merchant: &MerchantUid) -> Probe {
        let before = Jar::from_cookies(cookies, &self.http.origins.hosts());
        let mut visitor = Visitor::with(before.clone());
        let ((validity, reason), retry_at) =
            match self.http.exchange(&mut visitor, self.merchants_request()).await {
                Ok(answer) => (self.verdict(&answer, merchant), answer.retry_at(self.http.now())),
                Err(error) => ((Validity::Unknown, error.detail().to_owned()), error.retry_at()),
            };
        let retry_at = retry_at.filter(|_| validity == Validity::Unknown);
        let Renewed { cookies: now, replaced } = Renewed::between(&before, &visitor.jar, &self.http.origins);
        let renewed = now.is_some();
        // Whoever is not let in is given no session.
        let replaced = replaced && validity != Validity::Dead;
        let cookies = now.unwrap_or_else(|| cookies.to_vec());
        Probe { validity, reason, cookies, renewed, replaced, retry_at }
    }

    fn verdict(&self, answer: &Answer, merchant: &MerchantUid) -> (Validity, String) {
        let dead = |why: &str| (Validity::Dead, why.to_owned());
        let unknown = |why: &str| (Validity::Unknown, format!("{why} (status {})", answer.status));
        match (answer.status, Shape::of(answer)) {
            (200, Shape::Object(body)) => match listed(&body) {
                Some(listed) if listed.iter().any(|item| item.uid == *merchant) => {
                    (Validity::Alive, "The cabinet lists the merchant.".to_owned())
                }
                Some(_) => dead("The session opens the cabinet of another merchant."),
                None => unknown("The cabinet's list of merchants has an unknown shape"),
            },
            (200, Shape::Html(Page { login: true, .. })) => dead("The cabinet shows the login page."),
            (401, _) => dead("The cabinet does not know the session."),
            (301..=308, _) if answer.location.as_ref().is_some_and(|to| self.asks_to_sign_in(to)) => {
                dead("The cabinet asks to sign in.")
            }
            // Clients take this for a 401 (CONTRACT, section 5); a wall is a page.
            (403, Shape::Object(_) | Shape::Empty) => dead("The cabinet refuses the session."),
            (403 | 429, _) | (_, Shape::Html(Page { wall: true, .. })) => unknown("The portal keeps us out"),
            (500..=599, _) => unknown("The portal has an outage"),
            (status, _) if StatusCode::from_u16(status).is_ok_and(|s| s.is_redirection()) => {
                unknown("The cabinet redirects to an unknown place")
            }
            _ => unknown("The cabinet answered in an unknown shape"),
        }
    }

    /// Whether an address is the way to sign in.
    pub(super) fn asks_to_sign_in(&self, to: &Url) -> bool {
        match self.http.origins.role(to) {
            Some(HostRole::Login) => true,
            Some(_) => {
                // The old addresses too, with the shell's own way to the form (CONTRACT, section 1).
                to.path().contains("/oauth2/authorization")
                    || to.path().trim_end_matches('/').ends_with("/login")
                    || to.fragment().is_some_and(|way| way.trim_start_matches('/').starts_with("login"))
            }
            None => false,
        }
    }
}
