//! From what a database says to what a caller can do. Must not quote a value, except what a server's own message quotes of a
//! `user_id`.

use kaspi_auth_core::port::RepositoryError;
use sqlx::error::DatabaseError;

use crate::statements::Statement;

/// The error of a statement.
pub(crate) fn of(statement: Statement, error: sqlx::Error) -> RepositoryError {
    if let sqlx::Error::Database(said) = &error {
        if said.is_unique_violation() || is_race(&**said) {
            return RepositoryError::Conflict;
        }
        if statement.name.starts_with("stores.")
            && let Some(why) = unfit(&**said)
        {
            return RepositoryError::Unfit(why);
        }
        if statement.name.starts_with("audit.") && is_refusal(&**said) {
            return RepositoryError::Unfit(format!("Refused by the database: {}.", said.message()));
        }
    }
    RepositoryError::Unavailable { statement: statement.name, source: Box::new(error) }
}

/// PostgreSQL gave one of two transactions up for the other (40001, 40P01): the caller reads and tries again.
fn is_race(said: &dyn DatabaseError) -> bool {
    matches!(said.code().as_deref(), Some("40001" | "40P01"))
}

/// A trigger of the audit log raised its words, which quote nothing: KA004, and SQLite's `SQLITE_CONSTRAINT_TRIGGER`.
fn is_refusal(said: &dyn DatabaseError) -> bool {
    matches!(said.code().as_deref(), Some("KA004" | "1811"))
}

/// Why a value cannot stand in an adopted table, as a sentence for the caller.
fn unfit(said: &dyn DatabaseError) -> Option<String> {
    let constraint = said.constraint().unwrap_or("of another table").to_owned();
    if said.is_foreign_key_violation() {
        return Some(format!(
            "The database's constraint {constraint} forbids this: a user_id must be known to it, and a store that other \
             tables refer to cannot be deleted."
        ));
    }
    if said.is_check_violation() {
        return Some(format!("The database's constraint {constraint} does not allow this value."));
    }
    match said.code().as_deref() {
        Some("22P02" | "22003" | "22007" | "22008" | "22021" | "22P05") => {
            Some("A value does not fit its column in the table kaspi_stores.".to_owned())
        }
        Some("22001") => Some("A value is longer than its column in the table kaspi_stores.".to_owned()),
        Some("23502") => Some(
            "The table kaspi_stores requires a value that is missing: name a user_id, or give the table's other columns a \
             default."
                .to_owned(),
        ),
        _ => None,
    }
}

/// A row that cannot be.
pub(crate) fn corrupt(
    table: &'static str,
    column: &'static str,
    row: &impl ToString,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> RepositoryError {
    RepositoryError::Corrupt { table, column, row: row.to_string(), source: source.into() }
}

/// A sealed value that does not open.
pub(crate) fn sealed(
    table: &'static str,
    column: &'static str,
    row: &impl ToString,
    source: kaspi_auth_vault::OpenError,
) -> RepositoryError {
    RepositoryError::Sealed { table, column, row: row.to_string(), source: Box::new(source) }
}
