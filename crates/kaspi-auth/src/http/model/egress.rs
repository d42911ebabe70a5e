//! Ways out on the wire. A proxy's password comes in here and never goes out.

use std::fmt;

use jiff::Timestamp;
use kaspi_auth_core::egress::{Egress, Proxy, ProxyScheme, Way};
use kaspi_auth_core::egresses::{EgressChange, NewEgress};
use kaspi_auth_core::rate::{Budget, BudgetChange};
use kaspi_auth_core::{Code, Error};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::config;

/// The longest name.
const LONGEST_NAME: usize = 64;
/// The longest address of a proxy: the parts at their longest, percent-encoded.
const LONGEST_ADDRESS: usize = 2048;

/// An egress to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "almaty-1", "proxy": "socks5://user:password@proxy.example:1080", "in_flight": 4}))]
pub struct NewEgressBody {
    /// What to call it, 1 to 64 characters; unique.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) name: String,
    /// The proxy, or null for this machine's own address.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<ProxyDescription>, required = true)]
    pub(crate) proxy: Option<ProxyBody>,
    /// Whether it is used. True when left out.
    pub(crate) enabled: Option<bool>,
    /// Logins that begin in a second, on the average: 0 (when left out) is no limit of its own, else 0.001 to 1000.
    #[schema(minimum = 0, maximum = 1000)]
    pub(crate) per_second: Option<f64>,
    /// Logins that may begin at once after a pause: 1 (when left out) to 10000.
    #[schema(minimum = 0, maximum = 10_000)]
    pub(crate) burst: Option<u32>,
    /// Logins that are with the portal at the same time: 0 (when left out) is no limit of its own, at most 10000.
    #[schema(minimum = 0, maximum = 10_000)]
    pub(crate) in_flight: Option<u32>,
}

/// What to change of an egress. What is left out stays.
#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": true, "wake": true}))]
pub struct EgressChangeBody {
    /// Another name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) name: Option<String>,
    /// Another proxy, whole, with its credentials; or null for this machine's own address. It is checked anew.
    #[serde(default, deserialize_with = "super::present")]
    #[expect(clippy::option_option, reason = "left out, null and a value are three things")]
    #[schema(value_type = Option<ProxyDescription>)]
    pub(crate) proxy: Option<Option<ProxyBody>>,
    /// On or off. The accounts of one that is switched off move at their next login.
    pub(crate) enabled: Option<bool>,
    /// Logins that begin in a second, on the average: 0 is no limit of its own, else 0.001 to 1000.
    #[schema(minimum = 0, maximum = 1000)]
    pub(crate) per_second: Option<f64>,
    /// Logins that may begin at once after a pause.
    #[schema(minimum = 0, maximum = 10_000)]
    pub(crate) burst: Option<u32>,
    /// Logins that are with the portal at the same time: 0 is no limit of its own.
    #[schema(minimum = 0, maximum = 10_000)]
    pub(crate) in_flight: Option<u32>,
    /// True ends a rest and forgets the blocks that led to it.
    pub(crate) wake: Option<bool>,
}

/// A proxy as a caller writes it.
pub(crate) enum ProxyBody {
    /// `scheme://user:password@host:port`.
    Address(SecretString),
    /// Its parts.
    Parts(ProxyParts),
}

/// A proxy: its address, `http://`, `https://` or `socks5://` with `user:password@host:port`, percent-encoded where needed; or its
/// parts.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is used: reading it this way would not say what is wrong")]
pub(crate) enum ProxyDescription {
    /// The address.
    #[schema(example = "socks5://user:password@proxy.example:1080")]
    Address(String),
    /// The parts.
    Parts(ProxyParts),
}

/// The parts of a proxy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyParts {
    /// `http`, `https` or `socks5`.
    #[schema(pattern = "^(http|https|socks5)$")]
    pub(crate) scheme: String,
    /// A name or an address.
    #[schema(min_length = 1, max_length = 253)]
    pub(crate) host: String,
    /// 1 to 65535.
    #[schema(minimum = 1, maximum = 65_535)]
    pub(crate) port: i64,
    /// Who we are there, at most 255 bytes.
    #[schema(min_length = 1, max_length = 255)]
    pub(crate) username: Option<String>,
    /// The proof, at most 255 bytes. It is stored sealed and never shown.
    #[schema(value_type = Option<String>, format = Password, max_length = 255)]
    pub(crate) password: Option<SecretString>,
}

impl<'de> Deserialize<'de> for ProxyBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = ProxyBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the address of a proxy, or its parts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ProxyBody, E> {
                if text.len() > LONGEST_ADDRESS {
                    return Err(E::custom("too long"));
                }
                Ok(ProxyBody::Address(text.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ProxyBody, A::Error> {
                ProxyParts::deserialize(MapAccessDeserializer::new(map)).map(ProxyBody::Parts)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

fn unfit(what: impl Into<String>) -> Error {
    Error::new(Code::InvalidValue, what)
}

impl ProxyBody {
    pub(crate) fn read(self) -> Result<Proxy, Error> {
        match self {
            Self::Address(text) => {
                config::proxy(text.expose_secret()).map_err(|problem| unfit(format!("proxy {problem}.")))
            }
            Self::Parts(parts) => {
                let scheme = ProxyScheme::parse(&parts.scheme)
                    .ok_or_else(|| unfit("proxy.scheme is http, https or socks5."))?;
                let port = u16::try_from(parts.port).map_err(|_| unfit("proxy.port is 1 to 65535."))?;
                Proxy::new(scheme, &parts.host, port, parts.username, parts.password)
                    .map_err(|problem| unfit(format!("proxy.{problem}.")))
            }
        }
    }
}

/// What to call an egress.
fn name(text: &str) -> Result<String, Error> {
    let name = text.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(unfit("name has 1 to 64 printable characters.")) }
}

fn budget(
    per_second: Option<f64>,
    burst: Option<u32>,
    in_flight: Option<u32>,
) -> Result<BudgetChange, Error> {
    if per_second.is_some_and(|rate| rate != 0.0 && !(0.001..=1000.0).contains(&rate)) {
        return Err(unfit("per_second is 0 for no limit, or 0.001 to 1000."));
    }
    if burst.max(in_flight).is_some_and(|count| count > 10_000) {
        return Err(unfit("burst and in_flight are 10000 at most."));
    }
    Ok(BudgetChange { per_second, burst: burst.map(|burst| burst.max(1)), in_flight })
}

fn way(proxy: Option<ProxyBody>) -> Result<Way, Error> {
    proxy.map_or(Ok(Way::Direct), |proxy| proxy.read().map(Way::Proxy))
}

impl NewEgressBody {
    pub(crate) fn read(self) -> Result<NewEgress, Error> {
        Ok(NewEgress {
            name: name(&self.name)?,
            way: way(self.proxy)?,
            enabled: self.enabled.unwrap_or(true),
            budget: budget(self.per_second, self.burst.or(Some(1)), self.in_flight)?.of(Budget::default()),
        })
    }
}

impl EgressChangeBody {
    pub(crate) fn read(self) -> Result<EgressChange, Error> {
        Ok(EgressChange {
            name: self.name.as_deref().map(name).transpose()?,
            way: self.proxy.map(way).transpose()?,
            enabled: self.enabled,
            budget: budget(self.per_second, self.burst, self.in_flight)?,
            wake: self.wake.unwrap_or(false),
        })
    }
}

/// A way out to the portal.
#[derive(Serialize, ToSchema)]
pub struct EgressView {
    /// Names it; the nil UUID is the built-in direct one.
    id: Uuid,
    /// What operators call it.
    name: String,
    /// The proxy; null: directly.
    proxy: Option<ProxyView>,
    /// Whether it is switched on.
    enabled: bool,
    /// Whether a login would take it now: switched on, its check was well, not resting.
    usable: bool,
    /// Whether it stands in the configuration: then it is changed there.
    managed: bool,
    /// Logins that begin in a second; 0 is no limit of its own.
    per_second: f64,
    /// Logins that may begin at once after a pause.
    burst: u32,
    /// Logins at the same time; 0 is no limit of its own.
    in_flight: u32,
    /// How it fares.
    health: HealthView,
    /// How many accounts keep to it.
    pinned_accounts: u64,
    /// When it was last checked.
    checked_at: Option<Timestamp>,
    /// What that check said; null: it was well.
    check_error: Option<String>,
    /// Counts its changes.
    revision: i64,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

/// A proxy, without its password.
#[derive(Serialize, ToSchema)]
pub struct ProxyView {
    /// `http`, `https` or `socks5`.
    scheme: &'static str,
    /// A name or an address.
    host: String,
    /// Its port.
    port: u16,
    /// Who we are there.
    username: Option<String>,
    /// Whether a password is held.
    has_password: bool,
}

/// How an egress fares.
#[derive(Serialize, ToSchema)]
pub struct HealthView {
    /// 0 to 100.
    score: u8,
    /// Walls since the portal last answered as it should.
    blocks: u32,
    /// Until when it rests.
    rest_until: Option<Timestamp>,
}

/// All egresses, by name.
#[derive(Serialize, ToSchema)]
pub struct EgressList {
    /// The egresses.
    egresses: Vec<EgressView>,
}

impl EgressView {
    pub(crate) fn new(egress: &Egress, now: Timestamp) -> Self {
        Self {
            id: egress.id.0,
            name: egress.name.clone(),
            proxy: match &egress.way {
                Way::Direct => None,
                Way::Proxy(proxy) => Some(proxy.into()),
            },
            enabled: egress.enabled,
            usable: egress.is_usable(now),
            managed: egress.managed,
            per_second: egress.budget.per_second,
            burst: egress.budget.burst,
            in_flight: egress.budget.in_flight,
            health: HealthView {
                score: egress.health.score,
                blocks: egress.health.blocks,
                rest_until: egress.health.rest_until.filter(|until| now < *until),
            },
            pinned_accounts: egress.pinned,
            checked_at: egress.checked_at,
            check_error: egress.check_error.clone(),
            revision: egress.revision,
            created_at: egress.created_at,
            updated_at: egress.updated_at,
        }
    }
}

impl EgressList {
    pub(crate) fn new(egresses: &[Egress], now: Timestamp) -> Self {
        Self { egresses: egresses.iter().map(|egress| EgressView::new(egress, now)).collect() }
    }
}

impl From<&Proxy> for ProxyView {
    fn from(proxy: &Proxy) -> Self {
        Self {
            scheme: proxy.scheme.as_str(),
            host: proxy.host.clone(),
            port: proxy.port,
            username: proxy.username.clone(),
            has_password: proxy.password.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(proxy: serde_json::Value) -> Result<Proxy, String> {
        let body: ProxyBody = serde_json::from_value(proxy).map_err(|error| error.to_string())?;
        body.read().map_err(|error| error.detail().to_owned())
    }

    #[test]
    fn an_address_and_its_parts_are_the_same_proxy() {
        let address = read(json!("socks5://us%65r:p%40ss@Proxy.Example:1080")).unwrap();
        let parts = json!({"scheme": "socks5", "host": "proxy.example", "port": 1080, "username": "user", "password": "p@ss"});
        let parts = read(parts).unwrap();
        for proxy in [address, parts] {
            assert_eq!(proxy.server(), "socks5://proxy.example:1080");
            assert_eq!(proxy.username.as_deref(), Some("user"));
            assert_eq!(proxy.password.unwrap().expose_secret(), "p@ss");
        }
        for host in ["::1", "[::1]"] {
            let proxy = read(json!({"scheme": "http", "host": host, "port": 1})).unwrap();
            assert_eq!(proxy.server(), "http://[::1]:1");
        }
        assert_eq!(read(json!("https://127.0.0.1:8443")).unwrap().server(), "https://127.0.0.1:8443");
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_showing_it() {
        let parts = |key: &str, value: serde_json::Value| {
            let mut parts = json!({"scheme": "http", "host": "h", "port": 1, "username": "u"});
            parts[key] = value;
            parts
        };
        let bad = [
            json!("canary"),
            json!("ftp://canary:1"),
            json!("http://canary:99999"),
            json!("http://canary:0"),
            json!("http://canary/path"),
            json!("socks5://u:canary@h%20h:1"),
            json!("http://:canary@h:1"),
            json!("x".repeat(5000)),
            parts("scheme", json!("socks4")),
            parts("host", json!("")),
            parts("host", json!("canary canary")),
            parts("host", json!("canary/..")),
            parts("host", json!("can\u{0}ary")),
            parts("host", json!("u@canary")),
            parts("host", json!("canary:80")),
            parts("host", json!("a..canary")),
            parts("host", json!("canary".repeat(100))),
            parts("port", json!(0)),
            parts("port", json!(-1)),
            parts("port", json!(65_536)),
            parts("port", json!("80")),
            parts("username", json!("")),
            parts("username", json!("canary\r\n")),
            parts("username", json!("canary:b")),
            parts("password", json!("")),
            parts("password", json!("canary\n")),
            parts("password", json!("canary".repeat(50))),
            parts("pass", json!("canary")),
            json!(["http", "canary"]),
            json!(1),
        ];
        for proxy in bad {
            let refused = read(proxy.clone()).unwrap_err();
            assert!(!refused.contains("canary"), "{proxy}: {refused}");
        }
    }

    #[test]
    fn limits_have_bounds() {
        let with = |per_second, burst, in_flight| {
            budget(Some(per_second), Some(burst), Some(in_flight)).map(|change| change.of(Budget::default()))
        };
        for per_second in [-1.0, 0.000_1, 1000.1, f64::NAN, f64::INFINITY] {
            assert!(with(per_second, 1, 1).is_err(), "{per_second}");
        }
        assert!(with(1.0, 10_001, 1).is_err() && with(1.0, 1, 10_001).is_err());
        assert_eq!(with(0.0, 0, 0).unwrap(), Budget { per_second: 0.0, burst: 1, in_flight: 0 });
        let held = Budget { per_second: 2.0, burst: 3, in_flight: 4 };
        assert_eq!(budget(None, Some(9), None).unwrap().of(held), Budget { burst: 9, ..held });
    }
}
