//! Storing what a login brought home: session, credentials, device and the login's success, all or nothing.

use jiff::Timestamp;
use kaspi_auth_core::account::{Account, Method};
use kaspi_auth_core::login::{Driver, EngineChoice, Login, LoginState};
use kaspi_auth_core::merchant::{Point, Points};
use kaspi_auth_core::port::{RepositoryError, SavedSession};
use kaspi_auth_core::store::StoreSummary;
use secrecy::SecretString;
use sqlx::types::Json;

use super::statements::SAVE;
use crate::changes::Change;
use crate::database::SqlDatabase;
use crate::logins::LoginParams;
use crate::pool::{transaction, tx_rows, tx_write};
use crate::sealed::Encrypted;
use crate::statements::accounts::{DRIVER, KEEP_DEVICE, NO_DRIVER};
use crate::statements::logins::{STAGED, UPDATE};
use crate::values::{Instant, without_nul};

impl SqlDatabase {
    pub(super) async fn save(
        &self,
        saved: SavedSession<'_>,
        summary: &StoreSummary,
        now: Timestamp,
    ) -> Result<(), RepositoryError> {
        let uid = &summary.merchant_uid;
        let fresh = self.seal_new(&saved, uid, now);
        let SavedSession { login, session, credentials, device } = saved;
        let done = Login {
            state: LoginState::Succeeded { store: summary.clone() },
            updated_at: now,
            ..login.clone()
        };
        let params = LoginParams::of(&done, None)?;

        let user = self.users.write(login.user_id.as_ref())?;
        let account = credentials.account();
        let email = match account {
            Account::Email(address) => {
                Some(self.sealer.seal_value(uid, "email", &SecretString::from(address.clone()), now))
            }
            Account::Phone(_) => None,
        };
        let password = credentials
            .secret()
            .filter(|_| login.store_password)
            .map(|password| self.sealer.seal_value(uid, "password", password, now));
        let name = summary.shop_name.as_deref().map(without_nul);
        let points = Json(clean(&summary.points));
        let logo = session.merchant.logo_url.as_deref().map(without_nul);
        let method = match credentials.account().method() {
            Method::Password => "password",
            Method::Phone => "phone",
        };
        let account_key = self.sealer.account_key(account);
        let device = device.map(|device| {
            let key = self.device_key(login.user_id.as_ref(), account);
            let sealed = self.sealer.seal_device(&key, &device, now);
            (key, sealed)
        });

        transaction!(&self.pool, |tx| {
            // What was read back and tried is what is stored; before the login's end erases it.
            let staged = tx_rows!(tx, STAGED => (Option<String>,), login.id.0, login.version)?;
            let guid = match staged.into_iter().next() {
                Some((Some(token),)) => {
                    self.open_staged(login, uid, &token)?;
                    Json(Encrypted::of(token))
                }
                Some((None,)) => Json(fresh),
                None => return Err(RepositoryError::Conflict),
            };
            let updated = tx_rows!(
                tx, UPDATE => (i64,), done.id.0, done.version, params.state, params.record.as_str(), false,
                None::<String>, false, params.lease_node, params.lease_until, params.due_at, params.ended_at,
                params.updated_at, params.expires_at, params.egress, params.holder,
            )?;
            if updated.is_empty() {
                return Err(RepositoryError::Conflict);
            }
            let stored = tx_rows!(
                tx, SAVE => (i64,), &user, uid.as_str(), name.as_deref(), &guid, email.as_deref(),
                password.as_deref(), &points, Instant(now), method, session.authenticated_at.as_microsecond(),
                logo.as_deref(), !points.0.is_empty(), login.driver.as_str(), login.egress.0,
            )?;
            if stored.is_empty() {
                return Err(RepositoryError::StoreTaken);
            }
            match (login.driver, login.engine) {
                (Driver::Direct, _) => {
                    tx_write!(tx, NO_DRIVER, account_key.as_slice(), params.updated_at)?;
                }
                (Driver::Browser, EngineChoice::Auto) => {
                    let driver = Driver::Browser.as_str();
                    tx_write!(tx, DRIVER, account_key.as_slice(), driver, params.updated_at)?;
                }
                // Who asked for the browser found out nothing.
                (Driver::Browser, EngineChoice::Direct | EngineChoice::Browser) => {}
            }
            if let Some((key, sealed)) = &device {
                tx_write!(tx, KEEP_DEVICE, key.as_slice(), sealed.as_str(), params.updated_at)?;
            }
        });
        self.announcer.announce(Change::Store(uid.clone()));
        self.announcer.announce(Change::Login(login.id));
        Ok(())
    }
}

/// Without the one character that PostgreSQL's JSON cannot hold.
pub(super) fn clean(points: &Points) -> Points {
    points
        .iter()
        .map(|(name, point)| {
            let point = Point {
                city_id: point.city_id.as_deref().map(without_nul),
                city_name: point.city_name.as_deref().map(without_nul),
                enabled: point.enabled,
            };
            (without_nul(name), point)
        })
        .collect()
}
