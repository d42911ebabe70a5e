//! The pages of `assets/`, put together once, and the rows of those that list something.
//! It must not know what a page is for, and loads nothing from outside.

use crate::{host::Origins, inbox::Message, stories::Story};
use std::{fmt::Write as _, sync::LazyLock};

const CSS: &str = include_str!("../assets/sandbox.css");

/// The login page.
pub(crate) static LOGIN: LazyLock<Page> = LazyLock::new(|| {
    Page::new(
        &include_str!("../assets/login.html").replace("/*__LOGIN_JS__*/", include_str!("../assets/login.js")),
    )
});
/// The login page with other markup.
pub(crate) static LOGIN_CHANGED: LazyLock<Page> = LazyLock::new(|| {
    let page = include_str!("../assets/login-changed.html");
    Page::new(&page.replace("/*__LOGIN_JS__*/", include_str!("../assets/login.js")))
});
/// The cabinet's shell.
pub(crate) static CABINET: LazyLock<Page> = LazyLock::new(|| {
    let page = include_str!("../assets/cabinet.html");
    Page::new(&page.replace("/*__CABINET_JS__*/", include_str!("../assets/cabinet.js")))
});
/// The sandbox's own start page.
pub(crate) static START: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("../assets/start.html")));
/// The inbox for people.
pub(crate) static INBOX: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("../assets/inbox.html")));
/// The HTML wall.
pub(crate) static WALL: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("../assets/wall.html")));
/// The HTML page with a captcha, in place of the wall.
pub(crate) static CAPTCHA_WALL: LazyLock<Page> =
    LazyLock::new(|| Page::new(include_str!("../assets/captcha-wall.html")));
/// The captcha's frame.
pub(crate) static CAPTCHA: LazyLock<Page> =
    LazyLock::new(|| Page::new(include_str!("../assets/captcha.html")));
/// The HTML 500.
pub(crate) static BROKEN: LazyLock<Page> =
    LazyLock::new(|| Page::new(include_str!("../assets/error500.html")));

/// A page cut at its placeholders.
pub(crate) struct Page {
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Origins,
    Site,
    Login,
    Cabinet,
    Rows,
}

impl Page {
    fn new(html: &str) -> Self {
        let html = html.replace("/*__CSS__*/", CSS);
        let mut parts = Vec::new();
        let mut rest = html.as_str();
        while let Some((at, mark, part)) = next_mark(rest) {
            parts.push(Part::Text(rest[..at].to_owned()));
            parts.push(part);
            rest = &rest[at + mark..];
        }
        parts.push(Part::Text(rest.to_owned()));
        Self { parts }
    }

    /// The page for a request: `rows` is what stands in its last placeholder, and must be HTML already.
    pub(crate) fn render(&self, origins: &Origins, rows: &str) -> String {
        let mut html = String::with_capacity(65_536);
        for part in &self.parts {
            match part {
                Part::Text(text) => html.push_str(text),
                Part::Origins => {
                    let Origins { site, login, cabinet } = origins;
                    let _ = write!(html, r#"{{"site":"{site}","login":"{login}","cabinet":"{cabinet}"}}"#);
                }
                Part::Site => html.push_str(&origins.site),
                Part::Login => html.push_str(&origins.login),
                Part::Cabinet => html.push_str(&origins.cabinet),
                Part::Rows => html.push_str(rows),
            }
        }
        html
    }
}

fn next_mark(html: &str) -> Option<(usize, usize, Part)> {
    let marks = [
        ("__ORIGINS__", Part::Origins),
        ("__SITE__", Part::Site),
        ("__LOGIN__", Part::Login),
        ("__CABINET__", Part::Cabinet),
        ("__STORIES__", Part::Rows),
        ("__MESSAGES__", Part::Rows),
        ("__SETTINGS__", Part::Rows),
        ("__STATUS__", Part::Rows),
    ];
    marks
        .into_iter()
        .filter_map(|(mark, part)| html.find(mark).map(|at| (at, mark.len(), part)))
        .min_by_key(|(at, ..)| *at)
}

/// Rows of the start page.
pub(crate) fn story_rows(stories: &[Story]) -> String {
    stories.iter().fold(String::new(), |mut rows, story| {
        let _ = writeln!(
            rows,
            r#"<tr><td data-label="Account"><code>{}</code></td><td data-label="Secret"><code>{}</code></td><td data-label="What happens">{}</td></tr>"#,
            escape(story.id()),
            escape(story.secret()),
            escape(story.tells),
        );
        rows
    })
}

/// Rows of the inbox, newest first.
pub(crate) fn message_rows(messages: &[Message]) -> String {
    messages.iter().rev().fold(String::new(), |mut rows, message| {
        let code = message.code.as_deref().unwrap_or_default();
        let _ = writeln!(
            rows,
            r#"<tr><td data-label="Time">{}</td><td data-label="Channel">{}</td><td data-label="To">{}</td><td data-label="Code"><code class="code">{}</code></td><td data-label="Text">{}</td></tr>"#,
            message.sent_at.strftime("%H:%M:%S"),
            channel(message),
            escape(&message.to),
            escape(code),
            escape(&message.body),
        );
        rows
    })
}

const fn channel(message: &Message) -> &'static str {
    match message.channel {
        crate::inbox::Channel::Email => "email",
        crate::inbox::Channel::Sms => "sms",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_leaves_with_a_placeholder_and_each_says_sandbox() {
        let origins =
            Origins { site: "http://a".into(), login: "http://b".into(), cabinet: "http://c".into() };
        for page in
            [&LOGIN, &LOGIN_CHANGED, &CABINET, &START, &INBOX, &WALL, &CAPTCHA_WALL, &CAPTCHA, &BROKEN]
        {
            let html = page.render(&origins, "");
            assert!(html.contains("SANDBOX"));
            for mark in
                ["CSS__", "_JS__", "ORIGINS__", "SITE__", "STORIES__", "MESSAGES__", "SETTINGS__", "STATUS__"]
            {
                assert!(!html.contains(mark), "{mark}");
            }
        }
    }
}
