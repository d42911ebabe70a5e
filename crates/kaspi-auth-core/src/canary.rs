//! Notices when a step of the portal looks otherwise than ever before, before logins fail of it.

use std::sync::Arc;

use crate::error::Result;
use crate::event::Happening;
use crate::port::{Clock, Database, Seen};

/// The longest shape that is kept, in bytes; a longer one is cut, which still tells shapes apart.
const LONGEST: usize = 8 * 1024;

/// Compares the shapes of the portal's steps with those that were seen before.
pub struct Canary {
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
}

impl Canary {
    /// Wires the use case.
    pub fn new(database: Arc<dyn Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// Notes what a step looked like. A shape that is new while others are known becomes an event; the answer says whether it did.
    ///
    /// # Errors
    /// The database's.
    pub async fn see(&self, step: &str, shape: &str) -> Result<bool> {
        let shape = cut(shape);
        let now = self.clock.now();
        let Seen::New { before } = self.database.see_shape(step, shape, now).await? else { return Ok(false) };
        let happening = Happening::PortalChanged { step: step.to_owned(), shape: shape.to_owned(), before };
        self.database.append_event(&happening, now).await?;
        Ok(true)
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
