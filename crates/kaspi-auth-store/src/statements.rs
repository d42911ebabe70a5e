//! Every SQL statement of the adapter, each with a name. One text for both databases: `$n`, no `now()`, no casts by `::`.
//! A test prepares all of [`all`] on both.
//!
//! No value is ever pasted into a statement, and no column of an adopted table meets a parameter of another type in one
//! expression (`case`, `coalesce`): its type may be any of several.

pub(crate) mod accounts;
pub(crate) mod api_keys;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod batches;
pub(crate) mod breaker;
pub(crate) mod calls;
pub(crate) mod changes;
pub(crate) mod egresses;
pub(crate) mod events;
pub(crate) mod evidence;
pub(crate) mod imports;
pub(crate) mod jobs;
pub(crate) mod keeping;
pub(crate) mod logins;
pub(crate) mod nodes;
pub(crate) mod rates;
pub(crate) mod rekey;
pub(crate) mod settings;
pub(crate) mod shapes;
pub(crate) mod stores;
pub(crate) mod timelines;

/// A statement with its name, which errors carry.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// `table.what`, the same in errors, logs and metrics.
    pub name: &'static str,
    /// The text, for SQLite and PostgreSQL alike.
    pub sql: &'static str,
}

impl Statement {
    pub(crate) const fn new(name: &'static str, sql: &'static str) -> Self {
        Self { name, sql }
    }
}

/// One statement in two texts: the queue's tables are those of a library, which are not the same on both databases. The
/// parameters and the columns of the answer are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) sqlite: Statement,
    pub(crate) postgres: Statement,
}

impl Pair {
    pub(crate) const fn new(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite: Statement::new(name, sqlite), postgres: Statement::new(name, postgres) }
    }
}

/// Begins a transaction. SQLite's own spelling stands in `pool.rs`.
pub(crate) const BEGIN: Statement = Statement::new("transaction.begin", "begin");

/// Ends a transaction.
pub(crate) const COMMIT: Statement = Statement::new("transaction.commit", "commit");

/// Whether the database answers.
pub(crate) const PING: Statement = Statement::new("database.ping", "select 1");

/// All statements that are prepared and run on both databases.
pub fn all() -> impl Iterator<Item = Statement> {
    [PING]
        .into_iter()
        .chain(logins::ALL.iter().copied())
        .chain(accounts::ALL.iter().copied())
        .chain(stores::ALL.iter().copied())
        .chain(api_keys::ALL.iter().copied())
        .chain(settings::ALL.iter().copied())
        .chain(egresses::ALL.iter().copied())
        .chain(rates::ALL.iter().copied())
        .chain(nodes::ALL.iter().copied())
        .chain(evidence::ALL.iter().copied())
        .chain(shapes::ALL.iter().copied())
        .chain(events::ALL.iter().copied())
        .chain(keeping::ALL.iter().copied())
        .chain(attempts::ALL.iter().copied())
        .chain(breaker::ALL.iter().copied())
        .chain(timelines::ALL.iter().copied())
        .chain(calls::ALL.iter().copied())
        .chain(audit::ALL.iter().copied())
        .chain(imports::ALL.iter().copied())
        .chain(batches::ALL.iter().copied())
        .chain([jobs::ANY_DUE])
        .chain(rekey::all())
}

/// The statements on the queue's tables: the text for SQLite and that for PostgreSQL.
pub fn pairs() -> impl Iterator<Item = (Statement, Statement)> {
    jobs::ALL.iter().map(|pair| (pair.sqlite, pair.postgres))
}

/// The statements that only SQLite knows.
pub fn sqlite_only() -> impl Iterator<Item = Statement> {
    changes::ALL.iter().copied()
}
