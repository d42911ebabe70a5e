//! Shapes of the portal's steps in the database. A known shape, which is nearly every one, costs one read.

use jiff::Timestamp;
use kaspi_auth_core::port::{Answered, RepositoryError, Seen, ShapeRepository};
use sha2::{Digest as _, Sha256};

use crate::database::SqlDatabase;
use crate::pool::{read, transaction, tx_rows, tx_write, write};
use crate::statements::settings::LOCK;
use crate::statements::shapes as statements;
use crate::values::without_nul;

/// Shapes of one step that are kept. Further ones are taken for known: a page that is another each time fills no table and
/// tells nobody anything.
const KEPT: i64 = 200;
/// What is seen within a minute is seen once: microseconds.
const SAME_LOOK: i64 = 60_000_000;
/// The row that is locked by who adds a shape.
const LOCKED: &str = "shapes";

impl ShapeRepository for SqlDatabase {
    fn see_shape<'a>(&'a self, step: &'a str, shape: &'a str, now: Timestamp) -> Answered<'a, Seen> {
        Box::pin(self.see(step, shape, now))
    }
}

impl SqlDatabase {
    async fn see(&self, step: &str, shape: &str, now: Timestamp) -> Result<Seen, RepositoryError> {
        type Row = (Option<i64>, i64);
        let (step, shape, now) = (without_nul(step), without_nul(shape), now.as_microsecond());
        let digest = Sha256::digest(shape.as_bytes()).to_vec();
        let rows = read!(&self.pool, statements::LOOK => Row, step.as_str(), digest.as_slice())?;
        let (last_seen, count) = rows.into_iter().next().unwrap_or_default();
        if let Some(last_seen) = last_seen {
            if last_seen.saturating_add(SAME_LOOK) <= now {
                write!(&self.pool, statements::TOUCH, step.as_str(), digest.as_slice(), now)?;
            }
            return Ok(Seen::Known);
        }
        if count >= KEPT {
            return Ok(Seen::Known);
        }
        transaction!(&self.pool, |tx| {
            tx_write!(tx, LOCK, LOCKED)?;
            let inserted = tx_write!(
                tx,
                statements::INSERT,
                step.as_str(),
                digest.as_slice(),
                shape.as_str(),
                now,
                KEPT,
            )?;
            if inserted == 0 {
                return Ok(Seen::Known);
            }
            let before = tx_rows!(
                tx, statements::BEFORE => (String,), step.as_str(), digest.as_slice(),
            )?;
            let seen = before.into_iter().next();
            Ok(seen.map_or(Seen::First, |(before,)| Seen::New { before }))
        })
    }
}
