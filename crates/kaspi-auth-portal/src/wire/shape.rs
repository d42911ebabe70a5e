//! Status, media type and shape of an answer, looked at before anything of it is believed.
//! Turns what is no answer of the API into its error: an outage, a wall and a changed page each have their own.

use jiff::Timestamp;
use kaspi_auth_core::{Code, Error};
use serde_json::{Map, Value};

use super::words::{self, Words};
use crate::http::Answer;

/// How much of a page is searched for what it is.
const LOOKED_AT: usize = 64 * 1024;

/// What a body is, whatever it was announced as. The first character decides: some servers announce JSON as text or HTML.
pub(crate) enum Shape {
    /// A JSON object.
    Object(Map<String, Value>),
    /// JSON of another kind.
    OtherJson,
    /// JSON that ends too early.
    CutOff,
    /// A page.
    Html(Page),
    /// Nothing.
    Empty,
    /// More than is read.
    TooLarge,
    /// Anything else.
    Unknown,
}

/// What a page looks like.
pub(crate) struct Page {
    /// Its title, fit to be shown.
    pub(crate) title: Option<String>,
    /// It keeps visitors out.
    pub(crate) wall: bool,
    /// It asks to sign in.
    pub(crate) login: bool,
    /// It is the shell of a script: what it will show cannot be told.
    pub(crate) shell: bool,
}

impl Shape {
    /// Reads the body of an answer.
    pub(crate) fn of(answer: &Answer) -> Self {
        let Some(body) = &answer.body else { return Self::TooLarge };
        // A byte order mark is no part of the text.
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
        match body.first() {
            None => Self::Empty,
            Some(b'{') if !is_other_media(&answer.media) => json(body),
            Some(b'[' | b'"') if answer.media.ends_with("json") => Self::OtherJson,
            Some(b'<') => Self::Html(Page::read(body)),
            Some(_) if answer.media == "text/html" => Self::Html(Page::read(body)),
            Some(_) => Self::Unknown,
        }
    }

    /// In a word, for error texts.
    fn name(&self) -> &'static str {
        match self {
            Self::Object(_) => "JSON",
            Self::OtherJson => "JSON of another kind",
            Self::CutOff => "JSON that is cut off",
            Self::Html(_) => "HTML",
            Self::Empty => "no body",
            Self::TooLarge => "a body that is too large",
            Self::Unknown => "a body of another kind",
        }
    }
}

fn is_other_media(media: &str) -> bool {
    ["image/", "video/", "audio/", "font/"].iter().any(|kind| media.starts_with(kind))
        || media.ends_with("javascript")
        || media == "text/css"
}

fn json(body: &[u8]) -> Shape {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Shape::Object(object),
        Ok(_) => Shape::OtherJson,
        Err(error) if error.is_eof() => Shape::CutOff,
        Err(_) => Shape::Unknown,
    }
}

impl Page {
    /// Looks at the text of a page.
    pub(crate) fn read(body: &[u8]) -> Self {
        const WALL: [&str; 16] = [
            "captcha",
            "access denied",
            "access to this page",
            "forbidden",
            "are you a robot",
            "not a robot",
            "unusual traffic",
            "too many requests",
            "attention required",
            "checking your browser",
            "request blocked",
            "you have been blocked",
            "ddos",
            "доступ запрещ",
            "доступ ограничен",
            "слишком много запросов",
        ];
        const LOGIN: [&str; 5] =
            ["user_email_field", "user_phone_field", "password_field", "type=\"password\"", "/api/p/login"];
        let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]);
        let lower = text.to_lowercase();
        let has = |marks: &[&str]| marks.iter().any(|mark| lower.contains(mark));
        let login = has(&LOGIN);
        // The login page's bundle, and where such scripts put their page (CONTRACT, 1 and 2.1).
        let shell = has(&["js/main.js", "id=\"app\"", "id=app"]);
        Self { title: title(&text), wall: !login && has(&WALL), login, shell }
    }
}

fn title(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<title>")?;
    let (title, _) = rest.split_once("</title>")?;
    Some(words::bounded(title)).filter(|title| !title.is_empty())
}

/// The error that an answer is which is not what was asked for, by its status and shape alone. Never wrong credentials.
pub(crate) fn trouble(answer: &Answer, shape: &Shape, words: &Words<'_>, now: Timestamp) -> Error {
    let code = match (answer.status, shape) {
        (500..=599 | 407 | 408 | 425, _) | (_, Shape::CutOff) => Code::PortalUnavailable,
        (429, Shape::Object(_)) => Code::PortalRateLimited,
        (403 | 429, _) | (_, Shape::Html(Page { wall: true, .. })) => Code::PortalBlocked,
        _ => Code::PortalChanged,
    };
    let said = match shape {
        Shape::Object(object) => words.of(object),
        Shape::Html(page) => page.title.as_deref().and_then(|title| words.clean(title)),
        _ => None,
    };
    let detail = format!("{} ({}: {} with {}.)", code.advice(), answer.asked, answer.status, shape.name());
    let error = Error::new(code, detail).with_portal_message(said);
    match answer.retry_at(now) {
        Some(at) => error.with_retry_at(at),
        None => error,
    }
}
