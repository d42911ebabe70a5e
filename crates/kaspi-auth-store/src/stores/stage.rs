//! Laying what a login brought home beside it, and reading it back, before anything of the store is touched.

use jiff::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::Login;
use kaspi_auth_core::port::{RepositoryError, SavedSession};
use kaspi_auth_core::session::Cookie;
use kaspi_auth_core::store::StoreSummary;

use crate::database::SqlDatabase;
use crate::failure;
use crate::pool::{read, write};
use crate::sealed::{Encrypted, Guid, GuidError, NewGuid};
use crate::statements::logins::{STAGE, STAGED};

const TABLE: &str = "kaspi_auth_logins";
const COLUMN: &str = "staged";

impl SqlDatabase {
    /// The write is committed before the copy is read, so that what is read is what the database keeps.
    pub(super) async fn stage(
        &self,
        saved: SavedSession<'_>,
        summary: &StoreSummary,
        now: Timestamp,
    ) -> Result<Vec<Cookie>, RepositoryError> {
        let (login, uid) = (saved.login, &summary.merchant_uid);
        let sealed = self.seal_new(&saved, uid, now);
        if write!(&self.pool, STAGE, login.id.0, login.version, sealed.token())? == 0 {
            return Err(RepositoryError::Conflict);
        }
        let rows = read!(&self.pool, STAGED => (Option<String>,), login.id.0, login.version)?;
        let Some((Some(token),)) = rows.first() else { return Err(RepositoryError::Conflict) };
        let guid = self.open_staged(login, uid, token)?;
        guid.cookies().map_err(|error| staged_error(login, error))
    }

    /// The session as the column `guid` will hold it.
    pub(super) fn seal_new(&self, saved: &SavedSession<'_>, uid: &MerchantUid, now: Timestamp) -> Encrypted {
        let guid = NewGuid {
            cookies: &saved.session.cookies,
            credentials: saved.credentials,
            store_password: saved.login.store_password,
            code_verified: saved.login.code_verified,
            authenticated_at: saved.session.authenticated_at,
        };
        self.sealer.seal_guid(uid, &guid.build(), now)
    }

    /// Opens a staged copy; one of another merchant does not open.
    pub(super) fn open_staged(
        &self,
        login: &Login,
        uid: &MerchantUid,
        token: &str,
    ) -> Result<Guid, RepositoryError> {
        self.sealer.open_guid_token(uid, token, true).map_err(|error| staged_error(login, error))
    }
}

fn staged_error(login: &Login, error: GuidError) -> RepositoryError {
    match error {
        GuidError::Sealed(error) => failure::sealed(TABLE, COLUMN, &login.id, error),
        GuidError::Shape(what) => failure::corrupt(TABLE, COLUMN, &login.id, what),
    }
}
