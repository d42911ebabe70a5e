//! Evidence of a page: its skeleton, a picture with bars over what was typed, and the picture of what a person must look at. Best
//! effort and bounded: no login fails or waits for it.

use std::time::Duration;

use kaspi_auth_browser::{Clip, FarmError};
use kaspi_auth_core::Code;
use kaspi_auth_core::evidence::Evidence;
use kaspi_auth_core::login::Driver;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::page::Page;
use super::script;
use crate::evidence::without;
use crate::visitor::without_values;

/// All of it together.
const PATIENCE: Duration = Duration::from_secs(8);

/// Keeps evidence of a page that lives. `person` names the element that a person must look at; empty: the whole page.
pub(super) async fn keep(page: &mut Page, code: Option<Code>, person: Option<&str>) {
    keep_of(page, code, person, true).await;
}

/// Keeps evidence; of a page that is gone, only its steps.
pub(super) async fn keep_of(page: &mut Page, code: Option<Code>, person: Option<&str>, is_alive: bool) {
    let Some(sink) = page.portal.evidence.clone() else { return };
    let mut evidence = Evidence {
        driver: Driver::Browser,
        code,
        at: page.portal.http.now(),
        page: Some(without_values(page.url())),
        steps: page.steps.clone(),
        skeleton: None,
        screenshot: None,
        picture: None,
    };
    if is_alive && timeout(PATIENCE, look(page, person, &mut evidence)).await.is_err() {
        tracing::debug!("the page took too long to be pictured");
    }
    sink.keep(page.start.login, evidence).await;
}

async fn look(page: &Page, person: Option<&str>, evidence: &mut Evidence) {
    if let Ok(Value::String(text)) = ask(page, "skeleton").await {
        let typed: Vec<&str> = page.typed.iter().map(ExposeSecret::expose_secret).collect();
        evidence.skeleton = Some(without(text, &typed));
    }
    if let Some(element) = person {
        evidence.picture = picture(page, element).await;
    }
    // Without bars there is no picture.
    if ask(page, "veil").await.is_ok() {
        evidence.screenshot = page.context.screenshot(None).await.ok();
        let _ = ask(page, "unveil").await;
    }
}

async fn ask(page: &Page, wanted: &str) -> Result<Value, FarmError> {
    page.context.call(script::EVIDENCE, &[Value::from(wanted), json!("")]).await
}

/// The element that a person must look at, with its images loaded.
async fn picture(page: &Page, element: &str) -> Option<Vec<u8>> {
    if element.is_empty() {
        return None;
    }
    page.context.unblock().await.ok()?;
    let place = page.context.call(script::EVIDENCE, &[json!("place"), Value::from(element)]).await.ok()?;
    let side = |name: &str| place[name].as_f64().filter(|side| side.is_finite());
    let clip = Clip { x: side("x")?, y: side("y")?, width: side("width")?, height: side("height")? };
    (clip.width >= 1.0 && clip.height >= 1.0).then_some(())?;
    page.context.screenshot(Some(clip)).await.ok()
}
