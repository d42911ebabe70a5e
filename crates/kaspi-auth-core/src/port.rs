//! What the rules need from outside: time and ids, the portal, the database, a way to wait and to run things.
//!
//! Traits only. They are object-safe with boxed futures, so that the binary wires them once as `Arc<dyn …>`.

mod database;
mod engine;
mod environment;
mod keeping;
mod operation;
mod record;
mod source;

use std::pin::Pin;

pub use database::{
    AccountNote, AnswerKey, Answered, ApiKeyRepository, Database, Inserted, Ledger, LoginRepository,
    LoginUpdate, RepositoryError, SavedSession, SecretsChange, SessionUpdate, StoreRepository,
};
pub use engine::{
    At, Cabinet, Device, Engine, EvidenceSink, Finished, HolderSink, OpenRequest, Reply, RouteCheck,
    ShapeSink,
};
pub use environment::{
    ApiKeySecrets, Beat, Clock, Ids, KeepingSink, LoginChanges, LoginRunner, NewApiKey, StepTaken,
    StoreChanges, Subscription, Tasks,
};
pub use keeping::{AttemptRepository, BreakerRepository, KeepingRepository};
pub use operation::{
    EgressRepository, EventRepository, EvidenceRepository, NodeRepository, RateRepository, Seen,
    ShapeRepository, Slot, SlotRequest,
};
pub use record::{
    AuditRepository, BatchRepository, CallRepository, ImportRepository, JobRepository, TimelineRepository,
};
pub use source::{CodeSource, SentCode};

/// A boxed future that may cross threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
