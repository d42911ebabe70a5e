//! Settings of cookies: names that are not proven and attributes that nobody recorded.
//! It must not write cookies.

use serde::{Deserialize, Serialize};

/// Names and attributes of cookies (CONTRACT 3.1, 8.1). No cookie ever has a `Domain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CookieKnobs {
    /// Name of the authorization request's cookie on the cabinet host: not proven.
    pub request_name: String,
    /// Name of the remembered device's cookie on the login host: unknown.
    pub device_name: String,
    /// Whether answers carry another cookie before the wanted one (CONTRACT 3.1: they do).
    pub companions: bool,
    /// `MS_AUTH_SSO`.
    pub sso: CookieShape,
    /// `mc-session`.
    pub affinity: CookieShape,
    /// The authorization request's cookie.
    pub request: CookieShape,
    /// `mc-sid`.
    pub session: CookieShape,
    /// The remembered device's cookie.
    pub device: CookieShape,
}

impl Default for CookieKnobs {
    fn default() -> Self {
        Self {
            request_name: "mc_arr".to_owned(),
            device_name: "MS_AUTH_DEVICE".to_owned(),
            companions: true,
            sso: CookieShape::default(),
            affinity: CookieShape::default(),
            request: CookieShape { max_age_seconds: Some(600), ..CookieShape::default() },
            session: CookieShape::default(),
            device: CookieShape { max_age_seconds: Some(90 * 24 * 3_600), ..CookieShape::default() },
        }
    }
}

/// Attributes of one cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CookieShape {
    /// `Path`.
    pub path: String,
    /// `Max-Age` in seconds; a session cookie without.
    pub max_age_seconds: Option<u64>,
    /// `Secure`; by default as the connection is.
    pub secure: Option<bool>,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite`; empty for none.
    pub same_site: String,
}

impl Default for CookieShape {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            max_age_seconds: None,
            secure: None,
            http_only: true,
            same_site: "Lax".to_owned(),
        }
    }
}
