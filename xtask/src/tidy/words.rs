//! Words that do not stay in the repository: notes to oneself, switched-off tests, paths of one machine.

use super::lexer::{Kind, pieces};
use super::{Source, Violation};

/// Notes to oneself.
const NOTES: [&str; 3] = ["TODO", "FIXME", "XXX"];
/// Code that says "not yet", and what to do instead.
const UNFINISHED: [(&str, &str); 2] = [
    ("todo!", "finish it, or leave it out"),
    ("#[ignore", "a test runs or is deleted; a slow one belongs into the ring for slow ones"),
];
/// Where one machine keeps its things. Spelled in parts, so that this file passes itself.
const MACHINE: [&str; 3] = [concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/")];
/// Files that a person or a program reads paths from.
const READ: [&str; 9] = ["md", "rs", "toml", "sql", "sh", "yml", "yaml", "json", "py"];

/// Checks every text file.
pub fn check(sources: &[Source]) -> Vec<Violation> {
    sources.iter().flat_map(|source| notes(source).into_iter().chain(machine_paths(source))).collect()
}

fn notes(source: &Source) -> Vec<Violation> {
    if !source.has_ending("rs") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for piece in pieces(&source.text) {
        for (offset, line) in piece.text.lines().enumerate() {
            let complaint = match piece.kind {
                Kind::Comment => note_in(line),
                Kind::Code => unfinished_in(line),
                Kind::Text => None,
            };
            found.extend(complaint.map(|what| Violation::new(&source.path, piece.line + offset, what)));
        }
    }
    found
}

fn note_in(comment: &str) -> Option<String> {
    let note = NOTES.iter().find(|note| holds_note(comment, note))?;
    Some(format!("`{note}` in a comment; do it now, or say what holds instead"))
}

/// Whether the word stands in the comment by itself; three crosses count only where a note begins, since masks
/// of telephone numbers hold them too.
fn holds_note(comment: &str, note: &str) -> bool {
    let part_of_word = |sign: char| sign.is_alphanumeric() || sign == '_';
    comment.match_indices(note).any(|(at, _)| {
        let (before, after) = (&comment[..at], &comment[at + note.len()..]);
        let alone = !before.ends_with(part_of_word) && !after.starts_with(part_of_word);
        let begins = before.trim_matches(['/', '!', '*', ' ']).is_empty() || after.starts_with([':', '(']);
        alone && (begins || note != "XXX")
    })
}

fn unfinished_in(code: &str) -> Option<String> {
    UNFINISHED
        .iter()
        .find(|(sign, _)| code.contains(sign))
        .map(|(sign, advice)| format!("`{sign}`: {advice}"))
}

fn machine_paths(source: &Source) -> Vec<Violation> {
    if !READ.iter().any(|ending| source.has_ending(ending)) {
        return Vec::new();
    }
    source
        .lines()
        .filter_map(|(number, line)| {
            let path = MACHINE.iter().find(|path| names_absolute(line, path))?;
            let what = format!("`{path}…` is a path of one machine; name it from the repository's root");
            Some(Violation::new(&source.path, number, what))
        })
        .collect()
}

/// Whether the line names the folder as the beginning of a path, not in the middle of one or of an address.
fn names_absolute(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|sign| sign.is_alphanumeric() || "._-~}/".contains(sign))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<String> {
        check(&[Source::of(path, text)]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_note_in_a_comment_is_reported_with_its_line() {
        let found = complaints("a/src/b.rs", "//! B.\nfn f() {}\n// FIXME: later\n");
        assert!(found[0].starts_with("a/src/b.rs:3: `FIXME`"), "{found:?}");
        assert_eq!(complaints("a/src/b.rs", "/* one\n TODO two */\n").len(), 1);
        assert_eq!(complaints("a/src/b.rs", "// XXX why?\nf(); // odd, XXX: why?\n").len(), 2);
    }

    #[test]
    fn the_same_letters_in_a_text_or_inside_a_word_are_no_note() {
        let text = "//! The mask is +7 (7XX) XXX-XX, or +7 XXXX.\nlet mask = \"XXX\"; // a TODOS list\n";
        assert_eq!(complaints("a/src/b.rs", text), Vec::<String>::new());
    }

    #[test]
    fn unfinished_code_and_switched_off_tests_are_reported() {
        assert_eq!(complaints("a/src/b.rs", "fn f() { todo!() }\n").len(), 1);
        assert_eq!(complaints("a/src/b.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n").len(), 1);
        assert_eq!(complaints("a/src/b.rs", "let text = \"todo!\";\n"), Vec::<String>::new());
    }

    #[test]
    fn a_path_of_one_machine_is_reported_in_documents_and_code() {
        let line = format!("See `{}me/notes`.\n", MACHINE[2]);
        assert!(complaints("docs/A.md", &line)[0].starts_with("docs/A.md:1:"));
        assert_eq!(complaints("a/src/b.rs", &format!("let folder = \"{}main\";\n", MACHINE[0])).len(), 1);
    }

    #[test]
    fn the_middle_of_an_address_is_no_path_of_a_machine() {
        let text = format!("https://example.kz{}page and docs{}x\n", MACHINE[2], MACHINE[0]);
        assert_eq!(complaints("docs/A.md", &text), Vec::<String>::new());
    }
}
