//! The queue, its workers and batches, on both databases.

mod batches;
mod queue;
mod support;
mod ticks;
mod trouble;
mod workers;
