//! The device cookies of an account, bound to the row that they stand in.

use jiff::Timestamp;
use kaspi_auth_core::port::Device;
use kaspi_auth_vault::{Envelope, Legacy, OpenError};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Sealer, SecretMap, seconds};

const DEVICE: Envelope = Envelope::new("device_key");

impl Sealer {
    /// Seals a device for its row.
    pub(crate) fn seal_device(&self, key: &[u8], device: &Device, at: Timestamp) -> String {
        let map = SecretMap::of([("device", Value::from(device.0.expose_secret()))]);
        DEVICE.seal_for(&self.ring, &hex(key), &map, seconds(at))
    }

    /// Opens what [`seal_device`](Self::seal_device) made.
    pub(crate) fn open_device(&self, key: &[u8], token: &str) -> Result<Device, OpenError> {
        let opened = DEVICE.open_for(&self.ring, &hex(key), token, Legacy::Refuse)?;
        let device = opened.text("device").ok_or(OpenError::NotJson)?;
        Ok(Device(device.to_owned().into()))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
