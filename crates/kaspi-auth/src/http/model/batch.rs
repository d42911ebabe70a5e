//! Batches on the wire: many stores at once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kaspi_auth_core::batch::{Batch, BatchItem, BatchKind, BatchStores};
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::{Code, Error};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which stores: some by name, or all that are switched on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"merchant_uids": ["30000001", "30000002"]}))]
pub struct BatchBody {
    /// These, 1 to 10,000. What is not yours comes out as `store_not_found`.
    #[schema(min_items = 1, max_items = 10_000)]
    merchant_uids: Option<Vec<String>>,
    /// True: all of yours that are switched on.
    all: Option<bool>,
}

impl BatchBody {
    pub(crate) fn read(&self) -> Result<BatchStores, Error> {
        let unfit = |what: &str| Error::new(Code::InvalidValue, what);
        match (&self.merchant_uids, self.all.unwrap_or(false)) {
            (None, true) => Ok(BatchStores::All),
            (Some(uids), false) => {
                let read = uids.iter().map(|uid| MerchantUid::parse(uid)).collect::<Result<Vec<_>, _>>();
                let unread = |_| {
                    unfit("merchant_uids holds portal's ids: 1 to 64 letters, digits, hyphens, underscores.")
                };
                read.map(BatchStores::These).map_err(unread)
            }
            _ => Err(unfit("A batch takes either merchant_uids or all: true.")),
        }
    }
}

/// A batch, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchView {
    /// Names it.
    id: Uuid,
    /// `validate` or `refresh`.
    kind: &'static str,
    /// How many stores it has.
    total: u32,
    /// How many of them are done.
    done: u32,
    /// How many came out how: `alive`, `dead`, `unknown`; `refreshed`; or the code of an error.
    results: BTreeMap<String, u32>,
    /// When it was asked for.
    created_at: Timestamp,
    /// When the last store was done; null while it goes on.
    ended_at: Option<Timestamp>,
}

impl From<&Batch> for BatchView {
    fn from(batch: &Batch) -> Self {
        Self {
            id: batch.id.0,
            kind: BatchKind::as_str(batch.kind),
            total: batch.total,
            done: batch.done(),
            results: batch.results.clone(),
            created_at: batch.created_at,
            ended_at: batch.ended_at,
        }
    }
}

/// A store of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchStoreView {
    /// The portal's id of the merchant.
    merchant_uid: String,
    /// `alive`, `dead`, `unknown`; `refreshed`; or the code of an error. Null: not done yet.
    result: Option<String>,
    /// Why, in words; may be empty.
    detail: String,
}

impl From<&BatchItem> for BatchStoreView {
    fn from(item: &BatchItem) -> Self {
        Self {
            merchant_uid: item.merchant_uid.to_string(),
            result: item.result.clone(),
            detail: item.detail.clone(),
        }
    }
}

/// A page of a batch's stores in the order of their uid.
#[derive(Serialize, ToSchema)]
pub struct BatchStorePage {
    /// What is on it.
    stores: Vec<BatchStoreView>,
    /// The `cursor` of the next page; null on the last.
    next_cursor: Option<String>,
}

impl BatchStorePage {
    /// Of what was found, one more than the page takes if there are more.
    pub(crate) fn new(found: &[BatchItem], limit: u32) -> Self {
        let (page, more) = super::page_of(found, limit);
        let last = page.last().filter(|_| more);
        Self {
            stores: page.iter().map(Into::into).collect(),
            next_cursor: last.map(|item| item.merchant_uid.to_string()),
        }
    }
}

/// Which page of a batch's stores.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BatchStoreQuery {
    /// How many on a page: 1 to 500, 100 when left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    cursor: Option<String>,
}

impl BatchStoreQuery {
    /// The cursor and the limit.
    pub(crate) fn read(&self) -> Result<(Option<MerchantUid>, u32), Error> {
        let unfit = |_| Error::new(Code::InvalidValue, "cursor is the next_cursor of the page before.");
        let after = self.cursor.as_deref().map(MerchantUid::parse).transpose().map_err(unfit)?;
        Ok((after, super::limit(self.limit, 100)?))
    }
}
