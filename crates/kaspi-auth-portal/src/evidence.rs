//! Evidence of a step that failed, without what people typed and without values of queries. Must not fail a login: whatever cannot
//! be had is left out.

use std::sync::LazyLock;

use kaspi_auth_core::evidence::Evidence;
use kaspi_auth_core::login::Driver;
use kaspi_auth_core::{Code, Timestamp};
use regex::Regex;

use crate::visitor::Visitor;

/// What looks like an e-mail address, a phone or a long number.
static PERSONAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[^\s@<>"'()]+@[^\s@<>"'()]+\.[^\s@<>"'()]+|\+?[0-9][0-9\s()*-]{8,}[0-9]"#)
        .expect("the pattern is sound: a test uses it")
});
static SCRIPTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?is)<script\b.*?</script\s*>|<!--.*?-->|\son[a-z]+\s*=\s*(\x22[^\x22]*\x22|'[^']*'|[^\s>]+)",
    )
    .expect("the pattern is sound: a test uses it")
});
static VALUES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?is)\s(value|srcdoc|action)\s*=\s*(\x22[^\x22]*\x22|'[^']*'|[^\s>]+)")
        .expect("the pattern is sound: a test uses it")
});
/// Shorter texts are not searched for: they would blot out the page.
const SHORTEST: usize = 3;

/// A page without scripts, values of inputs, and what looks personal.
pub(crate) fn skeleton_of_html(html: &str) -> String {
    let html = SCRIPTS.replace_all(html, "");
    let html = VALUES.replace_all(&html, "");
    PERSONAL.replace_all(&html, "***").into_owned()
}

/// A text without these words, whatever their case.
pub(crate) fn without(text: String, words: &[&str]) -> String {
    words.iter().filter(|word| word.len() >= SHORTEST).fold(text, |text, word| {
        match Regex::new(&format!("(?i){}", regex::escape(word))) {
            Ok(pattern) => pattern.replace_all(&text, "***").into_owned(),
            Err(_) => text.replace(word, "***"),
        }
    })
}

/// What the direct engine saw.
pub(crate) fn of_direct(visitor: &Visitor, code: Code, at: Timestamp) -> Evidence {
    Evidence {
        driver: Driver::Direct,
        code: Some(code),
        at,
        page: visitor.steps.last().map(|step| step.url.clone()),
        steps: visitor.steps.clone(),
        skeleton: visitor.page.as_deref().map(skeleton_of_html),
        screenshot: None,
        picture: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_holds_nothing_that_was_typed_and_nothing_that_runs() {
        let html = "<p onclick=\"x()\">to A@b.kz</p><script>let k = 1;</script><input value='s3cret' name=a><!-- c -->+7 (700) 123-45-67";
        assert_eq!(skeleton_of_html(html), "<p>to ***</p><input name=a>***");
        assert_eq!(without("a Secret b secret".to_owned(), &["secret", "b"]), "a *** b ***");
    }
}
