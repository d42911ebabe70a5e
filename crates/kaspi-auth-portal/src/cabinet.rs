//! The cabinet's API (CONTRACT, section 4): who the session is, and what a merchant's shop is called and has.

pub(crate) mod gateway;
mod graphql;
mod probe;
mod renewed;

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::merchant::{Merchant, MerchantChoice};
use kaspi_auth_core::{Code, Error};
use reqwest::header::{self, HeaderName};
use serde_json::{Map, Value};

use crate::direct::Portal;
use crate::http::{Http, Request};
use crate::settings::HostRole;
use crate::visitor::Visitor;
use crate::wire::shape::{Shape, trouble};
use crate::wire::value::{first, first_text, label, uid};
use crate::wire::words::Words;

/// The most names that are looked up one by one for a choice.
const MOST_NAMES: usize = 20;
const AUTH_VERSION: HeaderName = HeaderName::from_static("x-auth-version");

/// A merchant as `/s/m` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) uid: MerchantUid,
    pub(crate) name: Option<String>,
}

/// The headers of a call of the cabinet's script.
pub(crate) fn cabinet_headers(http: &Http) -> Vec<(&'static str, String)> {
    let origins = &http.origins;
    vec![
        ("x-auth-version", "3".to_owned()),
        ("Accept", "application/json, text/plain, */*".to_owned()),
        ("Origin", origins.header(HostRole::Site)),
        ("Referer", origins.of(HostRole::Site).to_string()),
        ("User-Agent", http.user_agent.clone()),
    ]
}

impl Portal {
    /// A call of the cabinet's script; the client adds the user agent.
    fn as_script(&self, request: Request) -> Request {
        let origins = &self.http.origins;
        request
            .with(AUTH_VERSION, "3")
            .with(header::ACCEPT, "application/json, text/plain, */*")
            .with(header::ORIGIN, &origins.header(HostRole::Site))
            .with(header::REFERER, origins.of(HostRole::Site).as_str())
    }

    fn merchants_request(&self) -> Request {
        self.as_script(Request::get("merchants", self.http.origins.at(HostRole::Cabinet, "/s/m")))
    }

    /// The session's merchants; `None`: the cabinet does not know the session.
    ///
    /// # Errors
    /// `insufficient_permissions`: refused in JSON. Else what the answer is: an outage, a wall, a changed shape.
    pub(crate) async fn merchants(&self, visitor: &mut Visitor) -> Result<Option<Vec<Listed>>, Error> {
        let answer = self.http.exchange(visitor, self.merchants_request()).await?;
        let shape = Shape::of(&answer);
        let words = Words::without(&[]);
        match (answer.status, &shape) {
            (200, Shape::Object(body)) => {
                if let Some(listed) = listed(body) {
                    return Ok(Some(listed));
                }
            }
            (401, _) => return Ok(None),
            (301..=308, _) if answer.location.is_some() => return Ok(None),
            // Whether the portal says so is not known (CONTRACT, section 8, 8); a wall is HTML.
            (403, Shape::Object(body)) => {
                return Err(Error::of(Code::InsufficientPermissions).with_portal_message(words.of(body)));
            }
            _ => {}
        }
        Err(trouble(&answer, &shape, &words, self.http.now()))
    }

    /// All that is known of a listed merchant. The login does not fail for want of a name.
    pub(crate) async fn merchant(&self, visitor: &mut Visitor, item: &Listed) -> Merchant {
        let told = self.get_merchant(visitor, &item.uid).await.unwrap_or_default();
        Merchant {
            uid: item.uid.clone(),
            name: told.name.or_else(|| item.name.clone()),
            logo_url: told.logo_url,
            points: told.points,
        }
    }

    /// The listed merchants as choices. Names that the list lacks are asked for one by one, until that fails.
    pub(crate) async fn choices(&self, visitor: &mut Visitor, listed: &[Listed]) -> Vec<MerchantChoice> {
        let mut choices: Vec<MerchantChoice> = listed
            .iter()
            .map(|item| MerchantChoice { uid: item.uid.clone(), name: item.name.clone() })
            .collect();
        for choice in choices.iter_mut().filter(|choice| choice.name.is_none()).take(MOST_NAMES) {
            match self.get_name(visitor, &choice.uid).await {
                Some(name) => choice.name = Some(name),
                None => break,
            }
        }
        choices
    }
}

/// `{"merchants":[{"uid", "name"?}]}`; `None` for another shape. Ids may be numbers; an item may be the bare id.
pub(crate) fn listed(body: &Map<String, Value>) -> Option<Vec<Listed>> {
    let items = first(body, &["merchants"])?.as_array()?;
    items
        .iter()
        .map(|item| match item {
            Value::Object(object) => {
                let uid = first(object, &["uid", "merchantUid", "id"]).and_then(uid)?;
                let name = first_text(object, &["name"]).map(|name| label(&name));
                Some(Listed { uid, name: name.filter(|name| !name.is_empty()) })
            }
            bare => uid(bare).map(|uid| Listed { uid, name: None }),
        })
        .collect()
}

#[cfg(test)]
mod tests;
