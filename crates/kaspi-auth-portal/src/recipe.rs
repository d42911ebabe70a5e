//! The recipe: what is known of the portal's login page, as data, so that an operator mends a renamed field by one line.
//!
//! A recipe is checked as a whole when it is read, and says the line and the key of what is wrong. It must not drive a page:
//! that is `browser`'s; and it holds no address of the portal, which is configuration.

mod check;
mod file;
mod selector;
mod spots;

use std::path::Path;

use kaspi_auth_core::Code;
use regex::Regex;
use serde_json::{Value, json};

pub use self::check::RecipeError;
pub use self::file::Typing;
use self::file::{Alternative, File, Is};

/// The version of the format that is read.
const VERSION: u32 = 1;
const DEFAULT: &str = include_str!("recipe/default.toml");

/// Page knowledge, checked and ready for use.
#[derive(Debug, Clone)]
pub struct Recipe {
    file: File,
    texts: Vec<(Regex, Code)>,
}

impl Recipe {
    /// The recipe that comes with the program.
    pub fn embedded() -> Self {
        Self::parse(DEFAULT).expect("the recipe that comes with the program is sound: a test reads it")
    }

    /// The text of the recipe that comes with the program: a start for one's own.
    pub fn embedded_text() -> &'static str {
        DEFAULT
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or as [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self, RecipeError> {
        let text = std::fs::read_to_string(path).map_err(|error| RecipeError::unreadable(path, &error))?;
        Self::parse(&text).map_err(|error| error.of_file(path))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// Every fault that is found, each with its line: what is no TOML, unknown and missing keys, another version, selectors and
    /// patterns that cannot work, names that nothing bears.
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let file: File = toml::from_str(text).map_err(|error| RecipeError::of_toml(text, &error))?;
        let texts = check::check(text, &file)?;
        Ok(Self { file, texts })
    }

    /// How text gets into a field.
    pub fn typing(&self) -> Typing {
        self.file.page.typing
    }

    /// Types of resources that are not loaded.
    pub(crate) fn blocked_types(&self) -> Vec<String> {
        self.file.page.blocked_types.iter().map(|name| name.get_ref().clone()).collect()
    }

    /// Addresses that are not loaded.
    pub(crate) fn blocked_urls(&self) -> Vec<String> {
        self.file.page.blocked_urls.clone()
    }

    /// Which call of the page's script an address belongs to.
    pub(crate) fn call_at(&self, path: &str) -> Option<Call> {
        let page = &self.file.page;
        let among = |paths: &[String]| paths.iter().any(|known| path.starts_with(known.as_str()));
        if among(&page.resend_paths) {
            Some(Call::Resend)
        } else if among(&page.login_paths) {
            Some(Call::Login)
        } else if among(&page.merchants_paths) {
            Some(Call::Merchants)
        } else {
            None
        }
    }

    /// Paths of the calls whose answers are read.
    pub(crate) fn read_paths(&self) -> Vec<String> {
        let page = &self.file.page;
        [&page.login_paths, &page.resend_paths, &page.merchants_paths]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// What a text of an error on the page means, where it is known.
    pub(crate) fn code_of_text(&self, text: &str) -> Option<Code> {
        self.texts.iter().find(|(pattern, _)| pattern.is_match(text)).map(|(_, code)| *code)
    }

    /// How long a page may show nothing known.
    pub(crate) fn settle_millis(&self) -> u64 {
        self.file.page.settle_millis
    }

    /// The recipe as the page's observer reads it.
    pub(crate) fn for_page(&self) -> Value {
        let alternative = |one: &Alternative| json!({"css": one.css.get_ref(), "text": one.text.as_ref().map(toml::Spanned::get_ref)});
        let elements: serde_json::Map<String, Value> = self
            .file
            .elements
            .all()
            .into_iter()
            .map(|(name, _, element)| (name.to_owned(), element.find.iter().map(alternative).collect()))
            .collect();
        let outcomes: Vec<Value> = self.file.outcomes.iter().map(outcome).collect();
        let choice = &self.file.choice;
        json!({
            "elements": elements,
            "outcomes": outcomes,
            "choice": {"attributes": choice.id_attributes, "id": choice.id_text.get_ref(), "name": choice.name_css.get_ref()},
            "settle": self.settle_millis(),
        })
    }

    /// The names of all elements with whether the first page of the login must show each.
    pub(crate) fn elements(&self) -> Vec<(&'static str, bool, Vec<String>)> {
        let shown = |one: &Alternative| match &one.text {
            Some(text) => format!("{} with the text /{}/", one.css.get_ref(), text.get_ref()),
            None => one.css.get_ref().clone(),
        };
        let elements = self.file.elements.all();
        elements
            .into_iter()
            .map(|(name, first, element)| (name, first, element.find.iter().map(shown).collect()))
            .collect()
    }
}

fn outcome(rule: &file::Outcome) -> Value {
    json!({
        "is": rule.is.as_str(),
        "element": rule.element.as_ref().map(toml::Spanned::get_ref),
        "path": rule.path.as_ref().map(toml::Spanned::get_ref),
        "status": rule.status,
    })
}

/// The calls of the login page's script whose answers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Login,
    Resend,
    Merchants,
}

impl Is {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cabinet => "cabinet",
            Self::Wall => "wall",
            Self::Down => "down",
            Self::Error => "error",
            Self::Captcha => "captcha",
            Self::Choice => "choice",
            Self::Code => "code",
            Self::Form => "form",
        }
    }
}

#[cfg(test)]
mod tests;
