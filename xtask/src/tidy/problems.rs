//! Every error code has a page in docs/problems, and every page there has its code.

use std::collections::BTreeMap;

use super::lexer::{Kind, pieces};
use super::{Source, Violation};

const CODES: &str = "crates/kaspi-auth-core/src/error/code.rs";
const PAGES: &str = "docs/problems/";

/// Holds the codes in the source against the pages.
pub fn check(sources: &[Source]) -> Vec<Violation> {
    let Some(source) = sources.iter().find(|source| source.path == CODES) else {
        let what = "the list of error codes is not here; say in xtask/src/tidy/problems.rs where it went";
        return vec![Violation::new(CODES, 1, what)];
    };
    let codes = codes(&source.text);
    if codes.is_empty() {
        return vec![Violation::new(
            CODES,
            1,
            "no error code found: each is a `snake_case` string literal here",
        )];
    }
    let pages: BTreeMap<&str, &Source> =
        sources.iter().filter_map(|page| Some((code_of(page)?, page))).collect();
    let without_page = codes.iter().filter(|(code, _)| !pages.contains_key(*code)).map(|(code, line)| {
        let what = format!("`{code}` has no page; write {PAGES}{code}.md: what happened, what to do");
        Violation::new(CODES, *line, what)
    });
    let without_code = pages.iter().filter(|(code, _)| !codes.contains_key(*code)).map(|(code, page)| {
        Violation::new(
            &page.path,
            1,
            format!("there is no error code `{code}`; delete the page or rename it"),
        )
    });
    let without_name = pages.iter().filter_map(|(code, page)| {
        let title = page.text.lines().next().unwrap_or_default();
        let what = format!("the title does not name the code; begin the page with `# {code}`");
        (!title.contains(code)).then(|| Violation::new(&page.path, 1, what))
    });
    without_page.chain(without_code).chain(without_name).collect()
}

fn code_of(page: &Source) -> Option<&str> {
    let name = page.path.strip_prefix(PAGES)?.strip_suffix(".md")?;
    (!matches!(name, "README" | "index")).then_some(name)
}

/// The string literals that are codes, with their lines: single words in snake_case, outside attributes and tests.
fn codes(text: &str) -> BTreeMap<&str, usize> {
    let mut codes = BTreeMap::new();
    let mut attribute = false;
    for piece in pieces(text) {
        match piece.kind {
            Kind::Code if piece.text.contains("#[cfg(test)]") => break,
            Kind::Code => attribute = opens_attribute(piece.text, attribute),
            Kind::Text if !attribute && is_code(piece.text) => {
                codes.entry(piece.text).or_insert(piece.line);
            }
            Kind::Text | Kind::Comment => {}
        }
    }
    codes
}

/// Whether an attribute is still open where this piece of code ends.
fn opens_attribute(code: &str, was_open: bool) -> bool {
    match code.rfind("#[") {
        Some(start) => !code[start..].contains(']'),
        None => was_open && !code.contains(']'),
    }
}

fn is_code(text: &str) -> bool {
    text.starts_with(|sign: char| sign.is_ascii_lowercase())
        && text.len() > 2
        && text.bytes().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"//! Codes.
#[serde(rename_all = "snake_case")]
enum Code { NotFound, SmsRequired }
fn row(self) -> Row {
    match self {
        Self::NotFound => Row("not_found", "There is nothing here."),
        Self::SmsRequired => Row(
            "sms_required",
            "Answer the code.",
        ),
    }
}
#[cfg(test)]
mod tests { const OTHER: &str = "other_word"; }
"#;

    fn complaints(pages: &[(&str, &str)]) -> Vec<String> {
        let mut sources = vec![Source::of(CODES, SOURCE)];
        sources.extend(pages.iter().map(|(name, text)| Source::of(&format!("{PAGES}{name}.md"), text)));
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn codes_are_the_single_words_outside_attributes_and_tests() {
        let found: Vec<_> = codes(SOURCE).into_iter().collect();
        assert_eq!(found, [("not_found", 6), ("sms_required", 8)]);
    }

    #[test]
    fn a_page_for_each_code_passes() {
        let pages =
            [("not_found", "# not_found\n"), ("sms_required", "# `sms_required`\n"), ("README", "# All\n")];
        assert_eq!(complaints(&pages), Vec::<String>::new());
    }

    #[test]
    fn a_code_without_a_page_is_reported_at_the_code() {
        let found = complaints(&[("not_found", "# not_found\n")]);
        assert!(found[0].starts_with(&format!("{CODES}:8: `sms_required` has no page")), "{found:?}");
    }

    #[test]
    fn a_page_without_a_code_and_a_page_with_another_title_are_reported() {
        let found = complaints(&[
            ("not_found", "# Oops\n"),
            ("sms_required", "# sms_required\n"),
            ("gone", "# gone\n"),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_lost_list_of_codes_is_reported() {
        assert_eq!(check(&[]).len(), 1);
        assert_eq!(check(&[Source::of(CODES, "//! Nothing.\n")]).len(), 1);
    }
}
