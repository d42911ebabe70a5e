//! The documentation and the code say the same.
//! It must compare whole table rows.

use kaspi_sandbox::{Knobs, stories};
use serde_json::Value;

const PAGE: &str = include_str!("../../../../docs/SANDBOX.md");

#[test]
fn every_story_has_its_row() {
    for story in stories::all() {
        let row = format!("| `{}` | {} |", story.id(), story.tells);
        assert!(PAGE.contains(&row), "missing: {row}");
    }
    let rows = PAGE.lines().filter(|line| {
        line.starts_with("| `") && (line.contains("@sandbox.test`") || line.starts_with("| `+7"))
    });
    assert_eq!(rows.count(), stories::all().len());
}

#[test]
fn every_knob_has_its_row_with_its_default() {
    let mut rows = Vec::new();
    flatten("", &serde_json::to_value(Knobs::default()).expect("JSON"), &mut rows);
    for row in &rows {
        assert!(PAGE.contains(row.as_str()), "missing: {row}");
    }
    let documented = PAGE.lines().filter(|line| {
        ["login", "page", "code", "session", "cabinet", "cookie"]
            .iter()
            .any(|group| line.starts_with(&format!("| `{group}.")))
    });
    assert_eq!(documented.count(), rows.len());
}

fn flatten(path: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                flatten(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, value, into);
            }
        }
        value => into.push(format!("| `{path}` | `{value}` |")),
    }
}
