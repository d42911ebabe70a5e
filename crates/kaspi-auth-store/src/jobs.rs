//! The job queue.

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::job::{JobFigures, JobFilter, JobView, NewJob};
use kaspi_auth_core::port::{Answered, JobRepository};

use crate::database::SqlDatabase;

impl JobRepository for SqlDatabase {
    fn push_job<'a>(&'a self, _job: &'a NewJob) -> Answered<'a, bool> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn push_due_stores(&self, _now: Timestamp, _again: Timestamp, _limit: u32) -> Answered<'_, u32> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn list_jobs<'a>(&'a self, _filter: &'a JobFilter) -> Answered<'a, Vec<JobView>> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn job_figures(&self) -> Answered<'_, JobFigures> {
        Box::pin(async { Err(crate::failure::absent()) })
    }

    fn prune_jobs(&self, _before: Timestamp, _limit: u32) -> Answered<'_, u64> {
        Box::pin(async { Err(crate::failure::absent()) })
    }
}
