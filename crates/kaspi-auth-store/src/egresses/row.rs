//! An egress as a row, both ways.

use jiff::Timestamp;
use kaspi_auth_core::egress::{Egress, EgressId, Health, Proxy, ProxyScheme, Way};
use kaspi_auth_core::port::RepositoryError;
use kaspi_auth_core::rate::Budget;
use uuid::Uuid;

use crate::failure;
use crate::sealed::Sealer;
use crate::values::{from_micros, without_nul};

const TABLE: &str = "kaspi_auth_egresses";
const DIRECT: &str = "direct";

/// A row that was read.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct EgressRow {
    id: Uuid,
    name: String,
    revision: i64,
    kind: String,
    host: Option<String>,
    port: Option<i64>,
    username: Option<String>,
    password: Option<String>,
    enabled: bool,
    managed: bool,
    per_second: f64,
    burst: i64,
    in_flight: i64,
    score: i64,
    blocks: i64,
    rests: i64,
    rest_until: Option<i64>,
    checked_at: Option<i64>,
    check_error: Option<String>,
    created_at: i64,
    updated_at: i64,
    pinned: i64,
}

/// A row beside the egress that some account keeps to.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct OwnRow {
    #[sqlx(flatten)]
    pub(super) egress: EgressRow,
    pub(super) own: Option<Uuid>,
}

/// What an insert and an update write alike.
pub(super) struct Params {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) host: Option<String>,
    pub(super) port: Option<i64>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) checked_at: Option<i64>,
    pub(super) check_error: Option<String>,
}

impl OwnRow {
    /// The account's own, and nothing speaks against it whatever the time is.
    pub(super) fn is_own_and_well(&self) -> bool {
        let row = &self.egress;
        let proven = row.kind == DIRECT || row.checked_at.is_some() && row.check_error.is_none();
        self.own == Some(row.id) && row.enabled && proven && row.rest_until.is_none()
    }
}

impl EgressRow {
    /// The egress.
    pub(super) fn egress(self, sealer: &Sealer) -> Result<Egress, RepositoryError> {
        let way = self.way(sealer)?;
        Ok(Egress {
            id: EgressId(self.id),
            name: self.name,
            revision: self.revision,
            way,
            enabled: self.enabled,
            managed: self.managed,
            budget: Budget {
                per_second: self.per_second,
                burst: count(self.burst),
                in_flight: count(self.in_flight),
            },
            health: Health {
                score: u8::try_from(self.score.clamp(0, 100)).unwrap_or_default(),
                blocks: count(self.blocks),
                rests: count(self.rests),
                rest_until: self.rest_until.map(from_micros),
            },
            pinned: u64::try_from(self.pinned).unwrap_or_default(),
            checked_at: self.checked_at.map(from_micros),
            check_error: self.check_error,
            created_at: from_micros(self.created_at),
            updated_at: from_micros(self.updated_at),
        })
    }

    fn way(&self, sealer: &Sealer) -> Result<Way, RepositoryError> {
        if self.kind == DIRECT {
            return Ok(Way::Direct);
        }
        let corrupt = |column, what: &'static str| failure::corrupt(TABLE, column, &self.id, what);
        let scheme = [ProxyScheme::Http, ProxyScheme::Https, ProxyScheme::Socks5]
            .into_iter()
            .find(|scheme| scheme.as_str() == self.kind)
            .ok_or_else(|| corrupt("kind", "not a kind of proxy"))?;
        let host = self.host.clone().ok_or_else(|| corrupt("host", "missing"))?;
        let port = self.port.and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or_else(|| corrupt("port", "not a port"))?;
        let password = self
            .password
            .as_deref()
            .map(|token| sealer.open_proxy_password(EgressId(self.id), token))
            .transpose()
            .map_err(|error| failure::sealed(TABLE, "password", &self.id, error))?;
        Ok(Way::Proxy(Proxy { scheme, host, port, username: self.username.clone(), password }))
    }
}

impl Params {
    pub(super) fn of(egress: &Egress, sealer: &Sealer) -> Self {
        let proxy = match &egress.way {
            Way::Direct => None,
            Way::Proxy(proxy) => Some(proxy),
        };
        let password = proxy.and_then(|proxy| proxy.password.as_ref());
        Self {
            name: without_nul(&egress.name),
            kind: proxy.map_or(DIRECT, |proxy| proxy.scheme.as_str()),
            host: proxy.map(|proxy| without_nul(&proxy.host)),
            port: proxy.map(|proxy| i64::from(proxy.port)),
            username: proxy.and_then(|proxy| proxy.username.as_deref()).map(without_nul),
            password: password
                .map(|password| sealer.seal_proxy_password(egress.id, password, egress.updated_at)),
            checked_at: egress.checked_at.map(Timestamp::as_microsecond),
            check_error: egress.check_error.as_deref().map(without_nul),
        }
    }
}

/// A number that was written from a `u32`.
fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}
