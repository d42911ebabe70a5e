//! The outside of a token: what can be told without a key (Fernet spec, "Token Format").
//!
//! Nothing read here is authenticated. Only the shape may be judged by it; the time counts after the HMAC is checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use crate::error::OpenError;

/// Version (1), timestamp (8), IV (16), HMAC (32): what stands around the ciphertext.
const FRAME_BYTES: usize = 57;
const BLOCK_BYTES: usize = 16;
/// Where the timestamp ends.
const TIMESTAMP_END: usize = 9;

/// A token of the right shape.
pub(crate) struct Token<'a> {
    /// Without surrounding white space.
    pub(crate) text: &'a str,
    /// Seconds since the Unix epoch. Not authenticated yet.
    pub(crate) timestamp: u64,
}

impl<'a> Token<'a> {
    /// Checks the shape. Surrounding white space is dropped (Python overlooks it, and files end in a newline);
    /// padding is required, as in Python, so that a token that lost even its last character is noticed.
    pub(crate) fn read(text: &'a str) -> Result<Token<'a>, OpenError> {
        let text = text.trim_ascii();
        if !begins_like_a_token(text) {
            return Err(OpenError::Malformed);
        }
        if !text.len().is_multiple_of(4) {
            return Err(OpenError::Truncated);
        }
        let bytes = URL_SAFE.decode(text).map_err(|_| OpenError::Malformed)?;
        let whole = bytes
            .len()
            .checked_sub(FRAME_BYTES)
            .is_some_and(|ciphertext| ciphertext > 0 && ciphertext.is_multiple_of(BLOCK_BYTES));
        if !whole {
            return Err(OpenError::Truncated);
        }
        let timestamp =
            bytes[1..TIMESTAMP_END].iter().fold(0u64, |value, &byte| (value << 8) | u64::from(byte));
        Ok(Token { text, timestamp })
    }
}

/// URL-safe base64 throughout, and a first byte of 0x80: `g`, then one of `A` to `P`.
fn begins_like_a_token(text: &str) -> bool {
    let body = text.trim_end_matches('=').as_bytes();
    body.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        && body.first() == Some(&b'g')
        && body.get(1).is_none_or(|second| (b'A'..=b'P').contains(second))
}
