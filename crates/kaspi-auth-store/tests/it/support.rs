//! A database of its own for each test, on either kind, and values to put in. Nothing here decides what is right.

mod fixtures;
mod place;

pub use fixtures::*;
pub use place::{Place, admin_url};

/// Runs each named function on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&$crate::support::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&$crate::support::Place::postgres().await).await;
            })*
        }
    };
}

pub(crate) use on_both;

/// Polls until the condition holds; gives up after ten seconds.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let polling = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        tokio::time::timeout(std::time::Duration::from_secs(10), polling).await.is_ok(),
        "never came true: {what}"
    );
}
