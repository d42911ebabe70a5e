//! Accounts: who can sign in, to what, and what befalls them. The public specification and the private state.
//! It must not know of requests or cookies.

mod live;
mod merchant;
mod spec;

pub use self::{
    live::AccountCounters,
    merchant::{City, MerchantSpec, PointSpec},
    spec::{AccountSpec, Behaviour, CodeRule, DEFAULT_PASSWORD},
};
pub(crate) use self::{
    live::{Account, AccountState, Accounts, Grant},
    merchant::{CITIES, city},
};

/// One spelling for every way to write an e-mail or a phone: lower case, or 11 digits beginning with 7.
pub(crate) fn identity(text: &str) -> String {
    if text.contains('@') {
        return text.trim().to_lowercase();
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        10 => format!("7{digits}"),
        11 if digits.starts_with('8') => format!("7{}", &digits[1..]),
        0 => text.trim().to_lowercase(),
        _ => digits,
    }
}

/// A phone as the page's mask writes it: `+7 (7XX) XXX-XX-XX` (CONTRACT 2.4). Other lengths stay digits.
pub(crate) fn masked_phone(phone: &str) -> String {
    let digits = identity(phone);
    if digits.len() == 11 && digits.is_ascii() {
        format!("+{} ({}) {}-{}-{}", &digits[..1], &digits[1..4], &digits[4..7], &digits[7..9], &digits[9..])
    } else {
        digits
    }
}

/// An e-mail with stars: the first character of the name and the whole domain stay (CONTRACT 3.2).
pub(crate) fn masked_email(email: &str) -> String {
    match email.split_once('@') {
        Some((name, domain)) => {
            let first: String = name.chars().take(1).collect();
            format!("{first}***@{domain}")
        }
        None => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_has_one_identity() {
        for phone in ["+7 (700) 000-00-01", "87000000001", "7000000001", "77000000001"] {
            assert_eq!(identity(phone), "77000000001");
            assert_eq!(masked_phone(phone), "+7 (700) 000-00-01");
        }
        assert_eq!(identity(" Plain@Sandbox.Test "), "plain@sandbox.test");
        assert_eq!(masked_phone("12"), "12");
    }

    #[test]
    fn a_masked_mail_keeps_its_domain() {
        assert_eq!(masked_email("code@sandbox.test"), "c***@sandbox.test");
        assert_eq!(masked_email("жук@sandbox.test"), "ж***@sandbox.test");
        assert_eq!(masked_email("nobody"), "***");
    }
}
