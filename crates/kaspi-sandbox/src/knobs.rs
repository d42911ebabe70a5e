//! What the contract leaves open (CONTRACT 8), each as a setting with a documented default.
//! It must not act on any of them.

mod cabinet;
mod code;
mod cookie;
mod login;
mod page;

pub use self::{
    cabinet::{CabinetKnobs, Renewal, SessionKnobs, UnauthorizedBody},
    code::{CodeKnobs, ResendAnswer, ResendBody},
    cookie::{CookieKnobs, CookieShape},
    login::{
        Captcha, ChoiceShape, LoginKnobs, NoMerchants, NoPermissions, RedirectUrl, SavedRedirectUrl,
        UnknownPhone, WithoutScript,
    },
    page::{ErrorPlace, PageKnobs, RenamedField},
};
use serde::{Deserialize, Serialize, de::Error as _};
use serde_json::Value;

/// All settings. They can be changed while the sandbox runs; a change holds from the next request on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// The login endpoint.
    pub login: LoginKnobs,
    /// The login page.
    pub page: PageKnobs,
    /// Codes by mail and SMS.
    pub code: CodeKnobs,
    /// Lifetimes of sessions.
    pub session: SessionKnobs,
    /// The cabinet's API.
    pub cabinet: CabinetKnobs,
    /// Names and attributes of cookies.
    pub cookie: CookieKnobs,
}

impl Knobs {
    /// These settings with some of them changed: `change` is JSON of the same shape with any part left out.
    ///
    /// # Errors
    /// When `change` names an unknown setting or gives it a value of a wrong type.
    pub fn changed(&self, change: &Value) -> Result<Self, serde_json::Error> {
        let mut all = serde_json::to_value(self)?;
        merge(&mut all, change)?;
        serde_json::from_value(all)
    }
}

fn merge(into: &mut Value, change: &Value) -> Result<(), serde_json::Error> {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                merge(into.entry(key.as_str()).or_insert(Value::Null), value)?;
            }
        }
        (Value::Object(_), _) => return Err(serde_json::Error::custom("an object was expected")),
        (into, change) => *into = change.clone(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_leaves_the_rest_alone() {
        let knobs = Knobs::default();
        let changed = knobs.changed(&json!({"code": {"attempts": 2}})).expect("a good change");
        assert_eq!(changed.code.attempts, 2);
        assert_eq!(changed.login, knobs.login);
    }

    #[test]
    fn an_unknown_or_mistyped_setting_is_refused() {
        for change in [
            json!({"cod": {}}),
            json!({"code": {"attempt": 2}}),
            json!({"code": {"attempts": "2"}}),
            json!({"code": []}),
            json!(1),
        ] {
            assert!(Knobs::default().changed(&change).is_err(), "{change}");
        }
    }
}
