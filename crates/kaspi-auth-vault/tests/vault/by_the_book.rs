//! A Fernet token built straight from the specification ("Token Format", "Generating"), with the IV as a parameter,
//! which the crate under the vault does not offer. It must not use the vault: the tests compare the two.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockEncryptMut as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Version ‖ timestamp ‖ IV ‖ AES-128-CBC(plaintext, PKCS 7) ‖ HMAC-SHA256 of all before, in URL-safe base64. The
/// first half of the key signs, the second encrypts.
pub fn token(key: &str, unix_seconds: u64, iv: [u8; 16], plaintext: &[u8]) -> String {
    let key = URL_SAFE.decode(key).unwrap();
    let (signing, encryption) = key.split_at(16);
    let mut bytes = vec![0x80];
    bytes.extend_from_slice(&unix_seconds.to_be_bytes());
    bytes.extend_from_slice(&iv);
    let cipher = cbc::Encryptor::<aes::Aes128>::new_from_slices(encryption, &iv).unwrap();
    bytes.extend_from_slice(&cipher.encrypt_padded_vec_mut::<Pkcs7>(plaintext));
    sign(signing, bytes)
}

/// A token around bytes of the caller's choice, with a right HMAC.
pub fn signed(key: &str, bytes: Vec<u8>) -> String {
    sign(&URL_SAFE.decode(key).unwrap()[..16], bytes)
}

/// The IV that a token was sealed with.
pub fn iv_of(token: &str) -> [u8; 16] {
    URL_SAFE.decode(token).unwrap()[9..25].try_into().unwrap()
}

fn sign(signing: &[u8], mut bytes: Vec<u8>) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(signing).unwrap();
    mac.update(&bytes);
    bytes.extend_from_slice(&mac.finalize().into_bytes());
    URL_SAFE.encode(bytes)
}
