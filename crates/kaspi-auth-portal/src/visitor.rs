//! Who visits the portal in one login: its cookies, the name it goes by, and what it did on this way. Must not be printed: it
//! holds secrets in clear.

use std::time::Duration;

use kaspi_auth_core::evidence::EvidenceStep;
use url::Url;

use crate::jar::Jar;

/// More steps than any login takes; a longer list is cut.
const MOST_STEPS: usize = 100;
/// How much of a page is kept for an operator.
const MOST_PAGE: usize = 128 * 1024;

/// A visitor.
#[derive(Clone, Default)]
pub(crate) struct Visitor {
    /// Its cookies.
    pub(crate) jar: Jar,
    /// The `User-Agent`, where it is not the client's own: a login that began in a browser ends under the browser's name.
    pub(crate) user_agent: Option<String>,
    /// What it did in this call, for evidence.
    pub(crate) steps: Vec<EvidenceStep>,
    /// The last page that came where none was expected.
    pub(crate) page: Option<String>,
}

impl Visitor {
    /// A visitor with these cookies.
    pub(crate) fn with(jar: Jar) -> Self {
        Self { jar, ..Self::default() }
    }

    /// Notes a step.
    pub(crate) fn did(&mut self, name: &str, url: &Url, outcome: impl Into<String>, took: Duration) {
        if self.steps.len() < MOST_STEPS {
            self.steps.push(step(name, url, outcome, took));
        }
    }

    /// Keeps the page of an answer.
    pub(crate) fn saw(&mut self, body: &[u8]) {
        self.page = Some(String::from_utf8_lossy(&body[..body.len().min(MOST_PAGE)]).into_owned());
    }

    /// The paths of the steps of this name, in their order: what the canary compares.
    pub(crate) fn chain(&self, name: &str) -> String {
        let steps = self.steps.iter().filter(|step| step.name == name);
        let path = |step: &EvidenceStep| {
            let url = Url::parse(&step.url).ok();
            let path = url.as_ref().map_or("", Url::path).to_owned();
            format!("{path} {}", step.outcome)
        };
        steps.map(path).collect::<Vec<_>>().join("\n")
    }
}

/// A step as evidence shows it.
pub(crate) fn step(name: &str, url: &Url, outcome: impl Into<String>, took: Duration) -> EvidenceStep {
    EvidenceStep {
        name: name.to_owned(),
        url: without_values(url),
        outcome: outcome.into(),
        millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    }
}

/// An address with the names of its query but none of the values: those may be codes.
pub(crate) fn without_values(url: &Url) -> String {
    let mut shown = url.clone();
    let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    shown.set_query(None);
    shown.set_fragment(None);
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    if !names.is_empty() {
        let mut pairs = shown.query_pairs_mut();
        for name in &names {
            pairs.append_key_only(name);
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_the_names_of_their_query_only() {
        let url = Url::parse("https://u:p@mc.test/login/oauth2/code/1?code=SECRET&state=S#frag").unwrap();
        assert_eq!(without_values(&url), "https://mc.test/login/oauth2/code/1?code&state");
        assert_eq!(
            without_values(&Url::parse("https://a.test/?continue").unwrap()),
            "https://a.test/?continue"
        );
    }
}
