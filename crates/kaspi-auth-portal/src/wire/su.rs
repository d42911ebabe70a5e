//! Reads `su`, the choice that the login host may ask for (CONTRACT, 3.3). Its shape is not known, so every plausible one
//! is taken: lists and maps of merchants, of users, of users with merchants, with ids in several spellings.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::merchant::MerchantChoice;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::value::{first, first_text, label, text, uid};

/// No account chooses among more; a longer list is cut.
const MOST: usize = 200;
const DEEPEST: u8 = 3;

/// One thing to choose, with all that the answer needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// What callers see and name.
    pub(crate) uid: MerchantUid,
    pub(crate) name: Option<String>,
    /// What goes into `_s_m`.
    pub(crate) merchant: String,
    /// What goes into `_s_u`.
    pub(crate) user: String,
}

impl Asked {
    pub(crate) fn choice(&self) -> MerchantChoice {
        MerchantChoice { uid: self.uid.clone(), name: self.name.clone() }
    }
}

/// Everything that can be chosen; `None` when nothing in there looks like a choice.
pub(crate) fn read(su: &Value) -> Option<Vec<Asked>> {
    let mut found: Vec<Asked> = Vec::new();
    for asked in list(su, None, DEEPEST) {
        if found.len() < MOST && found.iter().all(|known| known.uid != asked.uid) {
            found.push(asked);
        }
    }
    (!found.is_empty()).then_some(found)
}

const MERCHANTS: &[&str] = &["merchants", "merchantList", "shops", "stores"];
const USERS: &[&str] = &["users", "userList", "accounts"];
const LISTS: &[&str] = &["items", "list", "data", "content", "options", "values", "su"];
const MERCHANT_IDS: &[&str] = &["merchantUid", "merchantId", "merchantCode", "mUid", "mId", "shopId"];
const USER_IDS: &[&str] = &["userUid", "userId"];
const IDS: &[&str] = &["uid", "id", "code", "key", "value", "guid", "uuid"];
const NAMES: &[&str] = &[
    "name",
    "shopName",
    "merchantName",
    "title",
    "displayName",
    "storeName",
    "brandName",
    "companyName",
    "label",
    "text",
    "fullName",
    "userName",
];

fn list(value: &Value, user: Option<&str>, depth: u8) -> Vec<Asked> {
    if depth == 0 {
        return Vec::new();
    }
    match value {
        Value::Array(items) => items.iter().flat_map(|item| one(item, None, user, depth)).collect(),
        Value::Object(object) => {
            let users = first(object, USERS).map(|users| list(users, user, depth - 1)).unwrap_or_default();
            if let Some(merchants) = first(object, MERCHANTS) {
                // Merchants and users side by side: one user has them all; of several, which has which is not told.
                let shared = match users.as_slice() {
                    [only] => Some(only.user.as_str()),
                    _ => user,
                };
                return list(merchants, shared, depth - 1);
            }
            if !users.is_empty() {
                return users;
            }
            if let Some(inner) = first(object, LISTS).filter(|inner| inner.is_array() || inner.is_object()) {
                return list(inner, user, depth - 1);
            }
            if has_id(object) {
                return one(value, None, user, depth);
            }
            object.iter().flat_map(|(key, item)| one(item, Some(key), user, depth)).collect()
        }
        _ => Vec::new(),
    }
}

fn has_id(object: &Map<String, Value>) -> bool {
    [MERCHANT_IDS, IDS, USER_IDS].iter().any(|keys| first_text(object, keys).is_some())
}

/// One item of a list, or the value of a map under its key.
fn one(item: &Value, key: Option<&str>, user: Option<&str>, depth: u8) -> Vec<Asked> {
    if let Value::Object(object) = item {
        return of_object(object, key, user, depth);
    }
    let (id, name) = match key {
        // In a map, the text beside the id is the name.
        Some(key) => (Some(key.to_owned()), item.as_str().map(label)),
        None => (text(item), None),
    };
    id.and_then(|id| asked(id.clone(), user.map_or(id, str::to_owned), name)).into_iter().collect()
}

fn of_object(object: &Map<String, Value>, key: Option<&str>, user: Option<&str>, depth: u8) -> Vec<Asked> {
    let plain = first_text(object, IDS).or_else(|| key.map(str::to_owned));
    let inner_user = first(object, &["user"]).and_then(|user| match user {
        Value::Object(user) => first_text(user, IDS).or_else(|| first_text(user, USER_IDS)),
        other => text(other),
    });
    let own_user = first_text(object, USER_IDS).or(inner_user);
    // A user with merchants: the choices are the merchants, each with this user.
    if let Some(merchants) = first(object, MERCHANTS).filter(|list| list.is_array() || list.is_object()) {
        let owner = own_user.clone().or_else(|| plain.clone());
        let inner = list(merchants, owner.as_deref().or(user), depth.saturating_sub(1));
        if !inner.is_empty() {
            return inner;
        }
    }
    let mut name = first_text(object, NAMES).map(|name| label(&name));
    let inner_merchant = first(object, &["merchant", "shop", "store"]).and_then(|merchant| match merchant {
        Value::Object(merchant) => {
            name = first_text(merchant, NAMES).map(|name| label(&name)).or(name.take());
            first_text(merchant, MERCHANT_IDS).or_else(|| first_text(merchant, IDS))
        }
        other => text(other),
    });
    let own_merchant = first_text(object, MERCHANT_IDS).or(inner_merchant);
    let Some(merchant) = own_merchant.clone().or_else(|| plain.clone()).or_else(|| own_user.clone()) else {
        return Vec::new();
    };
    // `uid` beside `id`: two ids of one item, the second may be the user's.
    let second = match (&own_merchant, first_text(object, &["uid"])) {
        (Some(_), _) => plain,
        (None, Some(_)) => first_text(object, &["id"]),
        (None, None) => None,
    };
    let user = own_user.or(user.map(str::to_owned)).or(second).unwrap_or_else(|| merchant.clone());
    asked(merchant, user, name).into_iter().collect()
}

fn asked(merchant: String, user: String, name: Option<String>) -> Option<Asked> {
    let uid = uid(&Value::String(merchant.clone()))?;
    Some(Asked { uid, name: name.filter(|name| !name.is_empty()), merchant, user })
}

#[cfg(test)]
mod tests;
