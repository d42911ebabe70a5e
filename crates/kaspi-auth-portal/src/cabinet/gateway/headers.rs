//! Which headers pass the gateway. Inward nothing passes that is the caller's with us (cookies, keys, addresses); outward nothing that
//! would change how the caller's client treats us. Must not touch bodies.
//!
//! Encodings: the caller's `Accept-Encoding` does not pass. The client offers the portal what a browser would, so that no wall knows
//! us by it, and undoes what comes; the caller gets plain bytes with no `Content-Encoding`, whatever it can read, and a page can be
//! looked at. A part of a file (`Range`) is asked for as it is: half of a compressed body cannot be undone.

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

/// What a browser of the cabinet's users would send.
const LANGUAGES: HeaderValue = HeaderValue::from_static("ru-RU,ru;q=0.9,kk;q=0.8,en;q=0.7");

/// The caller's headers as the portal gets them; `ours` stand above the caller's.
pub(super) fn inward(headers: HeaderMap, ours: &HeaderMap) -> HeaderMap {
    let mut passed = without(headers, stays_here);
    for (name, value) in ours {
        if *name == header::ACCEPT {
            passed.entry(name).or_insert_with(|| value.clone());
        } else {
            passed.insert(name, value.clone());
        }
    }
    passed.entry(header::ACCEPT_LANGUAGE).or_insert(LANGUAGES);
    if passed.contains_key(header::RANGE) {
        passed.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    passed
}

/// The portal's headers as the caller gets them.
pub(super) fn outward(headers: HeaderMap) -> HeaderMap {
    without(headers, stays_there)
}

/// Without those that end at each hop (RFC 9110, 7.6.1), those that `Connection` names, and those that `kept` keeps back.
fn without(headers: HeaderMap, kept: fn(&str) -> bool) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    let mut passed = HeaderMap::with_capacity(headers.len() + 6);
    let mut last = None;
    for (name, value) in headers {
        // A name is told once for all its values.
        if name.is_some() {
            last = name
                .filter(|name| !is_of_hop(name.as_str()) && !kept(name.as_str()) && !named.contains(name));
        }
        if let Some(name) = &last {
            passed.append(name, value);
        }
    }
    passed
}

fn is_of_hop(name: &str) -> bool {
    matches!(
        name,
        "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "http2-settings"
    ) || name.starts_with("proxy-")
        || name.starts_with("access-control-")
}

fn stays_here(name: &str) -> bool {
    matches!(
        name,
        "accept-encoding"
            | "api-key"
            | "authorization"
            | "baggage"
            | "content-length"
            | "cookie"
            | "cookie2"
            | "expect"
            | "forwarded"
            | "host"
            | "idempotency-key"
            | "max-forwards"
            | "origin"
            | "referer"
            | "true-client-ip"
            | "traceparent"
            | "tracestate"
            | "user-agent"
            | "via"
            | "x-api-key"
            | "x-auth-version"
            | "x-real-ip"
            | "x-request-id"
    ) || ["cf-", "kaspi-auth-", "sec-", "x-forwarded-", "x-kaspi-auth-"]
        .iter()
        .any(|kind| name.starts_with(kind))
}

fn stays_there(name: &str) -> bool {
    matches!(
        name,
        "alt-svc"
            | "clear-site-data"
            | "expect-ct"
            | "nel"
            | "public-key-pins"
            | "report-to"
            | "reporting-endpoints"
            | "service-worker-allowed"
            | "set-cookie"
            | "set-cookie2"
            | "strict-transport-security"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn ours_stand_above_the_callers_and_values_of_one_name_stay_together() {
        let ours = map(&[("origin", "https://kaspi.kz"), ("accept", "*/*")]);
        let caller = map(&[
            ("x-a", "1"),
            ("cookie", "mc-sid=own"),
            ("cookie", "more=own"),
            ("x-a", "2"),
            ("origin", "https://evil.test"),
            ("accept", "text/csv"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("range", "bytes=0-9"),
        ]);
        let expected = map(&[
            ("x-a", "1"),
            ("x-a", "2"),
            ("accept", "text/csv"),
            ("range", "bytes=0-9"),
            ("origin", "https://kaspi.kz"),
            ("accept-language", "ru-RU,ru;q=0.9,kk;q=0.8,en;q=0.7"),
            ("accept-encoding", "identity"),
        ]);
        assert_eq!(inward(caller, &ours), expected);
    }
}
