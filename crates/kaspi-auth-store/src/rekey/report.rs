//! What is told of a rotation: numbers, and where something does not open. Must not hold a value.

use std::fmt;

use kaspi_auth_vault::OpenError;

use super::RekeyCursor;

/// Rows of a table that are not sealed under the newest key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableBehind {
    /// The table.
    pub table: &'static str,
    /// How many, with those that were not looked at yet.
    pub behind: u64,
    /// Of these: not looked at yet since they changed.
    pub unmarked: u64,
}

/// Rows that are not sealed under the newest key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsBehind {
    /// Table by table.
    pub tables: Vec<TableBehind>,
}

impl RowsBehind {
    /// In all tables.
    pub fn total(&self) -> u64 {
        self.tables.iter().map(|table| table.behind).sum()
    }
}

/// What a part of a rotation came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rekeyed {
    /// Rows that were sealed anew.
    pub moved: u64,
    /// Rows that had not been looked at and are sealed under the newest key.
    pub found_newest: u64,
    /// Rows that somebody changed meanwhile: for a later pass.
    pub overtaken: u64,
    /// What cannot be moved.
    pub findings: Vec<Finding>,
    /// Where to go on; `None`: this was the last part.
    pub next: Option<RekeyCursor>,
}

/// What a part of opening everything came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Rows that were looked at.
    pub rows: u64,
    /// Values that were opened.
    pub values: u64,
    /// Sessions that are not sealed: they can be read, by anybody.
    pub plain: u64,
    /// What cannot be opened or belongs elsewhere.
    pub findings: Vec<Finding>,
    /// Where to go on; `None`: this was the last part.
    pub next: Option<RekeyCursor>,
}

/// A value that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key.
    pub row: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It does not open, or is another owner's.
    Sealed(OpenError),
    /// It is of no known shape.
    Shape(&'static str),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed(error) => error.fmt(f),
            Self::Shape(what) => f.write_str(what),
        }
    }
}
