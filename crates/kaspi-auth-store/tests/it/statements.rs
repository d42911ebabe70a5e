//! Every statement of the registry is known to both databases, under a name of its own.

use std::collections::HashSet;

use kaspi_auth_store::statements::{self, Statement};
use sqlx::{Connection, Either, Executor, PgConnection, SqliteConnection};

use crate::support::*;

/// Prepares a statement as the database knows it, and says how many parameters it takes.
pub async fn prepare(place: &Place, statement: Statement) -> usize {
    use sqlx::SqlSafeStr as _;
    use sqlx::Statement as _;
    let sql = statement.sql.into_sql_str();
    let counted = |parameters: Option<Either<usize, usize>>| match parameters {
        Some(Either::Left(count) | Either::Right(count)) => count,
        None => 0,
    };
    if place.is_sqlite() {
        let mut connection = SqliteConnection::connect(place.url()).await.unwrap();
        let prepared = connection.prepare(sql).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        let parameters = prepared.parameters().map(|either| either.map_left(<[_]>::len));
        counted(parameters)
    } else {
        let mut connection = PgConnection::connect(place.url()).await.unwrap();
        let prepared = connection.prepare(sql).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        let parameters = prepared.parameters().map(|either| either.map_left(<[_]>::len));
        counted(parameters)
    }
}

#[tokio::test]
async fn every_statement_is_known_to_both_databases() {
    let (sqlite, postgres) = (Place::sqlite(), Place::postgres().await);
    sqlite.open().await.close().await;
    postgres.open().await.close().await;
    for statement in statements::all() {
        let counts = (prepare(&sqlite, statement).await, prepare(&postgres, statement).await);
        assert_eq!(counts.0, counts.1, "{}: parameters", statement.name);
    }
    for (for_sqlite, for_postgres) in statements::pairs() {
        let counts = (prepare(&sqlite, for_sqlite).await, prepare(&postgres, for_postgres).await);
        assert_eq!(counts.0, counts.1, "{}: parameters", for_sqlite.name);
    }
    for statement in statements::sqlite_only() {
        prepare(&sqlite, statement).await;
    }
}

#[test]
fn every_statement_has_a_name_of_its_own() {
    let pairs = statements::pairs().map(|(for_sqlite, _)| for_sqlite);
    let names: Vec<&str> =
        statements::all().chain(pairs).chain(statements::sqlite_only()).map(|one| one.name).collect();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    assert!(names.len() > 30, "all() lists them");
    for name in names {
        assert!(
            name.split_once('.').is_some_and(|(table, what)| !table.is_empty() && !what.is_empty()),
            "{name}"
        );
    }
}

#[test]
fn no_statement_asks_for_the_time_or_speaks_one_dialect() {
    for statement in statements::all() {
        let sql = statement.sql.to_lowercase();
        for word in ["now()", "current_timestamp", "::", "ilike", "any(", "datetime(", "strftime", "jsonb"] {
            assert!(!sql.contains(word), "{}: {word}", statement.name);
        }
    }
}
