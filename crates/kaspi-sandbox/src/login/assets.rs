//! What the heavy login page loads, from the login host and from the trackers' host; each load is counted by its kind.
//! It must not be needed to sign in: the page works with all of it blocked.

use crate::{host::Here, host::Origins, reply, world::World};
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    response::Response,
    routing::{any, get},
};
use http::{HeaderValue, StatusCode, header};
use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

/// Pictures on the page.
const PICTURES: u32 = 8;
/// Fonts on the page.
const FONTS: u32 = 3;

/// A grey picture, 360 by 240, uncompressed.
static PICTURE: LazyLock<Bytes> = LazyLock::new(|| {
    let (width, height): (u32, u32) = (360, 240);
    let pixels = width * height * 3;
    let mut bytes = b"BM".to_vec();
    for number in [54 + pixels, 0, 54, 40, width, height, (24 << 16) | 1, 0, pixels, 2_835, 2_835, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.resize(bytes.len() + pixels as usize, 0x70);
    Bytes::from(bytes)
});
/// Bytes that no browser can use: it fetches them all the same.
static NOISE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![0x5a; 65_536]));

const STYLE: &str =
    ".heavy{display:flex;flex-wrap:wrap;gap:4px;justify-content:center}.heavy img{width:90px;height:60px}";
const SCRIPT: &str = "document.documentElement.dataset.portalScript='ready';\
    const texts=new XMLHttpRequest();texts.open('GET','/assets/texts.json');texts.send();";

/// What stands at the end of the page's head.
pub(super) fn head(origins: &Origins) -> String {
    let mut head = String::from("<link rel=\"stylesheet\" href=\"/assets/portal.css\">\n<style>");
    for number in 1..=FONTS {
        let _ = write!(
            head,
            "@font-face{{font-family:heavy{number};src:url(/assets/font-{number}.woff2)format('woff2')}}"
        );
    }
    let _ = write!(
        head,
        "</style>\n<script src=\"/assets/portal.js\" defer></script>\n<script src=\"{}/tag.js\" async></script>\n",
        origins.metrics()
    );
    head
}

/// What stands at the end of the page's body.
pub(super) fn body(origins: &Origins) -> String {
    let mut body = String::from("<footer class=\"heavy\">\n");
    for number in 1..=PICTURES {
        let _ = writeln!(body, "<img src=\"/assets/picture-{number}.bmp\" alt=\"\">");
    }
    // A font is fetched once a text wants it.
    for number in 1..=FONTS {
        let _ = writeln!(body, "<span style=\"font-family:heavy{number}\">©</span>");
    }
    let metrics = origins.metrics();
    let _ = write!(
        body,
        "<video src=\"/assets/film.mp4\" preload=\"auto\" muted width=\"90\" height=\"60\"></video>\n\
         <img src=\"{metrics}/pixel.gif\" alt=\"\">\n</footer>\n"
    );
    body
}

/// The files of the login host.
pub(super) fn router() -> Router<Arc<World>> {
    Router::new().route("/assets/{file}", get(file))
}

async fn file(State(world): State<Arc<World>>, Path(file): Path<String>) -> Response {
    let numbered = |prefix: &str, suffix: &str, count: u32| {
        let number = file.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)?.parse().ok());
        number.is_some_and(|number: u32| (1..=count).contains(&number))
    };
    let (kind, media_type, body) = match file.as_str() {
        "portal.css" => ("style", "text/css", Bytes::from_static(STYLE.as_bytes())),
        "portal.js" => ("script", "text/javascript", Bytes::from_static(SCRIPT.as_bytes())),
        "texts.json" => ("json", "application/json", Bytes::from_static(b"{}")),
        "film.mp4" => ("media", "video/mp4", NOISE.clone()),
        _ if numbered("picture-", ".bmp", PICTURES) => ("image", "image/bmp", PICTURE.clone()),
        _ if numbered("font-", ".woff2", FONTS) => ("font", "font/woff2", NOISE.clone()),
        _ => return reply::empty(StatusCode::NOT_FOUND),
    };
    world.tally.load(kind);
    served(media_type, body)
}

/// The trackers' host: a script that reports, and whatever it reports to.
pub(crate) fn metrics(world: Arc<World>) -> Router {
    Router::new().route("/tag.js", get(tag)).fallback(any(collected)).with_state(world)
}

async fn tag(State(world): State<Arc<World>>, Extension(here): Extension<Here>) -> Response {
    world.tally.load("tracker");
    let metrics = here.origins.metrics();
    let script = format!(
        "fetch('{metrics}/collect',{{method:'POST',mode:'no-cors',body:location.pathname}}).catch(()=>{{}});\
         navigator.sendBeacon('{metrics}/beacon','seen');"
    );
    served("text/javascript", Bytes::from(script))
}

async fn collected(State(world): State<Arc<World>>) -> Response {
    world.tally.load("tracker");
    served("image/gif", Bytes::from_static(b"GIF89a\x01\0\x01\0\0\0\0;"))
}

fn served(media_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
