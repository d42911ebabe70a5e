//! The root fields that the cabinet's clients use, and what stands behind them (CONTRACT 4).
//! It must not show a merchant that is not the session's.

use super::{project::project, query::Field};
use crate::{
    account::{CITIES, Grant, MerchantSpec},
    cabinet::{catalogue, orders},
    world::World,
};
use serde_json::{Map, Value, json};

/// Resolves fields for one caller and gathers the errors.
pub(super) struct Resolver<'a> {
    world: &'a World,
    grant: &'a Grant,
    variables: &'a Map<String, Value>,
    pub(super) errors: Vec<String>,
}

impl<'a> Resolver<'a> {
    /// For one request.
    pub(super) fn new(world: &'a World, grant: &'a Grant, variables: &'a Map<String, Value>) -> Self {
        Self { world, grant, variables, errors: Vec::new() }
    }

    /// A root field's value; `None` for a field that does not exist.
    pub(super) fn root(&mut self, field: &Field, is_mutation: bool) -> Option<Value> {
        Some(match (field.name.as_str(), is_mutation) {
            ("merchant", false) => self.merchant(field),
            ("cities", false) => project(&cities(), &field.fields),
            ("session", false) => project(&self.session(field), &field.fields),
            ("schedule", false) => project(
                &json!({ "__typename": "Schedule", "weekdays": week(), "weekDays": week() }),
                &field.fields,
            ),
            ("tokenGenerate", true) => self.generate_token(field),
            ("__typename", _) => json!(if is_mutation { "Mutation" } else { "Query" }),
            _ => return None,
        })
    }

    /// The merchant that a field's arguments, or else the variables, name.
    fn named_merchant(&mut self, field: &Field) -> Option<&'a MerchantSpec> {
        let names = ["id", "uid", "merchantUid", "merchantId"];
        let uid = [&field.arguments, self.variables]
            .into_iter()
            .find_map(|arguments| names.into_iter().find_map(|name| text(arguments.get(name)?)));
        let merchant = uid.and_then(|uid| self.grant.merchant(&uid));
        if merchant.is_none() {
            self.errors.push("Access Denied".to_owned());
        }
        merchant
    }

    fn merchant(&mut self, field: &Field) -> Value {
        let Some(merchant) = self.named_merchant(field) else { return Value::Null };
        let whole = self.whole_merchant(merchant);
        if field.fields.is_empty() {
            return project(&whole, &[]);
        }
        let mut object = Map::new();
        for part in &field.fields {
            let value = match part.name.as_str() {
                "orders" => self.orders(part, &merchant.uid),
                "orderDetail" => self.order(part, &merchant.uid),
                name => whole.get(name).map_or(Value::Null, |value| project(value, &part.fields)),
            };
            object.insert(part.key().to_owned(), value);
        }
        Value::Object(object)
    }

    fn whole_merchant(&self, merchant: &MerchantSpec) -> Value {
        let uid = &merchant.uid;
        let points: Vec<Value> = merchant
            .points
            .iter()
            .map(|point| {
                json!({
                    "__typename": "Point",
                    "id": format!("{uid}_{}", point.name),
                    "name": point.name,
                    "enabled": point.enabled,
                    "virtual": false,
                    "type": "PICKUP_POINT",
                    "city": { "__typename": "City", "id": point.city.id, "name": point.city.name },
                    "address": {
                        "__typename": "Address",
                        "streetName": "улица Песочная",
                        "streetNumber": "1",
                        "building": Value::Null,
                        "phone": "+0(000)-000-00-00",
                        "name": point.name,
                    },
                    "schedule": { "__typename": "Schedule", "weekDays": week(), "weekdays": week() },
                })
            })
            .collect();
        let logo = merchant.logo.as_ref().map(|url| json!({ "__typename": "Image", "url": url }));
        let token = self.world.shops.tokens.lock().get(uid).cloned();
        json!({
            "__typename": "Merchant",
            "id": uid,
            "uid": uid,
            "name": merchant.name,
            "logo": logo,
            "points": points,
            "integration": { "__typename": "Integration", "token": token },
        })
    }

    fn session(&mut self, field: &Field) -> Value {
        let spec = &self.grant.account.spec;
        let name = spec.email.as_deref().or(spec.phone.as_deref()).unwrap_or_default();
        let inner = field.fields.iter().find(|inner| inner.name == "merchants");
        let wanted = inner.and_then(|inner| text(inner.arguments.get("id")?));
        let merchants: Vec<Value> = self
            .grant
            .merchants()
            .filter(|merchant| wanted.as_ref().is_none_or(|uid| *uid == merchant.uid))
            .map(|merchant| {
                json!({
                    "__typename": "SessionMerchant",
                    "uid": merchant.uid,
                    "id": merchant.uid,
                    "name": merchant.name,
                    "userName": name,
                    "master": true,
                })
            })
            .collect();
        json!({
            "__typename": "Session",
            "user": { "__typename": "User", "id": name, "name": name },
            "merchants": merchants,
        })
    }

    fn generate_token(&mut self, field: &Field) -> Value {
        let Some(merchant) = self.named_merchant(field) else { return Value::Null };
        let token = self.world.chance.token();
        self.world.shops.tokens.lock().insert(merchant.uid.clone(), token.clone());
        Value::String(token)
    }

    fn orders(&mut self, field: &Field, uid: &str) -> Value {
        let mut object = Map::new();
        for part in &field.fields {
            let value = match part.name.as_str() {
                "orders" => self.order_page(part, uid),
                "counts" => project(&orders::counts(), &part.fields),
                "__typename" => json!("MerchantOrders"),
                _ => Value::Null,
            };
            object.insert(part.key().to_owned(), value);
        }
        Value::Object(object)
    }

    fn order_page(&mut self, field: &Field, uid: &str) -> Value {
        let number = |name: &str| {
            let inputs = [&field.arguments, self.variables];
            inputs
                .into_iter()
                .find_map(|from| from.get(name).or_else(|| from.get("input")?.get(name))?.as_u64())
        };
        let word = |name: &str| {
            let inputs = [&field.arguments, self.variables];
            inputs
                .into_iter()
                .find_map(|from| text(from.get("input")?.get(name)?).or_else(|| text(from.get(name)?)))
                .filter(|word| !word.is_empty())
        };
        let size = number("size").unwrap_or(10);
        if size == 0 || size > self.world.knobs().cabinet.orders_size {
            self.errors.push("Bad Request".to_owned());
            return Value::Null;
        }
        let page = number("page").unwrap_or_default();
        let tab = word("presetFilter");
        project(
            &orders::page(self.world, uid, tab.as_deref(), word("orderCode").as_deref(), page, size),
            &field.fields,
        )
    }

    fn order(&mut self, field: &Field, uid: &str) -> Value {
        let names = ["code", "orderCode", "orderId"];
        let code = [&field.arguments, self.variables]
            .into_iter()
            .find_map(|from| names.into_iter().find_map(|name| text(from.get(name)?)));
        let order = code.and_then(|code| orders::find(self.world, uid, &code));
        order.map_or(Value::Null, |order| project(&order, &field.fields))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn cities() -> Value {
    CITIES.iter().map(|(id, name)| json!({ "__typename": "City", "id": id, "name": name })).collect()
}

fn week() -> Value {
    catalogue::WEEK
        .iter()
        .map(|day| {
            json!({ "__typename": "WeekDay", "dayOfWeek": day, "openingTime": "09:00", "closingTime": "18:00" })
        })
        .collect()
}
