//! Every error code has its page in `docs/problems`, and the page says of the code what the code says of itself.
#![expect(clippy::unwrap_used, reason = "a page that cannot be read fails its test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use kaspi_auth_core::{Code, Kind, Timestamp};
use serde_json::Value;

const SECTIONS: [&str; 4] = ["What happened", "What the caller does", "What the operator does", "Example"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/problems")
}

fn page(code: Code) -> String {
    let path = folder().join(format!("{}.md", code.as_str()));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The status that a reader of the pages may rely on.
fn status(kind: Kind) -> u16 {
    match kind {
        Kind::Accepted => 202,
        Kind::Invalid => 400,
        Kind::Unauthorized => 401,
        Kind::Forbidden => 403,
        Kind::NotFound => 404,
        Kind::MethodNotAllowed => 405,
        Kind::Conflict => 409,
        Kind::TooLarge => 413,
        Kind::UnsupportedMediaType => 415,
        Kind::Unprocessable => 422,
        Kind::RateLimited => 429,
        Kind::Internal => 500,
        Kind::Upstream => 502,
        Kind::Unavailable => 503,
    }
}

/// A cell of the table at the top of a page.
fn cell<'a>(page: &'a str, name: &str) -> &'a str {
    let start = format!("| {name} | ");
    let row = page.lines().find_map(|line| line.strip_prefix(start.as_str()));
    row.and_then(|rest| rest.strip_suffix(" |")).unwrap_or_else(|| panic!("no row {name:?} in:\n{page}"))
}

/// The text under each heading.
fn sections(page: &str) -> Vec<(&str, &str)> {
    page.split("\n## ").skip(1).map(|part| part.split_once('\n').unwrap()).collect()
}

fn example(page: &str) -> Value {
    let (_, rest) = page.split_once("```json\n").unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let names =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: BTreeSet<String> = names.collect();
    assert!(pages.remove("README.md"), "the index is missing");
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| format!("{}.md", code.as_str())).collect();
    assert_eq!(pages, codes);
}

#[test]
fn the_table_of_a_page_agrees_with_its_code() {
    for code in Code::ALL {
        let page = page(*code);
        assert_eq!(page.lines().next(), Some(&*format!("# {}", code.as_str())));
        let shown = cell(&page, "Status").split(' ').next().unwrap();
        assert_eq!(shown, status(code.kind()).to_string(), "status of {}", code.as_str());
        let retryable = if code.retryable() { "yes" } else { "no" };
        assert_eq!(cell(&page, "Retryable"), retryable, "{}", code.as_str());
        assert!(!cell(&page, "Where").is_empty());
    }
}

#[test]
fn a_page_says_what_happened_and_what_to_do_in_words_of_its_own() {
    let mut told = BTreeSet::new();
    for code in Code::ALL {
        let page = page(*code);
        let sections = sections(&page);
        assert_eq!(
            sections.iter().map(|(title, _)| *title).collect::<Vec<_>>(),
            SECTIONS,
            "{}",
            code.as_str()
        );
        for (title, text) in &sections {
            assert!(!text.trim().is_empty(), "{}: {title} is empty", code.as_str());
        }
        assert!(told.insert(sections[0].1.to_owned()), "{} tells what another page tells", code.as_str());
    }
}

#[test]
fn the_example_of_a_page_is_a_problem_document_of_its_code() {
    let known = [
        "type",
        "title",
        "status",
        "detail",
        "code",
        "retryable",
        "retry_at",
        "portal_message",
        "request_id",
    ];
    for code in Code::ALL {
        let (name, example) = (code.as_str(), example(&page(*code)));
        assert_eq!(example["type"], format!("/docs/problems/{name}"));
        assert_eq!(example["title"], name.replace('_', " "));
        assert_eq!(example["status"], status(code.kind()));
        assert_eq!(example["code"], name);
        assert_eq!(example["retryable"], code.retryable(), "{name}");
        assert!(example["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{name}");
        assert!(example["request_id"].is_string(), "{name}");
        for (member, value) in example.as_object().unwrap() {
            assert!(known.contains(&member.as_str()), "{name}: no problem has a member {member:?}");
            if member == "retry_at" {
                assert!(value.as_str().unwrap().parse::<Timestamp>().is_ok(), "{name}: {value}");
            }
        }
    }
}

#[test]
fn the_index_lists_every_code_once_with_its_status() {
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    for code in Code::ALL {
        let name = code.as_str();
        let retryable = if code.retryable() { "yes" } else { "no" };
        let row =
            format!("| [{name}]({name}.md) | {} | {retryable} | {} |", status(code.kind()), code.advice());
        assert_eq!(index.lines().filter(|line| **line == row).count(), 1, "one row of the index is:\n{row}");
    }
}
