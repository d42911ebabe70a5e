//! What a page may load, and which of its requests are looked at. Decides by type and address, never by content.

use serde_json::{Value, json};

use super::PageCore;
use crate::{FarmError, PageSetup, cdp::Pending};

/// How far a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its first document loads: nobody is asked.
    Loading,
    /// Its main frame goes nowhere without asking.
    Ready,
    /// The same, and nothing is blocked any more.
    Open,
}

impl PageCore {
    /// Tells the page what is looked at from now on.
    pub async fn enter(&self, stage: Stage) -> Result<(), FarmError> {
        *self.stage.lock() = stage;
        if let Some(pending) = self.filter(stage) {
            self.finish(pending).await?;
        }
        Ok(())
    }

    /// The command that does so; `None` where nothing is looked at.
    pub fn filter(&self, stage: Stage) -> Option<Pending> {
        let asks_who_we_are = self.door.credentials.is_some();
        let patterns = patterns(&self.setup, stage, asks_who_we_are);
        let params = json!({"patterns": patterns, "handleAuthRequests": asks_who_we_are});
        (!patterns.is_empty()).then(|| self.begin("Fetch.enable", params))
    }

    /// Whether a request is not let through.
    pub fn blocks(&self, resource_type: &str, url: &str) -> bool {
        *self.stage.lock() != Stage::Open
            && (self.setup.blocked_types.iter().any(|blocked| blocked == resource_type)
                || self.setup.blocked_urls.iter().any(|pattern| fits(pattern, url)))
    }
}

fn patterns(setup: &PageSetup, stage: Stage, everything: bool) -> Vec<Value> {
    let mut patterns = Vec::new();
    if everything {
        patterns.push(json!({"urlPattern": "*", "requestStage": "Request"}));
    } else {
        if stage != Stage::Loading {
            patterns.push(json!({"urlPattern": "*", "resourceType": "Document", "requestStage": "Request"}));
        }
        if stage != Stage::Open {
            let types = setup.blocked_types.iter();
            patterns.extend(
                types.map(|kind| json!({"urlPattern": "*", "resourceType": kind, "requestStage": "Request"})),
            );
            let urls = setup.blocked_urls.iter();
            patterns.extend(urls.map(|url| json!({"urlPattern": url, "requestStage": "Request"})));
        }
    }
    if stage != Stage::Loading {
        for path in &setup.read_paths {
            let url = format!("*://*{}*", escaped(path));
            for kind in ["XHR", "Fetch"] {
                patterns.push(json!({"urlPattern": url, "resourceType": kind, "requestStage": "Response"}));
            }
        }
    }
    patterns
}

fn escaped(path: &str) -> String {
    path.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?")
}

/// Whether a text fits a pattern in which `*` stands for any text and `?` for any one character.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, from)) = star else { return false };
                star = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in [
            ("*", "https://a.test/"),
            ("*tracker*", "https://tracker.test/x"),
            ("https://*.test/a*b", "https://x.test/a/b/b"),
            ("a?c", "abc"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("*.png", "https://a.test/x.png?1"), ("a?c", "ac"), ("", "a"), ("b*", "ab")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
