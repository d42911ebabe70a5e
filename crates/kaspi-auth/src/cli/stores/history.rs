//! `stores explain`, `stores timeline`: why a store stands as it does, and how it came to that.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::timeline::Entry;

use super::super::failure::{Failure, Outcome};
use super::super::opened::Opened;
use super::super::{output, table};
use crate::explain::{self, Language};
use crate::http::model::{ExplanationView, TimelinePage};

/// Reads the name of a language.
pub fn language(text: &str) -> Result<Language, &'static str> {
    Language::parse(text).ok_or("a language is en, ru or kk")
}

/// Why it stands so.
pub async fn explain(opened: &Opened, uid: &MerchantUid, language: Language, as_json: bool) -> Outcome<()> {
    let service = opened.service();
    let found = service.explanations.explain(&Tenant::All, uid).await.map_err(Failure::from);
    opened.audit("stores explain", Some(uid), None, &found).await;
    let known = found?;
    let now = service.clock.now();
    if as_json {
        output::json(&ExplanationView::new(&known, language, now));
    } else {
        output::line(explain::story(language, &known, now));
    }
    Ok(())
}

/// What happened to it, newest first.
pub async fn timeline(
    opened: &Opened,
    uid: &MerchantUid,
    before: Option<i64>,
    limit: u32,
    as_json: bool,
) -> Outcome<()> {
    let found = opened.service().records.timeline(&Tenant::All, uid, before, limit + 1).await;
    let found = found.map_err(Failure::from);
    opened.audit("stores timeline", Some(uid), None, &found).await;
    let found = found?;
    if as_json {
        output::json(&TimelinePage::new(&found, limit));
        return Ok(());
    }
    let page: Vec<_> = found.iter().take(limit as usize).collect();
    if page.is_empty() {
        output::note("nothing has happened to it yet");
        return Ok(());
    }
    output::line(table::layout(HEADS, &page.iter().map(|entry| row(entry)).collect::<Vec<_>>()));
    if let (Some(last), true) = (page.last(), found.len() > page.len()) {
        output::note(format_args!("what is older: --before {}", last.sequence));
    }
    Ok(())
}

const HEADS: [&str; 8] = ["AT", "WHAT", "BY", "STATUS", "GENERATION", "TOOK", "TIMES", "WHY"];

fn row(entry: &Entry) -> [String; 8] {
    let what = &entry.what;
    let act = match what.rung {
        Some(rung) => format!("{} ({})", what.act.as_str(), rung.as_str()),
        None => what.act.as_str().to_owned(),
    };
    let status = if what.before == what.after {
        what.after.clone()
    } else {
        format!("{} → {}", what.before, what.after)
    };
    let why = match what.code {
        Some(code) if what.reason.is_empty() => code.as_str().to_owned(),
        Some(code) => format!("{}: {}", code.as_str(), what.reason),
        None => what.reason.clone(),
    };
    [
        format!("{:.0}", what.at),
        act,
        what.origin.as_str().to_owned(),
        status,
        what.generation.to_string(),
        format!("{} ms", what.took.as_millis()),
        entry.times.to_string(),
        // The portal's words may be in it.
        why.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
    ]
}
