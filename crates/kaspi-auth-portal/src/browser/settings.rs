//! How patient the browser engine is, and how its browsers present themselves. Must not read files or the environment.

use std::time::Duration;

/// How long things may take in a browser. `Default` is what people's browsers are given.
#[derive(Debug, Clone)]
pub struct BrowserSettings {
    /// The longest wait for a context with the login page in it.
    pub open_timeout: Duration,
    /// The longest that one step of the page may take, from the click to what it shows then.
    pub step_timeout: Duration,
    /// The longest that the browser may take to walk to the cabinet, where the walk over HTTP was refused.
    pub finish_timeout: Duration,
    /// How long a page is kept for a person: as long as the challenge lives.
    pub hold: Duration,
    /// How long an answer of the portal is waited for when the page shows its outcome first.
    pub grace: Duration,
    /// `Accept-Language` and the page's languages.
    pub accept_language: String,
    /// The page's locale.
    pub locale: String,
    /// The page's time zone.
    pub time_zone: String,
    /// Width and height of the page.
    pub viewport: (u32, u32),
    /// `User-Agent`; `None`: the browser's own, as it is.
    pub user_agent: Option<String>,
}

impl Default for BrowserSettings {
    fn default() -> Self {
        Self {
            open_timeout: Duration::from_secs(45),
            step_timeout: Duration::from_secs(30),
            finish_timeout: Duration::from_secs(45),
            hold: Duration::from_mins(11),
            grace: Duration::from_millis(400),
            accept_language: "ru-KZ,ru;q=0.9,kk;q=0.8,en;q=0.7".to_owned(),
            locale: "ru-KZ".to_owned(),
            time_zone: "Asia/Almaty".to_owned(),
            viewport: (1280, 900),
            user_agent: None,
        }
    }
}
