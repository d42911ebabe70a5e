//! [`JobWorkers`]: the queue's worker of this process, its clocks, and how both stop.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaspi_auth_core::port::Clock;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{interval, timeout};
use uuid::Uuid;

use super::cron::{self, Cron};
use super::run::{JobHandler, Runner};
use super::serve::{self, Queue};
use crate::database::SqlDatabase;
use crate::pool::write;
use crate::statements::jobs as statements;

/// How long handing back may take where the database does not answer.
const HAND_BACK: Duration = Duration::from_secs(5);

/// How the workers work.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// How many jobs may run at once here.
    pub concurrency: usize,
    /// A job that takes longer is dropped; it counts as failed.
    pub timeout: Duration,
    /// How often the worker looks for a job whose time has come.
    pub poll: Duration,
    /// How often the worker shows that it lives, in whole seconds, at least one. After five times that in silence what it held is given to
    /// another.
    pub heartbeat: Duration,
    /// How often a job is tried before it is given up.
    pub max_attempts: u32,
    /// How long after a panic or a timeout a job is tried again; doubled with every try, up to ten minutes.
    pub pause: Duration,
    /// Names this run of the process, among all that share the database.
    pub boot: Uuid,
    /// How often the stores that are due are put into the queue; `None`: not here.
    pub due: Option<Duration>,
    /// A store whose job is lost is due again after this long.
    pub due_again: Duration,
    /// What comes round at intervals.
    pub cron: Vec<Cron>,
}

impl WorkerSettings {
    /// The values that a service starts with.
    pub fn new(boot: Uuid) -> Self {
        Self {
            concurrency: 16,
            timeout: Duration::from_mins(5),
            poll: Duration::from_millis(500),
            heartbeat: Duration::from_secs(5),
            max_attempts: 5,
            pause: Duration::from_secs(5),
            boot,
            due: Some(Duration::from_secs(1)),
            due_again: Duration::from_mins(15),
            cron: Vec::new(),
        }
    }
}

/// The workers of this process. Dropping them is as if the process had died: what they hold is given to others after a
/// while. [`stop`](Self::stop) hands it back.
pub struct JobWorkers {
    database: Arc<SqlDatabase>,
    queue: Arc<Queue>,
    running: Arc<Running>,
    stopping: watch::Sender<bool>,
    clocks: JoinSet<()>,
    serving: JoinSet<()>,
}

impl SqlDatabase {
    /// Starts to run jobs with `handler`, to put due stores into the queue and to tick. Must be called inside a Tokio runtime.
    pub fn start_workers(
        self: &Arc<Self>,
        handler: Arc<dyn JobHandler>,
        clock: Arc<dyn Clock>,
        settings: WorkerSettings,
    ) -> JobWorkers {
        let settings = Arc::new(WorkerSettings {
            heartbeat: settings.heartbeat.max(Duration::from_secs(1)),
            ..settings
        });
        let (stopping, stopped) = watch::channel(false);
        let queue = Arc::new(Queue::of(&self.pool));
        let running = Arc::new(Running::default());
        let runner = Arc::new(Runner {
            database: Arc::clone(self),
            handler,
            timeout: settings.timeout,
            max_attempts: settings.max_attempts.max(1),
            pause: settings.pause,
        });
        let mut clocks = JoinSet::new();
        for one in settings.cron.iter().cloned() {
            clocks.spawn(cron::tick(Arc::clone(self), Arc::clone(&clock), one));
        }
        if let Some(every) = settings.due {
            clocks.spawn(cron::push_due(Arc::clone(self), clock, every, settings.due_again));
        }
        let mut serving = JoinSet::new();
        serving.spawn(keep_alive(Arc::clone(self), Arc::clone(&running), settings.heartbeat));
        serving.spawn(serve::serve(Arc::clone(&queue), runner, Arc::clone(&running), settings, stopped));
        JobWorkers { database: Arc::clone(self), queue, running, stopping, clocks, serving }
    }
}

impl JobWorkers {
    /// Takes no more jobs, waits up to `grace` for those that run, and hands the others back: another worker may run them at
    /// once.
    pub async fn stop(mut self, grace: Duration) {
        self.clocks.shutdown().await;
        self.stopping.send_replace(true);
        if timeout(grace, self.running.empty()).await.is_err() {
            tracing::info!(jobs = self.running.count(), "jobs that still run are handed back");
        }
        // The worker itself may still ask the database for a job: what it takes now is handed back below.
        let _ = timeout(Duration::from_secs(1), self.ended()).await;
        self.running.abort().await;
        self.serving.shutdown().await;
        let handed_back = timeout(HAND_BACK, self.hand_back()).await;
        if !matches!(handed_back, Ok(Ok(()))) {
            tracing::warn!(
                "the jobs could not be handed back; others take them when this worker counts as dead"
            );
        }
        let _ = timeout(HAND_BACK, self.queue.close()).await;
    }

    /// When the worker has ended.
    async fn ended(&mut self) {
        // Two tasks: the worker, and what keeps its jobs alive, which does not end by itself.
        self.serving.join_next().await;
    }

    async fn hand_back(&self) -> Result<(), kaspi_auth_core::port::RepositoryError> {
        let pool = &self.database.pool;
        for worker in self.running.workers() {
            write!(pool, pool.pick(statements::RELEASE), worker.as_str())?;
        }
        Ok(())
    }
}

impl Drop for JobWorkers {
    fn drop(&mut self) {
        self.running.abort_now();
    }
}

impl fmt::Debug for JobWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobWorkers").field("running", &self.running.count()).finish_non_exhaustive()
    }
}

/// Shows that workers live as long as something of theirs runs: one that failed, or was told to stop, does not do so itself.
async fn keep_alive(database: Arc<SqlDatabase>, running: Arc<Running>, every: Duration) {
    let mut beats = interval(every);
    let touch = database.pool.pick(statements::TOUCH);
    loop {
        beats.tick().await;
        for worker in running.busy() {
            if let Err(error) = write!(&database.pool, touch, worker.as_str()) {
                tracing::warn!(%error, "a worker cannot show that it lives");
            }
        }
    }
}

/// The tasks that run here, by worker. A worker that failed keeps its tasks.
#[derive(Default)]
pub(super) struct Running {
    tasks: Mutex<Tasks>,
    ended: Notify,
}

#[derive(Default)]
struct Tasks {
    next: u64,
    /// The present worker and those before it whose tasks still run, with what each runs.
    by_worker: BTreeMap<String, BTreeMap<u64, AbortHandle>>,
}

impl Running {
    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker that begins. Those before it that run nothing are forgotten: a database that is away for long sees many.
    pub(super) fn begin(&self, worker: &str) {
        let mut tasks = self.tasks();
        tasks.by_worker.retain(|_, running| !running.is_empty());
        tasks.by_worker.insert(worker.to_owned(), BTreeMap::new());
    }

    /// Runs a task; the receiver hears of its end, however it ends.
    pub(super) fn spawn(
        self: &Arc<Self>,
        worker: &str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> oneshot::Receiver<()> {
        let (ending, ended) = oneshot::channel();
        let mut tasks = self.tasks();
        let number = tasks.next;
        tasks.next += 1;
        let ticket = Ticket { running: Arc::clone(self), worker: worker.to_owned(), number, _ending: ending };
        // The ticket waits for the lock that is held here, so it cannot be given up before it is listed.
        let handle = tokio::spawn(async move {
            let _ticket = ticket;
            task.await;
        })
        .abort_handle();
        tasks.by_worker.entry(worker.to_owned()).or_default().insert(number, handle);
        ended
    }

    fn count(&self) -> usize {
        self.tasks().by_worker.values().map(BTreeMap::len).sum()
    }

    fn workers(&self) -> Vec<String> {
        self.tasks().by_worker.keys().cloned().collect()
    }

    fn busy(&self) -> Vec<String> {
        let tasks = self.tasks();
        tasks
            .by_worker
            .iter()
            .filter(|(_, running)| !running.is_empty())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// When nothing runs.
    async fn empty(&self) {
        loop {
            let ended = self.ended.notified();
            if self.count() == 0 {
                return;
            }
            ended.await;
        }
    }

    fn abort_now(&self) {
        for handle in self.tasks().by_worker.values().flat_map(BTreeMap::values) {
            handle.abort();
        }
    }

    async fn abort(&self) {
        self.abort_now();
        self.empty().await;
    }
}

/// Strikes a task from the list when it ends.
struct Ticket {
    running: Arc<Running>,
    worker: String,
    number: u64,
    _ending: oneshot::Sender<()>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(tasks) = self.running.tasks().by_worker.get_mut(&self.worker) {
            tasks.remove(&self.number);
        }
        self.running.ended.notify_waiters();
    }
}
