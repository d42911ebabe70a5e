//! What the tests of this binary stand on: a sandbox, a database and the service around them, and the ways to talk to it.
//!
//! It must not decide what is right: it starts, asks, waits and clears away.

mod client;
mod clock;
mod database;
mod node;
mod process;
mod proxy;
mod raw;
mod tokens;
mod wait;
mod wire;
mod world;

pub use client::{Answer, Client, url};
pub use database::Kind;
pub use node::Node;
pub use process::{Ended, Process, Rig};
pub use proxy::{PROXY_PASSWORD, PROXY_USER, SocksProxy};
pub use raw::{Raw, raw};
pub use tokens::{Signer, claims};
pub use wait::{eventually, until};
pub use wire::{Batch, BatchStores, Egress, Explanation, Login, Session, Store, StorePage, Timeline};
pub use world::World;

/// A password that every account of the sandbox has unless it says otherwise.
pub const PASSWORD: &str = kaspi_sandbox::DEFAULT_PASSWORD;

/// The key that seals everything in these tests: 32 bytes, as the vault wants it.
pub fn encryption_key() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE.encode(b"kaspi-auth-tests-key-32-bytes!!!")
}

/// The secret part of an API key: `ka_<id>_<secret>`, where the secret may hold a `_` of its own.
pub fn secret_of(key: &str) -> &str {
    key.splitn(3, '_').nth(2).unwrap()
}

/// Makes a test of `$body` on each database: `name::on_sqlite` and `name::on_postgres`.
macro_rules! on_both {
    ($($body:ident),+ $(,)?) => {$(
        mod $body {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                $crate::harness::World::prove($crate::harness::Kind::Sqlite, super::$body).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                $crate::harness::World::prove($crate::harness::Kind::Postgres, super::$body).await;
            }
        }
    )+};
}

/// As [`on_both`], for what starts processes of its own and takes the database's kind.
macro_rules! on_each {
    ($($body:ident),+ $(,)?) => {$(
        mod $body {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$body($crate::harness::Kind::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$body($crate::harness::Kind::Postgres).await;
            }
        }
    )+};
}

/// Makes a test of `$body` on SQLite alone: for what does not depend on the database.
macro_rules! on_sqlite {
    ($($body:ident),+ $(,)?) => {$(
        mod $body {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn holds() {
                $crate::harness::World::prove($crate::harness::Kind::Sqlite, super::$body).await;
            }
        }
    )+};
}

pub(crate) use {on_both, on_each, on_sqlite};
