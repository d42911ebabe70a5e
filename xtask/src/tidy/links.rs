//! Links between documents lead to files that are there, and to headings that are in them.

use std::collections::BTreeSet;

use super::{Source, Violation};

/// Checks every relative link of every Markdown file.
pub fn check(sources: &[Source]) -> Vec<Violation> {
    let paths: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let documents = sources.iter().filter(|source| source.has_ending("md"));
    documents
        .flat_map(|source| {
            links(source).into_iter().filter_map(|(line, target)| {
                broken(source, &target, &paths, sources).map(|what| Violation::new(&source.path, line, what))
            })
        })
        .collect()
}

fn broken(source: &Source, target: &str, paths: &BTreeSet<&str>, sources: &[Source]) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let Some(path) = resolve(&source.path, file) else {
        return Some(format!("the link `{target}` leads out of the repository; name a file in it"));
    };
    let folder = format!("{path}/");
    let is_folder = path.is_empty() || paths.iter().any(|known| known.starts_with(&folder));
    if !paths.contains(path.as_str()) && !is_folder {
        return Some(format!("the link `{target}` leads nowhere: there is no {path}; correct or remove it"));
    }
    let page = sources.iter().find(|page| page.path == path && page.has_ending("md"))?;
    let known = heading.is_empty() || headings(page).iter().any(|anchor| anchor == heading);
    (!known).then(|| format!("the link `{target}` names a heading that {path} has not; correct it"))
}

/// The path below the root that a link means; `None` when it leaves the root.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let (absolute, link) = link.strip_prefix('/').map_or((false, link), |rest| (true, rest));
    let mut parts: Vec<&str> = if absolute { Vec::new() } else { from.split('/').collect() };
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The targets of links and pictures outside code, with their lines.
fn links(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(source) {
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end].split(' ').next().unwrap_or_default();
            found.push((number, target.trim_matches(['<', '>']).to_owned()));
        }
    }
    found
}

/// The anchors that a page's headings make, as code hosts spell them.
fn headings(page: &Source) -> Vec<String> {
    let lines = prose_with_code_words(page);
    let titles = lines.iter().filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title
            .chars()
            .filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign))
            .map(|sign| if sign == ' ' { '-' } else { sign })
            .collect()
    });
    titles.collect()
}

/// The lines outside fences, with `code` inside them blanked out.
fn prose(source: &Source) -> Vec<(usize, String)> {
    let lines = prose_with_code_words(source);
    lines.into_iter().map(|(number, line)| (number, without_code(line))).collect()
}

fn prose_with_code_words(source: &Source) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (number, line) in source.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((number, line));
        }
    }
    lines
}

fn without_code(line: &str) -> String {
    let pieces = line.split('`').enumerate();
    pieces.map(|(index, piece)| if index % 2 == 0 { piece } else { "code" }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> Vec<String> {
        let sources = [
            Source::of("docs/A.md", text),
            Source::of("docs/B.md", "# The `second` page\n\n## What, then?\n"),
            Source::of("crates/core/src/lib.rs", "//! Core.\n"),
        ];
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_to_files_folders_headings_and_addresses_pass() {
        let text = "[b](B.md) [core](../crates/core/) ![x](/crates/core/src/lib.rs \"title\")\n\
            [h](B.md#what-then) [t](B.md#the-second-page) [web](https://example.kz/a) [mail](mailto:a@example.kz)\n";
        assert_eq!(complaints(text), Vec::<String>::new());
    }

    #[test]
    fn a_link_to_nothing_is_reported_with_its_line() {
        let found = complaints("# A\n\nSee [c](C.md).\n");
        assert!(found[0].starts_with("docs/A.md:3: the link `C.md` leads nowhere"), "{found:?}");
    }

    #[test]
    fn a_link_to_a_missing_heading_or_out_of_the_repository_is_reported() {
        assert_eq!(complaints("[h](B.md#no-such)\n").len(), 1);
        assert_eq!(complaints("[o](../../other/README.md)\n").len(), 1);
    }

    #[test]
    fn code_is_not_read_for_links() {
        assert_eq!(complaints("`[a](C.md)`\n```\n[a](C.md)\n```\n"), Vec::<String>::new());
    }
}
