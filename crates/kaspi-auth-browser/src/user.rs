//! In whose name this process runs: whose folders are ours, and whether Chromium's own sandbox can be had.

use std::{fs, io, os::unix::fs::MetadataExt};

/// The effective user: the owner of a process's entry.
///
/// # Errors
/// There is no `/proc`.
pub(crate) fn effective_user() -> io::Result<u32> {
    fs::metadata("/proc/self").map(|about| about.uid())
}

/// Whether this process is root's, as whom Chromium refuses to run its own sandbox.
pub fn is_root() -> bool {
    effective_user().is_ok_and(|user| user == 0)
}
