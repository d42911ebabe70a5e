//! A time in one of the predecessor's columns: `timestamptz` or `timestamp` (read as UTC) in PostgreSQL, ISO 8601 text in
//! SQLite. Our own times are plain microseconds and need no type of their own.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};

/// `timestamp without time zone`, as `pg_type.dat` numbers it.
const TIMESTAMP: Oid = Oid(1114);
/// `timestamp with time zone`.
const TIMESTAMPTZ: Oid = Oid(1184);
/// PostgreSQL counts from 2000-01-01; microseconds from 1970.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A time, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl Instant {
    /// Reads what Python's `datetime.isoformat()`, SQLite and we write. Without an offset it is UTC.
    pub(crate) fn parse(text: &str) -> Result<Self, jiff::Error> {
        let text = text.trim();
        text.parse::<Timestamp>()
            .or_else(|_| text.parse::<DateTime>()?.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()))
            .map(Self)
    }

    /// As Python's `datetime.now(timezone.utc).isoformat()` writes it.
    pub(crate) fn to_iso(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
    }
}

impl Type<Postgres> for Instant {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        matches!(ty.oid(), Some(TIMESTAMP | TIMESTAMPTZ))
    }
}

impl Encode<'_, Postgres> for Instant {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0.as_microsecond() - POSTGRES_EPOCH;
        buffer.extend_from_slice(&micros.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Instant {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        // `infinity` and `-infinity` are the ends of the range.
        Ok(Self(match micros.checked_add(POSTGRES_EPOCH).map(Timestamp::from_microsecond) {
            Some(Ok(time)) => time,
            _ if micros > 0 => Timestamp::MAX,
            _ => Timestamp::MIN,
        }))
    }
}

impl Type<Sqlite> for Instant {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for Instant {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        <String as Encode<Sqlite>>::encode(self.to_iso(), buffer)
    }
}

impl Decode<'_, Sqlite> for Instant {
    fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self::parse(<&str as Decode<Sqlite>>::decode(value)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_python_of_sqlite_and_of_ours_are_read() {
        let same = Instant("2026-11-22T12:00:00.5Z".parse().unwrap());
        for text in [
            "2026-11-22T12:00:00.500000+00:00",
            "2026-11-22 12:00:00.5",
            "2026-11-22T12:00:00.500000",
            "2026-11-22T17:00:00.5+05:00",
            " 2026-11-22T12:00:00.500Z ",
        ] {
            assert_eq!(Instant::parse(text).unwrap(), same, "{text}");
        }
        assert_eq!(same.to_iso(), "2026-11-22T12:00:00.500000+00:00");
        assert!(Instant::parse("yesterday").is_err());
    }
}
