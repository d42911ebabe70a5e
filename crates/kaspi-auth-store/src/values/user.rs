//! A `user_id` as the column takes it. Ours is text; an adopted table's may be a UUID or a number, and then ids compare as
//! such: `0B…` is `0b…`, `007` is `7`.

use kaspi_auth_core::id::UserId;
use kaspi_auth_core::port::RepositoryError;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo};
use sqlx::{Encode, Postgres, Sqlite, Type};
use uuid::Uuid;

/// The type of `kaspi_stores.user_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserColumn {
    /// `text`, `varchar`, `char`.
    Text,
    /// `uuid`
    Uuid,
    /// `smallint`
    Small,
    /// `integer`
    Integer,
    /// `bigint`
    Big,
}

/// A user, or none, in the column's own type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserParam {
    column: UserColumn,
    value: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Uuid(Uuid),
    Number(i64),
}

impl UserColumn {
    /// From PostgreSQL's name of the type.
    pub(crate) fn from_type_name(name: &str) -> Option<Self> {
        Some(match name {
            "text" | "character varying" | "character" => Self::Text,
            "uuid" => Self::Uuid,
            "smallint" => Self::Small,
            "integer" => Self::Integer,
            "bigint" => Self::Big,
            _ => return None,
        })
    }

    /// Nobody.
    pub(crate) fn nobody(self) -> UserParam {
        UserParam { column: self, value: None }
    }

    /// The user in the column's type; `None` if no row can hold such a user.
    pub(crate) fn find(self, user: &UserId) -> Option<UserParam> {
        self.find_text(user.as_str())
    }

    /// As [`find`](Self::find), from what the column gave as text.
    pub(crate) fn find_text(self, text: &str) -> Option<UserParam> {
        let number = |fits: fn(i64) -> bool| {
            text.trim().parse::<i64>().ok().filter(|number| fits(*number)).map(Value::Number)
        };
        let value = match self {
            Self::Text => Some(Value::Text(text.to_owned())),
            Self::Uuid => Uuid::parse_str(text.trim()).ok().map(Value::Uuid),
            Self::Small => number(|n| i16::try_from(n).is_ok()),
            Self::Integer => number(|n| i32::try_from(n).is_ok()),
            Self::Big => number(|_| true),
        }?;
        Some(UserParam { column: self, value: Some(value) })
    }

    /// The user, or nobody, for writing it.
    ///
    /// # Errors
    /// `Unfit` when the column cannot hold it.
    pub(crate) fn write(self, user: Option<&UserId>) -> Result<UserParam, RepositoryError> {
        let Some(user) = user else { return Ok(self.nobody()) };
        self.find(user).ok_or_else(|| {
            RepositoryError::Unfit(format!(
                "user_id must be {} here: the column kaspi_stores.user_id of this database is of that type.",
                match self {
                    Self::Text => "a text",
                    Self::Uuid => "a UUID",
                    Self::Small => "a whole number of 16 bits",
                    Self::Integer => "a whole number of 32 bits",
                    Self::Big => "a whole number of 64 bits",
                }
            ))
        })
    }
}

impl UserParam {
    /// The one spelling of this user, for columns of our own.
    pub(crate) fn spelled(&self) -> Option<String> {
        self.value.as_ref().map(|value| match value {
            Value::Text(text) => text.clone(),
            Value::Uuid(uuid) => uuid.to_string(),
            Value::Number(number) => number.to_string(),
        })
    }

    /// Whether it is a user at all.
    pub(crate) fn is_somebody(&self) -> bool {
        self.value.is_some()
    }
}

impl Type<Postgres> for UserParam {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for UserParam {
    fn produces(&self) -> Option<PgTypeInfo> {
        Some(match self.column {
            UserColumn::Text => <str as Type<Postgres>>::type_info(),
            UserColumn::Uuid => <Uuid as Type<Postgres>>::type_info(),
            UserColumn::Small => <i16 as Type<Postgres>>::type_info(),
            UserColumn::Integer => <i32 as Type<Postgres>>::type_info(),
            UserColumn::Big => <i64 as Type<Postgres>>::type_info(),
        })
    }

    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match (&self.value, self.column) {
            (None, _) => return Ok(IsNull::Yes),
            (Some(Value::Text(text)), _) => buffer.extend_from_slice(text.as_bytes()),
            (Some(Value::Uuid(uuid)), _) => buffer.extend_from_slice(uuid.as_bytes()),
            (Some(Value::Number(number)), UserColumn::Small) => {
                buffer.extend_from_slice(&i16::try_from(*number)?.to_be_bytes());
            }
            (Some(Value::Number(number)), UserColumn::Integer) => {
                buffer.extend_from_slice(&i32::try_from(*number)?.to_be_bytes());
            }
            (Some(Value::Number(number)), _) => buffer.extend_from_slice(&number.to_be_bytes()),
        }
        Ok(IsNull::No)
    }
}

impl Type<Sqlite> for UserParam {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for UserParam {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        match self.spelled() {
            Some(text) => <String as Encode<Sqlite>>::encode(text, buffer),
            None => Ok(IsNull::Yes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    #[test]
    fn spellings_of_one_id_are_one_user() {
        let (upper, lower) =
            (user("0B6D2E4C-3D9B-4E0B-9B7D-2B9B4A1C0F11"), user("0b6d2e4c-3d9b-4e0b-9b7d-2b9b4a1c0f11"));
        assert_eq!(UserColumn::Uuid.find(&upper), UserColumn::Uuid.find(&lower));
        assert_ne!(UserColumn::Text.find(&upper), UserColumn::Text.find(&lower));
        assert_eq!(UserColumn::Integer.find(&user("007")), UserColumn::Integer.find(&user("7")));
    }

    #[test]
    fn a_user_that_the_column_cannot_hold_is_found_nowhere_and_refused_for_writing() {
        for (column, text) in [
            (UserColumn::Uuid, "42"),
            (UserColumn::Integer, "auth0|5f7c"),
            (UserColumn::Integer, "3000000000"),
            (UserColumn::Small, "40000"),
            (UserColumn::Big, "1.5"),
        ] {
            assert_eq!(column.find(&user(text)), None, "{column:?} {text}");
            assert!(matches!(column.write(Some(&user(text))), Err(RepositoryError::Unfit(_))));
        }
        assert_eq!(UserColumn::Uuid.write(None).unwrap().spelled(), None);
    }
}
