//! What a page tells. All of it is the page's word and must not be trusted.

use std::fmt;

use url::Url;

/// Names a navigation that is held.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeavingId(pub(crate) String);

/// Something that happened in a page.
#[derive(Clone)]
pub enum PageEvent {
    /// The script reported: at most 64 KiB.
    Report(String),
    /// An answer to an XHR or fetch of the page, on one of the paths that are read.
    Response {
        /// What was asked.
        url: Url,
        /// The status.
        status: u16,
        /// Names in lower case.
        headers: Vec<(String, String)>,
        /// At most 1 MiB; more is cut off.
        body: Vec<u8>,
    },
    /// The main frame wants to go elsewhere and is held until it is told what to do. Until then the page answers no call;
    /// cookies can be read. Redirects on the way of a navigation that went on are followed without asking.
    Leaving {
        /// Which.
        id: LeavingId,
        /// Where to.
        url: Url,
    },
    /// A navigation went on and the main frame has a new document.
    Loaded {
        /// Which one.
        url: Url,
        /// Its status, where it came over HTTP.
        status: Option<u16>,
    },
}

impl fmt::Debug for PageEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without_query = |url: &Url| format!("{}{}", url.origin().ascii_serialization(), url.path());
        match self {
            Self::Report(text) => write!(f, "Report({} bytes)", text.len()),
            Self::Response { url, status, body, .. } => {
                write!(f, "Response({} {status}, {} bytes)", without_query(url), body.len())
            }
            Self::Leaving { url, .. } => write!(f, "Leaving({})", without_query(url)),
            Self::Loaded { url, status } => write!(f, "Loaded({} {status:?})", without_query(url)),
        }
    }
}

/// A part of the page, in CSS pixels of the document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clip {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// To the right.
    pub width: f64,
    /// Downwards.
    pub height: f64,
}
