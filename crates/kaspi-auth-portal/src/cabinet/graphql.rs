//! `getMerchant` over the GraphQL facade (CONTRACT, section 4): name, logo and points of a merchant.
//! Best effort: what cannot be read is left out, and a failure is nobody's error.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::merchant::{Point, Points};
use serde_json::{Map, Value, json};

use crate::direct::Portal;
use crate::http::Request;
use crate::settings::HostRole;
use crate::visitor::Visitor;
use crate::wire::shape::Shape;
use crate::wire::value::{first, first_text, label};

const FULL: &str = "query getMerchant($id: String!){ merchant(id:$id){ id name logo{url} \
                    points{ id name enabled virtual type city{id name} } } }";
const SMALL: &str = "query getMerchant($id: String!){ merchant(id:$id){ id name logo{url} } }";

/// More points than any shop has; a longer list is cut.
const MOST_POINTS: usize = 5_000;

/// What `getMerchant` told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) name: Option<String>,
    pub(crate) logo_url: Option<String>,
    pub(crate) points: Points,
}

impl Portal {
    /// Name, logo and points in one call; without the points where the facade does not take the larger query.
    pub(super) async fn get_merchant(&self, visitor: &mut Visitor, uid: &MerchantUid) -> Option<Told> {
        match self.ask(visitor, uid, FULL).await? {
            Some(told) if told.name.is_some() => Some(told),
            _ => self.ask(visitor, uid, SMALL).await?,
        }
    }

    /// The name alone.
    pub(super) async fn get_name(&self, visitor: &mut Visitor, uid: &MerchantUid) -> Option<String> {
        self.ask(visitor, uid, SMALL).await??.name
    }

    /// Outer `None`: no use asking again. Inner `None`: the facade answered, but not this query.
    async fn ask(&self, visitor: &mut Visitor, uid: &MerchantUid, query: &str) -> Option<Option<Told>> {
        let url = self.http.origins.at(HostRole::Cabinet, "/mc/facade/graphql?opName=getMerchant");
        let body = json!({"operationName": "getMerchant", "variables": {"id": uid.as_str()}, "query": query});
        let request = self.as_script(Request::post("merchant data", url, body.to_string().into_bytes()));
        let answer = self.http.exchange(visitor, request).await.ok()?;
        match (answer.status, Shape::of(&answer)) {
            (200 | 400 | 422, Shape::Object(body)) => Some(told(&body)),
            _ => None,
        }
    }
}

/// Reads `{"data":{"merchant":{…}}}`. GraphQL may answer with errors and part of the data; the part counts.
pub(super) fn told(body: &Map<String, Value>) -> Option<Told> {
    let merchant = first(body, &["data"])?.as_object()?.get("merchant")?.as_object()?;
    let name = first_text(merchant, &["name"]).map(|name| label(&name));
    let logo = first(merchant, &["logo"]).and_then(Value::as_object);
    let points = merchant.get("points").and_then(Value::as_array);
    Some(Told {
        name: name.filter(|name| !name.is_empty()),
        logo_url: logo.and_then(|logo| first_text(logo, &["url"])).filter(|url| url.len() <= 2_048),
        points: points
            .into_iter()
            .flatten()
            .take(MOST_POINTS)
            .filter_map(|point| named_point(point.as_object()?))
            .collect(),
    })
}

/// A point under its name (`PP1`), or, where that is missing, under its id.
fn named_point(point: &Map<String, Value>) -> Option<(String, Point)> {
    let name = label(&first_text(point, &["name", "id"])?);
    let city = first(point, &["city"]).and_then(Value::as_object);
    let of_city = |key| city.and_then(|city| first_text(city, &[key]));
    let enabled = point.get("enabled").and_then(Value::as_bool).unwrap_or(false);
    let point = Point { city_id: of_city("id"), city_name: of_city("name"), enabled };
    (!name.is_empty()).then_some((name, point))
}
