//! The vault: a Fernet key ring that seals, opens and re-seals, byte-compatible with `Fernet` and `MultiFernet` of
//! Python's `cryptography` in both directions.
//!
//! | I want to … | go to |
//! | --- | --- |
//! | read the keys of a deployment, or make one | [`KeyRing::from_settings`], [`KeyRing::generate_key`] |
//! | seal bytes, open them, move them to the newest key | [`KeyRing::seal`], [`KeyRing::open`], [`KeyRing::rotate`] |
//! | seal a record so that it opens for its owner only | [`Envelope`] |
//! | recognise an account without storing its name | [`Fingerprinter`] |
//!
//! ```
//! use kaspi_auth_vault::{Envelope, KeyRing, Legacy, OpenError};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = KeyRing::parse(&KeyRing::generate_key())?;
//! let record = [("password".to_owned(), "hunter2".into())].into_iter().collect();
//! let token = Envelope::MERCHANT.seal_for(&ring, "30012345", &record, 1_700_000_000);
//!
//! let opened = Envelope::MERCHANT.open_for(&ring, "30012345", &token, Legacy::Refuse)?;
//! assert_eq!(opened.text("password"), Some("hunter2"));
//! let elsewhere = Envelope::MERCHANT.open_for(&ring, "30099999", &token, Legacy::Refuse);
//! assert_eq!(elsewhere.unwrap_err(), OpenError::WrongSubject);
//! # Ok(())
//! # }
//! ```
//!
//! It must not do IO (but for the key file that [`KeyRing::from_settings`] is told to read), must not read a clock
//! (times are parameters, in whole seconds since the Unix epoch), and must not show a key or an opened secret in
//! `Debug`, `Display` or an error.

mod envelope;
mod error;
mod key;
mod opened;
mod pepper;
mod ring;
mod settings;
mod token;

pub use envelope::{Envelope, Legacy};
pub use error::{HOW_TO_MAKE_A_KEY, KeyError, OpenError};
pub use opened::OpenedJson;
pub use pepper::{Fingerprinter, Pepper};
pub use ring::KeyRing;
