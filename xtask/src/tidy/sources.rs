//! The shape of Rust files: a header, a size, a place.

use super::{Source, Violation};

/// How many lines a file may have before its tests.
const LIMIT: usize = 500;

/// Checks every Rust file.
pub fn check(sources: &[Source]) -> Vec<Violation> {
    let rust = sources.iter().filter(|source| source.has_ending("rs"));
    rust.flat_map(|source| [header(source), size(source), place(source)].into_iter().flatten()).collect()
}

fn header(source: &Source) -> Option<Violation> {
    let opens = source.text.lines().next().is_some_and(|line| line.starts_with("//!"));
    (!opens).then(|| {
        let what = "the file does not open with `//!`; say what it holds and what it must not do";
        Violation::new(&source.path, 1, what)
    })
}

fn size(source: &Source) -> Option<Violation> {
    if source.is_below("tests") || source.is_below("benches") || source.name() == "tests.rs" {
        return None;
    }
    let lines = source.text.lines().count();
    let shipped = tests_start(source).map_or(lines, |line| line - 1);
    (shipped > LIMIT).then(|| {
        let what = format!("{shipped} lines before the tests, {LIMIT} are allowed; split it by what it does");
        Violation::new(&source.path, LIMIT + 1, what)
    })
}

fn place(source: &Source) -> Option<Violation> {
    (source.name() == "mod.rs").then(|| {
        let what = "no mod.rs: a module `foo` is foo.rs, its parts are in foo/; rename it";
        Violation::new(&source.path, 1, what)
    })
}

/// The line of the `#[cfg(test)]` that stands on the test module.
fn tests_start(source: &Source) -> Option<usize> {
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let is_module = |line: &&str| line.starts_with("mod ") || line.starts_with("pub mod ");
    (0..lines.len())
        .find(|&at| {
            let mut after = lines[at + 1..].iter().filter(|line| !line.starts_with("#["));
            lines[at] == "#[cfg(test)]" && after.next().is_some_and(is_module)
        })
        .map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<String> {
        check(&[Source::of(path, text)]).iter().map(ToString::to_string).collect()
    }

    fn long(lines: usize) -> String {
        format!("//! Long.\n{}", "fn f() {}\n".repeat(lines - 1))
    }

    #[test]
    fn a_file_with_a_header_passes_and_one_without_does_not() {
        assert_eq!(complaints("crates/a/src/lib.rs", "//! It holds a.\n"), Vec::<String>::new());
        for text in ["fn f() {}\n", "", "// A plain comment.\n", "\n//! Too late.\n"] {
            assert!(complaints("crates/a/src/lib.rs", text)[0].contains("`//!`"), "{text:?}");
        }
    }

    #[test]
    fn a_file_over_the_limit_is_reported_where_it_passes_it() {
        assert_eq!(complaints("a/src/b.rs", &long(500)), Vec::<String>::new());
        assert!(complaints("a/src/b.rs", &long(501))[0].starts_with("a/src/b.rs:501: 501 lines"));
    }

    #[test]
    fn lines_of_tests_do_not_count() {
        let text = long(400) + "#[cfg(test)]\nmod tests {\n" + &"    fn f() {}\n".repeat(400) + "}\n";
        assert_eq!(complaints("a/src/b.rs", &text), Vec::<String>::new());
        assert_eq!(complaints("a/tests/b.rs", &long(900)), Vec::<String>::new());
        assert_eq!(complaints("a/src/b/tests.rs", &long(900)), Vec::<String>::new());
    }

    #[test]
    fn a_test_only_item_in_the_middle_hides_nothing() {
        let text = "//! Long.\n#[cfg(test)]\nuse std::fmt;\n".to_owned() + &"fn f() {}\n".repeat(600);
        assert_eq!(complaints("a/src/b.rs", &text).len(), 1);
    }

    #[test]
    fn a_module_file_of_the_old_style_is_reported() {
        assert!(complaints("a/src/b/mod.rs", "//! It holds b.\n")[0].contains("no mod.rs"));
    }
}
