//! API keys as text: `ka_<id>_<secret>`, 16 hexadecimal and 43 base64url characters. Must not store or print one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kaspi_auth_core::port::{ApiKeySecrets, NewApiKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "ka_";
const ID_LENGTH: usize = 16;
const SECRET_LENGTH: usize = 43;

/// Keys of 256 random bits from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomKeys;

impl RandomKeys {
    fn split(text: &str) -> Option<(&str, &str)> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let fits = id.len() == ID_LENGTH
            && id.bytes().all(|b| b.is_ascii_hexdigit())
            && secret.len() == SECRET_LENGTH
            && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then_some((id, secret))
    }
}

impl ApiKeySecrets for RandomKeys {
    fn make(&self) -> NewApiKey {
        let mut random = [0u8; 40];
        #[expect(
            clippy::expect_used,
            reason = "without random bytes no key may be made, and nothing else works either"
        )]
        getrandom::fill(&mut random).expect("the operating system gives random bytes");
        let mut number = [0u8; 8];
        number.copy_from_slice(&random[..8]);
        let id = format!("{:016x}", u64::from_be_bytes(number));
        let secret = URL_SAFE_NO_PAD.encode(&random[8..]);
        let digest = Sha256::digest(secret.as_bytes()).into();
        let prefix = format!("{PREFIX}{}", &id[..6]);
        NewApiKey { text: format!("{PREFIX}{id}_{secret}").into(), id, prefix, digest }
    }

    fn id_of<'a>(&self, text: &'a str) -> Option<&'a str> {
        Self::split(text).map(|(id, _)| id)
    }

    fn matches(&self, text: &str, digest: &[u8; 32]) -> bool {
        let Some((_, secret)) = Self::split(text) else { return false };
        let given: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        given.ct_eq(digest).into()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_proves_itself_and_no_other() {
        let (one, other) = (RandomKeys.make(), RandomKeys.make());
        let text = one.text.expose_secret();
        assert_eq!(RandomKeys.id_of(text), Some(one.id.as_str()));
        assert!(RandomKeys.matches(text, &one.digest));
        assert!(!RandomKeys.matches(text, &other.digest));
        assert!(text.starts_with(&one.prefix));
    }

    #[test]
    fn texts_of_another_form_are_no_keys() {
        for bad in ["", "ka_", "ka_x_y", "ka_0123456789abcdef_short", "sk_0123456789abcdef_AAAA"] {
            assert_eq!(RandomKeys.id_of(bad), None, "{bad:?}");
        }
    }
}
