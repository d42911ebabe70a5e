//! Whether a CSS selector can be one at all. The browser has the last word (`kaspi-auth recipe check`); what is caught here are
//! slips of the pen: an empty alternative, an open quote or bracket, a rule in place of a selector.

/// What is wrong with a selector; `None` where nothing is seen.
pub(super) fn fault(selector: &str) -> Option<&'static str> {
    let text = selector.trim();
    if text.is_empty() {
        return Some("is empty");
    }
    if text.starts_with([',', '>', '+', '~']) || text.ends_with([',', '>', '+', '~', '.', '#', ':']) {
        return Some("begins or ends in the middle");
    }
    let mut open = Vec::new();
    let mut quote = None;
    let mut escaped = false;
    let mut before = ' ';
    for c in text.chars() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (quote, c) {
            (_, '\\') => escaped = true,
            (Some(end), _) => quote = Some(end).filter(|end| *end != c),
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => open.push(')'),
            (None, '[') => open.push(']'),
            (None, ')' | ']') if open.pop() != Some(c) => return Some("has brackets that do not match"),
            (None, '{' | '}' | ';' | '<' | '@' | '!' | '%' | '?' | '`') => {
                return Some("has a character that no selector has");
            }
            (None, ',') if before == ',' => return Some("has an empty part"),
            _ => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    if quote.is_some() {
        return Some("has a quote that is not closed");
    }
    (!open.is_empty()).then_some("has a bracket that is not closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_pass_and_slips_do_not() {
        for fine in [
            "#user_email_field",
            "form > p:nth-child(2), .help.is-danger",
            "input[name*=code i]:not([type=hidden])",
            "a[href=\"/x?y={z}\"]",
            "[data-x='it\\'s']",
            "*",
        ] {
            assert_eq!(fault(fine), None, "{fine}");
        }
        for slip in [
            "",
            "  ",
            "a,",
            ", a",
            "#",
            "a:",
            "a > ",
            "input[name=x",
            "a)",
            "[x='y]",
            "a { color: red }",
            "a,, b",
            "<b>",
            "a](",
        ] {
            assert!(fault(slip).is_some(), "{slip}");
        }
    }
}
