//! Evidence of a login, bound to its id. Pictures are base64 texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kaspi_auth_core::error::Code;
use kaspi_auth_core::evidence::{Evidence, EvidenceStep};
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::login::Driver;
use kaspi_auth_vault::{Envelope, Legacy, OpenError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Sealer, SecretMap, seconds};

const EVIDENCE: Envelope = Envelope::new("login_id");

/// The sealed object.
#[derive(Deserialize)]
struct Kept {
    driver: Driver,
    /// Read apart: a later release may have codes that this one does not know.
    code: Option<Value>,
    at: Timestamp,
    page: Option<String>,
    steps: Vec<EvidenceStep>,
    skeleton: Option<String>,
    screenshot: Option<String>,
    picture: Option<String>,
}

impl Sealer {
    /// Seals evidence of a login.
    pub(crate) fn seal_evidence(&self, id: LoginId, evidence: &Evidence) -> String {
        let picture = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
        let map = SecretMap::of([
            ("driver", json!(evidence.driver)),
            ("code", json!(evidence.code)),
            ("at", json!(evidence.at)),
            ("page", json!(evidence.page)),
            ("steps", json!(evidence.steps)),
            ("skeleton", json!(evidence.skeleton)),
            ("screenshot", json!(picture(&evidence.screenshot))),
            ("picture", json!(picture(&evidence.picture))),
        ]);
        EVIDENCE.seal_for(&self.ring, &id.to_string(), &map, seconds(evidence.at))
    }

    /// Opens what [`seal_evidence`](Self::seal_evidence) made.
    pub(crate) fn open_evidence(&self, id: LoginId, token: &str) -> Result<Evidence, OpenError> {
        let kept: Kept = EVIDENCE.open_for(&self.ring, &id.to_string(), token, Legacy::Refuse)?.to()?;
        let picture = |text: Option<String>| {
            text.map(|text| STANDARD.decode(text)).transpose().map_err(|_| OpenError::NotJson)
        };
        Ok(Evidence {
            driver: kept.driver,
            code: kept.code.and_then(|code| Code::deserialize(code).ok()),
            at: kept.at,
            page: kept.page,
            steps: kept.steps,
            skeleton: kept.skeleton,
            screenshot: picture(kept.screenshot)?,
            picture: picture(kept.picture)?,
        })
    }
}
