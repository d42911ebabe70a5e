//! The bodies that are posted to the login host (CONTRACT, 3.2). They hold secrets: build one, send it, drop it.

use kaspi_auth_core::account::Account;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// E-mail and password; `_r_d` asks the portal to remember this device.
pub(crate) fn password(account: &Account, password: &SecretString) -> Vec<u8> {
    bytes(&json!({"_u": account.portal_form(), "_p": password.expose_secret(), "_r_d": true}))
}

/// A phone, as the portal's page masks it.
pub(crate) fn phone(account: &Account) -> Vec<u8> {
    bytes(&json!({"_ph": account.portal_form()}))
}

/// The mailed code. `user` is the login itself (F1), or the address that the answer before gave, which may be starred (F3):
/// which of them is taken is open (CONTRACT, section 8, 5).
pub(crate) fn mailed_code(user: &str, code: &SecretString) -> Vec<u8> {
    bytes(&json!({"_u": user, "_m_c": code.expose_secret(), "_r_d": true}))
}

/// The code of an SMS.
pub(crate) fn sms_code(code: &SecretString) -> Vec<u8> {
    bytes(&json!({"_c": code.expose_secret()}))
}

/// The choice between several merchants or users. Which of the two keys counts is not known; extra keys are ignored.
pub(crate) fn choice(merchant: &str, user: &str) -> Vec<u8> {
    bytes(&json!({"_s_m": merchant, "_s_u": user}))
}

/// Another mailed code; the body is not known (CONTRACT, section 8, 5).
pub(crate) fn resend(account: &Account) -> Vec<u8> {
    bytes(&json!({"_u": account.portal_form()}))
}

fn bytes(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_those_of_the_contract() {
        let mail = Account::email("a@x.kz").unwrap();
        let phone_number = Account::phone("77001234567").unwrap();
        let secret = SecretString::from("p\"w".to_owned());
        let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
        assert_eq!(text(password(&mail, &secret)), r#"{"_p":"p\"w","_r_d":true,"_u":"a@x.kz"}"#);
        assert_eq!(text(phone(&phone_number)), r#"{"_ph":"+7 (700) 123-45-67"}"#);
        assert_eq!(text(mailed_code("a@x.kz", &secret)), r#"{"_m_c":"p\"w","_r_d":true,"_u":"a@x.kz"}"#);
        assert_eq!(text(sms_code(&secret)), r#"{"_c":"p\"w"}"#);
        assert_eq!(text(choice("M", "U")), r#"{"_s_m":"M","_s_u":"U"}"#);
        assert_eq!(text(resend(&mail)), r#"{"_u":"a@x.kz"}"#);
    }
}
