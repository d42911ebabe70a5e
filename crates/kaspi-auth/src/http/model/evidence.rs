//! Evidence on the wire: what was seen when a login failed, and the same as a page that the sandbox replays.

use jiff::Timestamp;
use kaspi_auth_core::evidence::{Evidence, EvidenceStep};
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::{Code, Error};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// In which form evidence is read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EvidenceQuery {
    /// `json` (when left out), or `fixture`: the page as `kaspi-auth sandbox --fixture` replays it.
    #[param(pattern = "^(json|fixture)$")]
    format: Option<String>,
}

impl EvidenceQuery {
    /// Whether the page is wanted for the sandbox.
    pub(crate) fn wants_fixture(&self) -> Result<bool, Error> {
        match self.format.as_deref() {
            None | Some("json") => Ok(false),
            Some("fixture") => Ok(true),
            Some(_) => Err(Error::new(Code::InvalidValue, "format is json or fixture.")),
        }
    }
}

/// What was seen when a login failed, or when only a person can go on.
#[derive(Serialize, ToSchema)]
pub struct EvidenceView {
    /// The login.
    login_id: Uuid,
    /// What drove it: `direct` or `browser`.
    driver: &'static str,
    /// What it failed with, where it failed.
    code: Option<&'static str>,
    /// When this was seen.
    at: Timestamp,
    /// The page, without the values of its query.
    page: Option<String>,
    /// The steps up to there.
    steps: Vec<StepView>,
    /// The document as HTML, without what people typed.
    skeleton: Option<String>,
    /// Where the page's picture is, inputs blacked out; null where none was taken.
    screenshot: Option<String>,
    /// Where the picture of what a person must look at is; null where there is none.
    picture: Option<String>,
    /// Where the page is as a fixture of the sandbox; null without a skeleton.
    fixture: Option<String>,
}

/// A step on the way.
#[derive(Serialize, ToSchema)]
pub struct StepView {
    /// What was done.
    name: String,
    /// With which page or address, without the values of its query.
    url: String,
    /// What came of it.
    outcome: String,
    /// How long it took, in milliseconds.
    millis: u64,
}

impl From<&EvidenceStep> for StepView {
    fn from(step: &EvidenceStep) -> Self {
        Self {
            name: step.name.clone(),
            url: step.url.clone(),
            outcome: step.outcome.clone(),
            millis: step.millis,
        }
    }
}

impl EvidenceView {
    pub(crate) fn new(id: LoginId, evidence: &Evidence) -> Self {
        let here = format!("/v1/logins/{id}/evidence");
        Self {
            login_id: id.0,
            driver: evidence.driver.as_str(),
            code: evidence.code.map(Code::as_str),
            at: evidence.at,
            page: evidence.page.clone(),
            steps: evidence.steps.iter().map(Into::into).collect(),
            skeleton: evidence.skeleton.clone(),
            screenshot: evidence.screenshot.as_ref().map(|_| format!("{here}/screenshot")),
            picture: evidence.picture.as_ref().map(|_| format!("{here}/picture")),
            fixture: PageFixture::of(evidence).is_ok().then(|| format!("{here}?format=fixture")),
        }
    }
}

/// A page as the sandbox replays it.
#[derive(Serialize, ToSchema)]
pub struct PageFixture {
    /// 1.
    version: u32,
    /// `kaspi-auth.page`.
    kind: &'static str,
    /// Where it was seen.
    url: String,
    /// The status that it is served with.
    status: u16,
    /// The page, without what people typed.
    html: String,
}

impl PageFixture {
    /// The page of some evidence.
    ///
    /// # Errors
    /// `evidence_not_found`: no page was kept.
    pub(crate) fn of(evidence: &Evidence) -> Result<Self, Error> {
        match (&evidence.skeleton, &evidence.page) {
            (Some(html), Some(url)) if !html.is_empty() => Ok(Self {
                version: 1,
                kind: "kaspi-auth.page",
                url: url.clone(),
                // Evidence is of a page that was shown; the status that it came with changes nothing of what a browser finds there.
                status: 200,
                html: html.clone(),
            }),
            _ => Err(Error::new(Code::EvidenceNotFound, "No page was kept of this login.")),
        }
    }
}
