//! The table of another installation: which of the known columns it has, and the statements that read them. The only place
//! where a name that was not written here goes into a statement: the server has quoted it.

use sqlx::PgConnection;

use crate::error::OpenDatabaseError;
use crate::open::postgres::failure;

/// The most characters of a value: a session has some thousands.
pub(super) const TEXT: usize = 1_000_000;

/// A column that is read where it is there.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) is_json: bool,
}

/// Read in this order.
pub(super) const COLUMNS: [Column; 9] = [
    column("merchant_id", false),
    column("user_id", false),
    column("name", false),
    column("guid", true),
    column("kaspi_email", false),
    column("kaspi_password", false),
    column("store_points", true),
    column("is_active", false),
    column("updated_at", false),
];

const fn column(name: &'static str, is_json: bool) -> Column {
    Column { name, is_json }
}

/// The table's name as the server quotes it; no row: there is no such table or view.
const FIND: &str = "select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = to_regclass($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')";

/// Its columns with their types.
const DESCRIBE: &str = "select attname::text, format_type(atttypid, null) from pg_attribute
      where attrelid = $1 and attnum > 0 and not attisdropped";

/// A table of stores.
pub(super) struct Table {
    name: String,
    /// What each of [`COLUMNS`] is read by.
    select: String,
    key: &'static str,
    key_type: String,
}

impl Table {
    /// Looks for the table and at its columns.
    pub(super) async fn find(connection: &mut PgConnection, wanted: &str) -> Result<Self, OpenDatabaseError> {
        let found: Option<(sqlx::postgres::types::Oid, String)> = sqlx::query_as(FIND)
            .bind(quoted(wanted))
            .fetch_optional(&mut *connection)
            .await
            .map_err(failure)?;
        let Some((oid, name)) = found else {
            return Err(OpenDatabaseError::Adoption(
                "the other database has no such table: name it with its schema, as in public.kaspi_stores"
                    .to_owned(),
            ));
        };
        let columns: Vec<(String, String)> =
            sqlx::query_as(DESCRIBE).bind(oid).fetch_all(connection).await.map_err(failure)?;
        let type_of = |name: &str| columns.iter().find(|(column, _)| column == name).map(|(_, kind)| kind);
        let key = if type_of("id").is_some() { "id" } else { "merchant_id" };
        let (Some(key_type), Some(_)) = (type_of(key), type_of("merchant_id")) else {
            return Err(OpenDatabaseError::Adoption(
                "the table of the other database has no column merchant_id: it holds no stores".to_owned(),
            ));
        };
        let select: Vec<String> =
            COLUMNS.iter().map(|column| expression(column.name, type_of(column.name))).collect();
        Ok(Self { name, select: select.join(", "), key, key_type: key_type.clone() })
    }

    /// How many rows; `$1`: behind this key, if `after`.
    pub(super) fn count_sql(&self, after: bool) -> String {
        format!("select count(*) from {} stores where {}", self.name, self.behind(after))
    }

    /// A page; `$2`: at most so many. The first column is the row's key.
    pub(super) fn page_sql(&self, after: bool) -> String {
        let Self { name, select, key, .. } = self;
        let behind = self.behind(after);
        // By the column, whose order the cursor follows, and not by its text, which bears the same name.
        format!(
            "select cast({key} as text), {select} from {name} stores where {behind} order by stores.{key} limit $2"
        )
    }

    fn behind(&self, after: bool) -> String {
        let Self { key, key_type, .. } = self;
        if after {
            format!("stores.{key} > cast(cast($1 as text) as {key_type})")
        } else {
            // The parameter is there in any case, so that one call serves both.
            format!("stores.{key} is not null and cast($1 as text) is null")
        }
    }
}

/// A column as a text of bounded length. Times are told in UTC, whatever the server's zone and style are.
fn expression(name: &str, kind: Option<&String>) -> String {
    const ISO: &str = r#"'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"#;
    match kind.map(String::as_str) {
        None => "cast(null as text)".to_owned(),
        Some("timestamp with time zone") => format!("to_char({name} at time zone 'UTC', {ISO})"),
        Some("timestamp without time zone") => format!("to_char({name}, {ISO})"),
        Some(_) => format!("left(cast({name} as text), {})", TEXT + 1),
    }
}

/// `schema.table`, each part as it is spelled.
fn quoted(name: &str) -> String {
    let parts =
        name.split('.').map(|part| format!("\"{}\"", part.trim().trim_matches('"').replace('"', "\"\"")));
    parts.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name_and_nothing_else() {
        for (name, expected) in [
            ("kaspi_stores", r#""kaspi_stores""#),
            ("public.kaspi_stores", r#""public"."kaspi_stores""#),
            ("\"Old\".\"Stores\"", r#""Old"."Stores""#),
            ("a\"; drop table b; --", r#""a""; drop table b; --""#),
        ] {
            assert_eq!(quoted(name), expected);
        }
    }
}
