//! What a task is in the queue: the job, the key of its first try, and which try this is.

use kaspi_auth_core::job::{Job, NewJob};
use kaspi_auth_core::port::RepositoryError;
use serde::{Deserialize, Serialize};

use super::TABLE;
use crate::failure;

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) job: Job,
    /// The key of the first try.
    pub(crate) key: String,
    /// From 1.
    pub(crate) attempt: u32,
}

impl Envelope {
    /// The first try.
    pub(crate) fn first(new: &NewJob) -> Self {
        Self { job: new.job.clone(), key: new.key.clone(), attempt: 1 }
    }

    /// The try after this one.
    pub(crate) fn next(&self) -> Self {
        Self { attempt: self.attempt.saturating_add(1), ..self.clone() }
    }

    /// The key of this try, unique in the queue.
    pub(crate) fn own_key(&self) -> String {
        if self.attempt == 1 { self.key.clone() } else { format!("{}:{}", self.key, self.attempt) }
    }

    pub(crate) fn to_json(&self) -> Result<String, RepositoryError> {
        serde_json::to_string(self).map_err(|error| failure::corrupt(TABLE, "job", &self.key, error))
    }
}
