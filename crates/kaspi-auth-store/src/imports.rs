//! Stores of other installations, on their way in.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::import::{FoundStore, Imported};
use kaspi_auth_core::port::{Answered, ImportRepository};

use crate::database::SqlDatabase;

impl ImportRepository for SqlDatabase {
    fn import_store<'a>(
        &'a self,
        _found: &'a FoundStore,
        _apply: bool,
        _now: Timestamp,
    ) -> Answered<'a, Imported> {
        Box::pin(async { Err(crate::failure::absent()) })
    }
}
