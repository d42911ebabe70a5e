//! One row of whatever file, made into a store: names of columns that differ, credentials in clear, cookies without a table
//! around them. What stands in the table's own shape is opened by the store crate. Must not tell a value.

use kaspi_auth_core::account::Account;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::import::FoundStore;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::cookies::Jar;
use super::{Opener, Row, Settings};

/// What a row without a merchant lacks, and what to do with it.
const NOBODY: &str = "there is no merchant id, so it can be no store yet: sign the merchant in with these credentials \
                      (`kaspi-auth login`), which finds out";
/// As long as a login takes one.
const LONGEST_PASSWORD: usize = 1024;

/// Makes rows into stores.
pub struct Reader {
    opener: Opener,
    merchant_uid: Option<MerchantUid>,
    given: bool,
    jar: Jar,
}

/// Credentials that stand in clear.
#[derive(Default)]
struct Clear {
    email: Option<String>,
    password: Option<SecretString>,
    phone: Option<String>,
}

impl Reader {
    /// By these settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            opener: settings.opener.clone(),
            merchant_uid: settings.merchant_uid.clone(),
            given: false,
            jar: Jar::new(settings),
        }
    }

    /// A row that cannot be read.
    #[expect(clippy::unused_self, reason = "reads as its siblings do")]
    pub fn unreadable(&self, place: String, why: &str) -> Row {
        Row { place, merchant_uid: None, found: Err(why.to_owned()) }
    }

    /// A session's cookies without anything beside them.
    pub fn session(&self, place: String, jar: Jar) -> Row {
        let Some(uid) = self.merchant_uid.clone() else {
            return self.unreadable(
                place,
                "cookies do not say whose they are: name the merchant with --merchant-uid",
            );
        };
        let found = jar.session().map_err(str::to_owned).and_then(|cookies| {
            let row = json!({ "merchant_id": uid.as_str(), "guid": { "cookies": cookies } });
            (self.opener)(row)
        });
        Row { place, merchant_uid: Some(uid), found: found.map(Box::new) }
    }

    /// An object: a row of the table, an entry of Django's `dumpdata`, or a session's cookies with what stands beside them.
    pub fn row(&mut self, place: String, value: Value) -> Row {
        let Some(mut map) = fields(value) else {
            return self.unreadable(place, "it is no object with named values");
        };
        let uid = match self.merchant(&mut map) {
            Ok(uid) => uid,
            Err(why) => return self.unreadable(place, why),
        };
        let found = self.open(&uid, map);
        Row { place, merchant_uid: Some(uid), found: found.map(Box::new) }
    }

    fn open(&self, uid: &MerchantUid, mut map: Map<String, Value>) -> Result<FoundStore, String> {
        let clear = Clear::take(&mut map)?;
        for key in ["is_active", "needs_reauth", "sms_verified"] {
            if let Some(Value::String(text)) = map.get(key) {
                let said = truth(text).ok_or("a column of yes and no holds something else")?;
                map.insert(key.to_owned(), Value::from(said));
            }
        }
        map.insert("merchant_id".to_owned(), Value::from(uid.as_str()));
        if !map.contains_key("guid")
            && let Some(cookies) = map.remove("cookies")
        {
            map.insert("guid".to_owned(), self.guid(&cookies, &map)?);
        }
        let mut found = (self.opener)(Value::Object(map))?;
        found.email = clear.email.or(found.email);
        found.password = clear.password.or(found.password);
        found.phone = clear.phone.or(found.phone);
        Ok(found)
    }

    /// Whose row it is.
    fn merchant(&mut self, map: &mut Map<String, Value>) -> Result<MerchantUid, &'static str> {
        let named = ["merchant_id", "merchant_uid", "uid"].iter().filter_map(|key| map.remove(*key));
        let mut named = named.filter_map(|value| match value {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        if let Some(text) = named.next() {
            if named.any(|other| other != text) {
                return Err("it names two merchants");
            }
            let uid = MerchantUid::parse(&text)
                .map_err(|_| "its merchant id is none: 1 to 64 letters, digits, '_' or '-'")?;
            // The rows of a table are many merchants'; cookies are those of the one who was meant.
            let is_session = map.contains_key("cookies") && !map.contains_key("guid");
            if is_session && self.merchant_uid.as_ref().is_some_and(|given| *given != uid) {
                return Err("it is another merchant's than --merchant-uid names");
            }
            return Ok(uid);
        }
        match &self.merchant_uid {
            None if map.contains_key("cookies") => {
                Err("cookies do not say whose they are: name the merchant with --merchant-uid")
            }
            None => Err(NOBODY),
            Some(_) if self.given => Err("there is no merchant id, and --merchant-uid is for one row alone"),
            Some(uid) => {
                self.given = true;
                Ok(uid.clone())
            }
        }
    }

    /// A session's object, as the table holds it.
    fn guid(&self, cookies: &Value, beside: &Map<String, Value>) -> Result<Value, String> {
        let mut jar = self.jar.clone();
        let list = cookies.as_array().ok_or("its cookies are no list")?;
        for cookie in list {
            jar.put_exported(cookie)?;
        }
        let mut guid = json!({ "cookies": jar.session()? });
        for key in ["authenticated_at", "sms_verified", "auth_method"] {
            if let Some(value) = beside.get(key) {
                guid[key] = value.clone();
            }
        }
        Ok(guid)
    }
}

impl Clear {
    /// Takes credentials in clear out of a row. Columns that may hold sealed ones are the opener's.
    fn take(map: &mut Map<String, Value>) -> Result<Self, &'static str> {
        let mut clear = Self::default();
        if let Some(text) = take(map, "email")? {
            let account = Account::email(&text).map_err(|_| "its e-mail is no address")?;
            clear.email = Some(account.portal_form());
        }
        if let Some(text) = take(map, "password")? {
            if text.len() > LONGEST_PASSWORD {
                return Err("its password is longer than the portal takes");
            }
            clear.password = Some(text.into());
        }
        if let Some(text) = take(map, "phone")? {
            let account =
                Account::phone(&text).map_err(|_| "its phone is none of the form +7 (7XX) XXX-XX-XX")?;
            if let Account::Phone(digits) = account {
                clear.phone = Some(digits);
            }
        }
        Ok(clear)
    }
}

fn take(map: &mut Map<String, Value>, key: &str) -> Result<Option<String>, &'static str> {
    match map.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        // A phone or a password of digits alone, written as a number.
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err("its e-mail, password or phone is no text"),
    }
}

/// As PostgreSQL, Python and people write it.
fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "1" | "yes" => Some(true),
        "f" | "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// The named values of a row: of an entry of Django's `dumpdata`, its fields.
fn fields(value: Value) -> Option<Map<String, Value>> {
    let Value::Object(mut map) = value else { return None };
    if !(map.get("model").is_some_and(Value::is_string) && map.get("fields").is_some_and(Value::is_object)) {
        return Some(map);
    }
    let Some(Value::Object(mut fields)) = map.remove("fields") else { return None };
    if let Some(key) = map.remove("pk") {
        fields.entry("id").or_insert(key);
    }
    // A foreign key goes by the name of the relation.
    if let Some(user) = fields.remove("user").filter(|user| user.is_string() || user.is_number()) {
        fields.entry("user_id").or_insert(user);
    }
    Some(fields)
}
