//! `kaspi_stores`: written only under the revision that was read, which every other write moves.

use jiff::Timestamp;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::RepositoryError;
use sqlx::types::Json;

use super::{
    After, Finding, PLAIN, Page, Problem, Rekeyed, SqlDatabase, Verified, WRITTEN_AT_ONCE, count, problem,
};
use crate::pool::{read, transaction, tx_write};
use crate::sealed::{Encrypted, GuidError, StoredGuid};
use crate::statements::rekey as statements;

pub(super) const TABLE: &str = "kaspi_stores";
/// Where a session that is not sealed names no merchant that could be.
const BAD_UID: Problem = Problem::Shape("merchant_id is not a portal's id");

/// A row that was read.
#[derive(sqlx::FromRow)]
struct Row {
    merchant_id: String,
    guid: Option<String>,
    kaspi_email: Option<String>,
    kaspi_password: Option<String>,
    auth_revision: i64,
    auth_method: Option<String>,
}

/// A row as it is to be written.
struct Write {
    merchant_id: String,
    revision: i64,
    mark: String,
    values: Values,
}

/// What changes beside the mark.
enum Values {
    Nothing,
    Credentials(Option<String>, Option<String>),
    All(Encrypted, Option<String>, Option<String>),
}

impl SqlDatabase {
    pub(super) async fn stores_behind(&self, newest: &str) -> Result<(u64, u64), RepositoryError> {
        let rows = read!(&self.pool, statements::STORES_BEHIND => (i64, i64), newest)?;
        let (behind, unmarked) = rows.into_iter().next().unwrap_or_default();
        Ok((count(behind), count(unmarked)))
    }

    /// Marks rows that have no mark.
    pub(super) async fn mark_stores(&self, limit: u32) -> Result<(), RepositoryError> {
        if limit == 0 {
            return Ok(());
        }
        let rows = read!(&self.pool, statements::STORES_UNMARKED => Row, i64::from(limit))?;
        let marked = rows.into_iter().map(|row| {
            let mark = match row.session() {
                Ok(Some(StoredGuid::Plain(_))) => PLAIN.to_owned(),
                Ok(Some(StoredGuid::Sealed(token))) => {
                    self.mark_of(row.credentials().chain(std::iter::once(token.as_str())))
                }
                Ok(None) => self.mark_of(row.credentials()),
                Err(_) => super::NO_KEY.to_owned(),
            };
            row.write(mark, Values::Nothing)
        });
        self.write_stores(marked.collect()).await.map(drop)
    }

    pub(super) async fn rekey_stores(
        &self,
        after: After,
        batch: u32,
        now: Timestamp,
    ) -> Result<Page, RepositoryError> {
        let newest = self.newest_key_id();
        let rows = read!(
            &self.pool, statements::STORES_OLDER => Row, text(after), newest.as_str(), i64::from(batch),
        )?;
        let last = last(&rows, batch);
        let mut findings = Vec::new();
        let mut writes = Vec::with_capacity(rows.len());
        for row in rows {
            let before = findings.len();
            let values = self.renewed(&row, now, &mut findings);
            let mark = if findings.len() > before { super::NO_KEY.to_owned() } else { newest.clone() };
            writes.push(row.write(mark, values));
        }
        let rekeyed = self.write_stores(writes).await?;
        Ok(Page { rekeyed: Rekeyed { findings, ..rekeyed }, last })
    }

    pub(super) async fn verify_stores(
        &self,
        after: After,
        batch: u32,
    ) -> Result<(Verified, Option<After>), RepositoryError> {
        let rows = read!(&self.pool, statements::STORES_EACH => Row, text(after), i64::from(batch))?;
        let last = last(&rows, batch);
        let mut verified = Verified::default();
        for row in rows {
            verified.rows += 1;
            let Ok(uid) = MerchantUid::parse(&row.merchant_id) else {
                verified.findings.push(row.finding("merchant_id", BAD_UID));
                continue;
            };
            let opened = row.session().and_then(|stored| {
                let plain = matches!(stored, Some(StoredGuid::Plain(_)));
                let Some(stored) = stored else { return Ok(None) };
                let guid = self.sealer.open_guid(&uid, stored, row.auth_method.is_some())?;
                guid.cookies().map(|_| Some(plain))
            });
            match opened {
                Ok(None) => {}
                Ok(Some(true)) => verified.plain += 1,
                Ok(Some(false)) => verified.values += 1,
                Err(error) => verified.findings.push(row.finding("guid", problem(error))),
            }
            let columns = [
                ("kaspi_email", "email", &row.kaspi_email),
                ("kaspi_password", "password", &row.kaspi_password),
            ];
            for (column, key, token) in columns {
                let Some(token) = present(token.as_deref()) else { continue };
                match self.sealer.open_value(&uid, key, token) {
                    Ok(_) => verified.values += 1,
                    Err(error) => verified.findings.push(row.finding(column, Problem::Sealed(error))),
                }
            }
        }
        Ok((verified, last))
    }

    /// The row's values under the newest key; what does not open stays as it is and is among the findings.
    fn renewed(&self, row: &Row, now: Timestamp, findings: &mut Vec<Finding>) -> Values {
        let mut changed = false;
        let mut renew = |column: &'static str, stored: &Option<String>| {
            let token = present(stored.as_deref())?;
            match self.sealer.renew(token) {
                Ok(renewed) => {
                    changed |= renewed.is_some();
                    renewed.or_else(|| stored.clone())
                }
                Err(error) => {
                    findings.push(row.finding(column, Problem::Sealed(error)));
                    stored.clone()
                }
            }
        };
        let email = renew("kaspi_email", &row.kaspi_email).or_else(|| row.kaspi_email.clone());
        let password = renew("kaspi_password", &row.kaspi_password).or_else(|| row.kaspi_password.clone());
        match self.renewed_session(row, now) {
            Ok(Some(guid)) => Values::All(guid, email, password),
            Ok(None) if changed => Values::Credentials(email, password),
            Ok(None) => Values::Nothing,
            Err(error) => {
                findings.push(row.finding("guid", error));
                if changed { Values::Credentials(email, password) } else { Values::Nothing }
            }
        }
    }

    /// `None`: it can stay as it is.
    fn renewed_session(&self, row: &Row, now: Timestamp) -> Result<Option<Encrypted>, Problem> {
        match row.session().map_err(problem)? {
            None => Ok(None),
            Some(StoredGuid::Sealed(token)) => {
                self.sealer.renew(&token).map(|renewed| renewed.map(Encrypted::of)).map_err(Problem::Sealed)
            }
            Some(plain) => {
                let uid = MerchantUid::parse(&row.merchant_id).map_err(|_| BAD_UID)?;
                let guid = self.sealer.open_guid(&uid, plain, row.auth_method.is_some()).map_err(problem)?;
                Ok(Some(self.sealer.seal_guid(&uid, &guid, now)))
            }
        }
    }

    async fn write_stores(&self, writes: Vec<Write>) -> Result<Rekeyed, RepositoryError> {
        let mut done = Rekeyed::default();
        for some in writes.chunks(WRITTEN_AT_ONCE) {
            let written = transaction!(&self.pool, |tx| {
                let mut written = Vec::with_capacity(some.len());
                for Write { merchant_id, revision, mark, values } in some {
                    let (uid, mark) = (merchant_id.as_str(), mark.as_str());
                    written.push(match values {
                        Values::All(guid, email, password) => tx_write!(
                            tx,
                            statements::STORES_RESEAL_ALL,
                            uid,
                            revision,
                            mark,
                            email.as_deref(),
                            password.as_deref(),
                            Json(guid),
                        )?,
                        Values::Credentials(email, password) => tx_write!(
                            tx,
                            statements::STORES_RESEAL_CREDENTIALS,
                            uid,
                            revision,
                            mark,
                            email.as_deref(),
                            password.as_deref(),
                        )?,
                        Values::Nothing => tx_write!(tx, statements::STORES_MARK, uid, revision, mark)?,
                    });
                }
                written
            });
            for (write, rows) in some.iter().zip(written) {
                match (rows, &write.values, write.mark == super::NO_KEY) {
                    (0, _, _) => done.overtaken += 1,
                    (_, Values::All(..) | Values::Credentials(..), _) => done.moved += 1,
                    (_, Values::Nothing, false) => done.found_newest += 1,
                    (_, Values::Nothing, true) => {}
                }
            }
        }
        Ok(done)
    }
}

impl Row {
    fn session(&self) -> Result<Option<StoredGuid>, GuidError> {
        self.guid.as_deref().map_or(Ok(None), StoredGuid::read)
    }

    /// The tokens beside the session.
    fn credentials(&self) -> impl Iterator<Item = &str> {
        present(self.kaspi_email.as_deref()).into_iter().chain(present(self.kaspi_password.as_deref()))
    }

    fn write(self, mark: String, values: Values) -> Write {
        Write { merchant_id: self.merchant_id, revision: self.auth_revision, mark, values }
    }

    fn finding(&self, column: &'static str, problem: Problem) -> Finding {
        Finding { table: TABLE, column, row: self.merchant_id.clone(), problem }
    }
}

/// The predecessor writes an empty text for nothing.
fn present(token: Option<&str>) -> Option<&str> {
    token.filter(|token| !token.is_empty())
}

fn text(after: After) -> String {
    if let After::Text(text) = after { text } else { String::new() }
}

/// Where to go on, when there may be more.
fn last(rows: &[Row], batch: u32) -> Option<After> {
    let full = u32::try_from(rows.len()).is_ok_and(|read| read == batch);
    rows.last().filter(|_| full).map(|row| After::Text(row.merchant_id.clone()))
}
