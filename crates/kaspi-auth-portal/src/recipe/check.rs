//! Checks a recipe as a whole, so that a slip is found when the file is saved and not when a merchant signs in.

use std::fmt::Write as _;
use std::path::Path;

use kaspi_auth_core::Code;
use regex::{Regex, RegexBuilder};
use toml::Spanned;

use super::file::{Alternative, File, Is, Outcome};
use super::selector;
use super::spots::line;

/// What is wrong with a recipe, each fault with its line and key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RecipeError {
    message: String,
}

impl RecipeError {
    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self { message: format!("{} cannot be read: {error}", path.display()) }
    }

    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let spot = error.span().map(|span| format!("line {}: ", line(text, span.start))).unwrap_or_default();
        Self { message: format!("{spot}{}", error.message()) }
    }

    pub(super) fn of_file(self, path: &Path) -> Self {
        Self { message: format!("{}: {}", path.display(), self.message) }
    }
}

/// The codes that a text on the page can mean.
const TELLABLE: [Code; 13] = [
    Code::InvalidCredentials,
    Code::AccountLocked,
    Code::PortalRateLimited,
    Code::CodeRejected,
    Code::CodeExpired,
    Code::CodeAttemptsExhausted,
    Code::PortalLoginTimeout,
    Code::InsufficientPermissions,
    Code::NoMerchants,
    Code::PortalBlocked,
    Code::PortalUnavailable,
    Code::PortalChanged,
    Code::KaspiAuthError,
];

/// Types of resources of the browser's protocol that a login page can do without. Documents, scripts and calls are not among
/// them: without those there is no login.
const BLOCKABLE: [&str; 8] =
    ["Image", "Font", "Media", "Stylesheet", "TextTrack", "Manifest", "Ping", "Prefetch"];

struct Faults<'a> {
    text: &'a str,
    found: String,
}

impl Faults<'_> {
    fn add(&mut self, at: usize, key: &str, what: &str) {
        if !self.found.is_empty() {
            self.found.push('\n');
        }
        // Writing to a text cannot fail.
        let _ = write!(self.found, "line {}: {key} {what}", line(self.text, at));
    }

    fn pattern(&mut self, key: &str, pattern: &Spanned<String>) -> Option<Regex> {
        let compiled =
            RegexBuilder::new(pattern.get_ref()).case_insensitive(true).size_limit(1 << 20).build();
        match compiled {
            Ok(_) if pattern.get_ref().is_empty() => {
                self.add(pattern.span().start, key, "is empty");
                None
            }
            Ok(regex) => Some(regex),
            Err(error) => {
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.add(pattern.span().start, key, &format!("is no regular expression: {last}"));
                None
            }
        }
    }

    fn selector(&mut self, key: &str, selector: &Spanned<String>) {
        if let Some(fault) = selector::fault(selector.get_ref()) {
            self.add(selector.span().start, key, &format!("({:?}) {fault}", selector.get_ref()));
        }
    }
}

/// Checks all that the parser could not, and compiles the texts.
///
/// # Errors
/// Every fault that was found, one a line.
pub(super) fn check(text: &str, file: &File) -> Result<Vec<(Regex, Code)>, RecipeError> {
    let mut faults = Faults { text, found: String::new() };
    let version = file.version.get_ref();
    if *version != super::VERSION {
        let what = format!("is {version}: this program reads version {}", super::VERSION);
        faults.add(file.version.span().start, "version", &what);
    }
    page(&mut faults, file);
    for (name, _, element) in file.elements.all() {
        for alternative in &element.find {
            find(&mut faults, name, alternative);
        }
    }
    required(&mut faults, file);
    faults.pattern("choice.id_text", &file.choice.id_text);
    faults.selector("choice.name_css", &file.choice.name_css);
    for rule in &file.outcomes {
        outcome(&mut faults, file, rule);
    }
    for wanted in [Is::Cabinet, Is::Error, Is::Code, Is::Form] {
        if !file.outcomes.iter().any(|rule| rule.is == wanted) {
            faults.add(text.len(), "outcomes", &format!("has none with is = {:?}", wanted.as_str()));
        }
    }
    let texts = texts(&mut faults, file);
    if faults.found.is_empty() { Ok(texts) } else { Err(RecipeError { message: faults.found }) }
}

fn page(faults: &mut Faults<'_>, file: &File) {
    for blocked in &file.page.blocked_types {
        if !BLOCKABLE.contains(&blocked.get_ref().as_str()) {
            let what = format!("names {:?}, which is none of {}", blocked.get_ref(), BLOCKABLE.join(", "));
            faults.add(blocked.span().start, "page.blocked_types", &what);
        }
    }
    if !(100..=60_000).contains(&file.page.settle_millis) {
        faults.add(0, "page.settle_millis", "is not between 100 and 60000");
    }
    let paths = [&file.page.login_paths, &file.page.resend_paths, &file.page.merchants_paths];
    if paths.into_iter().flatten().any(|path| !path.starts_with('/')) {
        faults.add(0, "page", "has a path of a call that does not begin with a slash");
    }
}

fn find(faults: &mut Faults<'_>, name: &str, alternative: &Alternative) {
    faults.selector(&format!("elements.{name}: css"), &alternative.css);
    if let Some(pattern) = &alternative.text {
        faults.pattern(&format!("elements.{name}: text"), pattern);
    }
}

fn required(faults: &mut Faults<'_>, file: &File) {
    let elements = &file.elements;
    for (name, element) in [
        ("email", &elements.email),
        ("password", &elements.password),
        ("phone", &elements.phone),
        ("submit", &elements.submit),
        ("code", &elements.code),
        ("general_error", &elements.general_error),
        ("cabinet", &elements.cabinet),
    ] {
        if element.find.is_empty() {
            let head = faults.text.find(&format!("[elements.{name}]")).unwrap_or(0);
            faults.add(head, &format!("elements.{name}"), "has no alternative");
        }
    }
}

fn outcome(faults: &mut Faults<'_>, file: &File, rule: &Outcome) {
    let key = format!("outcomes (is = {:?})", rule.is.as_str());
    if let Some(element) = &rule.element
        && !file.elements.all().iter().any(|(name, ..)| *name == element.get_ref())
    {
        let what = format!("names the element {:?}, which there is not", element.get_ref());
        faults.add(element.span().start, &key, &what);
    }
    if let Some(path) = &rule.path {
        faults.pattern(&format!("{key}: path"), path);
    }
    if rule.element.is_none() && rule.path.is_none() && rule.status.is_empty() {
        faults.add(0, &key, "names nothing that must fit");
    }
}

fn texts(faults: &mut Faults<'_>, file: &File) -> Vec<(Regex, Code)> {
    let mut texts = Vec::new();
    for rule in &file.texts {
        let pattern = faults.pattern("texts: pattern", &rule.pattern);
        let code = Code::parse(rule.code.get_ref()).filter(|code| TELLABLE.contains(code));
        match (pattern, code) {
            (Some(pattern), Some(code)) => texts.push((pattern, code)),
            (_, None) => {
                let known: Vec<_> = TELLABLE.iter().map(|code| code.as_str()).collect();
                let what = format!("is {:?}, which is none of {}", rule.code.get_ref(), known.join(", "));
                faults.add(rule.code.span().start, "texts: code", &what);
            }
            (None, _) => {}
        }
    }
    texts
}
