//! Tells code, comments and string literals of a Rust source apart: as much of the grammar as the checks need.

/// What a piece of a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Code,
    Comment,
    Text,
}

/// A piece of one kind, and the line that it starts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    pub kind: Kind,
    pub line: usize,
    pub text: &'a str,
}

/// Splits a source into pieces; a string literal comes without its quotes.
pub fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut code = 0;
    let mut at = 0;
    let mut line = 1;
    let mut code_line = 1;
    while at < source.len() {
        let rest = &source[at..];
        let Some((kind, length, inner)) = special(rest, source[..at].chars().next_back()) else {
            let sign = rest.chars().next().map_or(1, char::len_utf8);
            line += usize::from(rest.starts_with('\n'));
            at += sign;
            continue;
        };
        push(&mut found, Kind::Code, code_line, &source[code..at]);
        push(&mut found, kind, line, &rest[inner.0..inner.1]);
        line += rest[..length].matches('\n').count();
        at += length;
        code = at;
        code_line = line;
    }
    push(&mut found, Kind::Code, code_line, &source[code..]);
    found
}

fn push<'a>(found: &mut Vec<Piece<'a>>, kind: Kind, line: usize, text: &'a str) {
    if !text.is_empty() {
        found.push(Piece { kind, line, text });
    }
}

/// A comment or literal at the very start: its kind, its length, and where its inner text stands.
fn special(rest: &str, before: Option<char>) -> Option<(Kind, usize, (usize, usize))> {
    if rest.starts_with("//") {
        let length = rest.find('\n').unwrap_or(rest.len());
        return Some((Kind::Comment, length, (0, length)));
    }
    if rest.starts_with("/*") {
        let length = rest.find("*/").map_or(rest.len(), |end| end + 2);
        return Some((Kind::Comment, length, (0, length)));
    }
    if let Some(found) = raw_text(rest).filter(|_| !before.is_some_and(is_word)) {
        return Some(found);
    }
    if let Some(inside) = rest.strip_prefix('"') {
        let length = closing_quote(inside);
        return Some((Kind::Text, (length + 2).min(rest.len()), (1, 1 + length)));
    }
    character(rest).map(|length| (Kind::Text, length, (1, length - 1)))
}

/// `r"…"`, `r#"…"#`, and the same of bytes.
fn raw_text(rest: &str) -> Option<(Kind, usize, (usize, usize))> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let start = rest.len() - inside.len();
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).unwrap_or(inside.len());
    Some((Kind::Text, (start + length + end.len()).min(rest.len()), (start, start + length)))
}

/// The place of the quote that ends a string literal.
fn closing_quote(inside: &str) -> usize {
    let mut escaped = false;
    for (place, sign) in inside.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return place,
            _ => {}
        }
    }
    inside.len()
}

/// The length of a character literal; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let mut signs = inside.char_indices();
    let (_, first) = signs.next()?;
    if first == '\\' {
        return inside[2..].find('\'').map(|end| end + 4);
    }
    let (place, second) = signs.next()?;
    (second == '\'').then_some(place + 2)
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, source: &str) -> Vec<(usize, &str)> {
        pieces(source).into_iter().filter(|piece| piece.kind == kind).map(|p| (p.line, p.text)).collect()
    }

    #[test]
    fn comments_texts_and_code_are_told_apart_with_their_lines() {
        let source = "//! head\nlet a = \"one // no\"; // tail\n/* two\nlines */ let b = r#\"raw \"x\" \"#;\nlet c = 1;\n";
        assert_eq!(of(Kind::Comment, source), [(1, "//! head"), (2, "// tail"), (3, "/* two\nlines */")]);
        assert_eq!(of(Kind::Text, source), [(2, "one // no"), (4, "raw \"x\" ")]);
        assert!(of(Kind::Code, source).iter().any(|(line, text)| *line == 4 && text.contains("let c")));
    }

    #[test]
    fn escapes_characters_and_lifetimes_do_not_confuse_it() {
        let source = "fn f<'a>(x: &'a str) { g('\"', '\\'', '\\\\', \"\\\"in\"); }";
        assert_eq!(of(Kind::Text, source), [(1, "\""), (1, "\\'"), (1, "\\\\"), (1, "\\\"in")]);
    }

    #[test]
    fn an_unfinished_literal_ends_with_the_source() {
        assert_eq!(of(Kind::Text, "let a = \"open"), [(1, "open")]);
        assert_eq!(of(Kind::Text, "let a = r#\"open"), [(1, "open")]);
    }
}
