//! SQLite and PostgreSQL behind the database port of `kaspi-auth-core`: [`SqlDatabase`].
//!
//! One SQL text serves both databases; every statement stands in [`statements`]. Which database it is matters in three
//! places only: in [`SqlDatabase::open`] (`open/`), in the macros of `pool.rs`, and where changes of other processes are
//! heard of (`changes/`). Times come in with the calls; ids of stores are the database's own defaults.
//!
//! | I want to … | go to |
//! | --- | --- |
//! | see the tables | `migrations/`, and `docs/DATABASE.md` |
//! | change a statement | `statements/` |
//! | change what is sealed, and how | `sealed/` |
//! | see why rates are never overdrawn | `rates.rs`, `statements/rates.rs` |
//! | see who may refresh, and how late writes are fenced | `keeping.rs`, `stores/update_session.rs` |
//! | see what gives every store its due time | the triggers of `migrations/*/0006_keeping.sql` |
//! | see what pins an account to a way out and frees a place | the triggers of `migrations/*/0005_egresses.sql` |
//! | see why a stale session cannot be served | `cache.rs` |
//! | judge, write and read stores of other installations | `kaspi_auth_core::import`, `stores/import.rs`, `found.rs`, `foreign.rs` |
//! | see what is sealed under which key, and how rows move to another | `rekey/`, migration 0009 |
//! | adopt a table of another shape | `migrations/postgres/0001_stores.sql`, `values/` |
//!
//! It must not decide anything that a rule of the core decides, must not write a secret unsealed, and must not let SQL ask
//! for the time.

mod api_keys;
mod attempts;
mod audit;
mod batches;
mod breaker;
mod cache;
mod calls;
mod changes;
mod database;
mod egresses;
mod error;
mod events;
mod evidence;
mod failure;
mod figures;
mod foreign;
mod found;
mod imports;
mod jobs;
mod keeping;
mod logins;
mod migrations;
mod nodes;
mod open;
mod pool;
mod rates;
mod rekey;
mod sealed;
mod settings;
mod shapes;
pub mod statements;
mod stores;
mod timelines;
mod values;

pub use changes::Change;
pub use database::SqlDatabase;
pub use error::OpenDatabaseError;
pub use figures::{Figures, SessionCount};
pub use foreign::{ForeignRow, ForeignSource, ForeignStores, UnreadableRow};
pub use found::{FoundError, found_from_json};
pub use jobs::{Cron, JobError, JobHandler, JobWorkers, WorkerSettings};
pub use rekey::{Finding, Problem, RekeyCursor, Rekeyed, RowsBehind, TableBehind, Verified};
pub use settings::Settings;
