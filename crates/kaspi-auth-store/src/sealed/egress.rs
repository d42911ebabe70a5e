//! A proxy's password, bound to its egress.

use jiff::Timestamp;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_vault::{Envelope, Legacy, OpenError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Sealer, SecretMap, seconds};

const EGRESS: Envelope = Envelope::new("egress_id");

impl Sealer {
    /// Seals a proxy's password.
    pub(crate) fn seal_proxy_password(&self, id: EgressId, password: &SecretString, at: Timestamp) -> String {
        let map = SecretMap::of([("password", Value::from(password.expose_secret()))]);
        EGRESS.seal_for(&self.ring, &id.to_string(), &map, seconds(at))
    }

    /// Opens what [`seal_proxy_password`](Self::seal_proxy_password) made.
    pub(crate) fn open_proxy_password(&self, id: EgressId, token: &str) -> Result<SecretString, OpenError> {
        let opened = EGRESS.open_for(&self.ring, &id.to_string(), token, Legacy::Refuse)?;
        opened.text("password").map(|text| text.to_owned().into()).ok_or(OpenError::NotJson)
    }
}
