//! Who signs in: an e-mail address with a password, or a phone. Must not print either in full.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// An account text that the portal could not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAccount(pub &'static str);

/// How an account proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// E-mail and password, with a mailed code where the portal asks for one (CONTRACT, 3.5 and 3.6).
    Password,
    /// Phone and the code of an SMS (CONTRACT, 3.4).
    Phone,
}

/// The identity of an account. `Debug` and `Display` are masked: `m***@x.kz`, `+7 (7**) ***-**-67`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Account {
    /// An e-mail address, as typed, without outer white space.
    Email(String),
    /// A phone: 11 digits that start with 7.
    Phone(String),
}

impl Account {
    /// Reads an e-mail address.
    ///
    /// # Errors
    /// Not of the form `local@domain`, or over 254 bytes (RFC 5321, 4.5.3.1).
    pub fn email(text: &str) -> Result<Self, InvalidAccount> {
        let text = text.trim();
        let fits = text.len() <= 254
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
            && text.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && !domain.is_empty() && !domain.contains('@')
            });
        fits.then(|| Self::Email(text.to_owned())).ok_or(InvalidAccount("not an e-mail address"))
    }

    /// Reads a Kazakhstan phone with its country code or the trunk 8 (`+7 (700) 123-45-67`, `77001234567`, `87001234567`).
    ///
    /// Ten digits alone are not taken: a number with its last digit forgotten would become somebody else's, who would get the
    /// SMS.
    ///
    /// # Errors
    /// Not eleven digits that begin with `7` or `8`; a `+` before anything but a `7`; other characters than digits, spaces,
    /// `+ ( ) -`.
    pub fn phone(text: &str) -> Result<Self, InvalidAccount> {
        const SHAPE: InvalidAccount = InvalidAccount("not a phone of the form +7 (7XX) XXX-XX-XX");
        if !text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '+' | '(' | ')' | '-')) {
            return Err(SHAPE);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let is_international = text.trim_start().starts_with('+');
        let national = match (digits.len(), digits.as_bytes().first()) {
            (11, Some(b'7')) => &digits[1..],
            (11, Some(b'8')) if !is_international => &digits[1..],
            _ => return Err(SHAPE),
        };
        Ok(Self::Phone(format!("7{national}")))
    }

    /// How this account proves itself.
    pub fn method(&self) -> Method {
        match self {
            Self::Email(_) => Method::Password,
            Self::Phone(_) => Method::Phone,
        }
    }

    /// The account as the portal's page sends it: the address, or `+7 (7XX) XXX-XX-XX` (CONTRACT, 2.4).
    pub fn portal_form(&self) -> String {
        match self {
            Self::Email(address) => address.clone(),
            Self::Phone(d) => {
                format!("+{} ({}) {}-{}-{}", &d[..1], &d[1..4], &d[4..7], &d[7..9], &d[9..11])
            }
        }
    }

    /// One spelling for each account: what the ledger and the "one login at a time" rule compare.
    pub fn canonical(&self) -> String {
        match self {
            Self::Email(address) => format!("email:{}", address.to_lowercase()),
            Self::Phone(digits) => format!("phone:{digits}"),
        }
    }

    /// The account with its middle starred: fit for logs and for challenges.
    pub fn masked(&self) -> String {
        match self {
            Self::Email(address) => {
                let (local, domain) = address.split_once('@').unwrap_or((address, ""));
                let first: String = local.chars().take(1).collect();
                format!("{first}***@{domain}")
            }
            Self::Phone(digits) => format!("+7 (7**) ***-**-{}", &digits[9..]),
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// An account with what proves it.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// E-mail and password.
    Password {
        /// The [`Account::Email`].
        account: Account,
        /// The password; at most 1,024 bytes.
        password: SecretString,
    },
    /// A phone: the SMS code is the proof.
    Phone {
        /// The [`Account::Phone`].
        account: Account,
    },
}

impl Credentials {
    /// Reads an e-mail address with its password.
    ///
    /// # Errors
    /// A malformed address; an empty password or one over 1,024 bytes.
    pub fn password(email: &str, password: SecretString) -> Result<Self, InvalidAccount> {
        if password.expose_secret().is_empty() {
            return Err(InvalidAccount("the password is empty"));
        }
        if password.expose_secret().len() > 1024 {
            return Err(InvalidAccount("the password is over 1,024 bytes"));
        }
        Ok(Self::Password { account: Account::email(email)?, password })
    }

    /// Reads a phone.
    ///
    /// # Errors
    /// As [`Account::phone`].
    pub fn phone(text: &str) -> Result<Self, InvalidAccount> {
        Ok(Self::Phone { account: Account::phone(text)? })
    }

    /// The identity.
    pub fn account(&self) -> &Account {
        match self {
            Self::Password { account, .. } | Self::Phone { account } => account,
        }
    }

    /// Whether these prove the same account by the same password. The passwords are compared in constant time.
    pub fn proves_the_same(&self, other: &Self) -> bool {
        let same_secret = match (self.secret(), other.secret()) {
            (Some(a), Some(b)) => {
                let (a, b) = (a.expose_secret().as_bytes(), b.expose_secret().as_bytes());
                a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
            }
            (None, None) => true,
            _ => false,
        };
        self.account().canonical() == other.account().canonical() && same_secret
    }

    /// The password, where there is one.
    pub fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::Password { password, .. } => Some(password),
            Self::Phone { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_spelling_is_the_same_phone() {
        for spelling in ["+7 (700) 123-45-67", "77001234567", "87001234567", " 8 700 123 45 67 "] {
            let phone = Account::phone(spelling).unwrap();
            assert_eq!(phone.portal_form(), "+7 (700) 123-45-67");
        }
        let forgotten_digit = ["+7 700 123 45 6", "8 700 123 45 6", "7700123456", "7001234567"];
        for bad in ["", "123", "770012345678", "7700123456x", "+1 (700) 123-45-67 00", "+87001234567"]
            .into_iter()
            .chain(forgotten_digit)
        {
            assert!(Account::phone(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_needs_both_sides_of_one_at_sign() {
        assert!(Account::email(" merchant@example.kz ").is_ok());
        for bad in ["", "a", "@x", "a@", "a@b@c", "a b@c", "a@b\u{7}", &format!("{}@x.kz", "a".repeat(300))] {
            assert!(Account::email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn accounts_print_masked() {
        let mail = Account::email("merchant@x.kz").unwrap();
        assert_eq!(format!("{mail} {mail:?}"), "m***@x.kz m***@x.kz");
        let phone = Account::phone("77001234567").unwrap();
        assert_eq!(phone.to_string(), "+7 (7**) ***-**-67");
        let credentials = Credentials::password("merchant@x.kz", "hunter22".to_owned().into()).unwrap();
        assert!(!format!("{credentials:?}").contains("hunter22"));
    }

    #[test]
    fn letter_case_does_not_make_another_account() {
        assert_eq!(
            Account::email("A@X.kz").unwrap().canonical(),
            Account::email("a@x.KZ").unwrap().canonical()
        );
    }
}
