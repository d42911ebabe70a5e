//! The columns `kaspi_email` and `kaspi_password`: one value each, beside the merchant that it belongs to.

use jiff::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_vault::{Envelope, Legacy, OpenError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Sealer, SecretMap, seconds};

impl Sealer {
    /// `{"<key>": value, "merchant_uid": …}`.
    pub(crate) fn seal_value(
        &self,
        uid: &MerchantUid,
        key: &str,
        value: &SecretString,
        at: Timestamp,
    ) -> String {
        let map = SecretMap::of([(key, Value::from(value.expose_secret()))]);
        Envelope::MERCHANT.seal_for(&self.ring, uid.as_str(), &map, seconds(at))
    }

    /// Opens what [`seal_value`](Self::seal_value) or the predecessor made, which names no merchant. `None` when it holds
    /// null.
    pub(crate) fn open_value(
        &self,
        uid: &MerchantUid,
        key: &str,
        token: &str,
    ) -> Result<Option<SecretString>, OpenError> {
        let opened = Envelope::MERCHANT.open_for(&self.ring, uid.as_str(), token, Legacy::Accept)?;
        Ok(opened.text(key).filter(|text| !text.is_empty()).map(|text| text.to_owned().into()))
    }
}
