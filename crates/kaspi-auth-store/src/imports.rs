//! Stores of other installations, on their way in. What becomes of one is judged in `kaspi_auth_core::import`; how it is
//! written stands in `stores/import.rs`.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::audit::Actor;
use kaspi_auth_core::import::{FoundStore, Imported};
use kaspi_auth_core::port::{Answered, ImportRepository};

use crate::database::SqlDatabase;

impl ImportRepository for SqlDatabase {
    fn import_store<'a>(
        &'a self,
        found: &'a FoundStore,
        by: Option<&'a Actor>,
        now: Timestamp,
    ) -> Answered<'a, Imported> {
        Box::pin(self.import(found, by, now))
    }
}
