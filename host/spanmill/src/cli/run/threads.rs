//! Whether the system allows as many threads as a service takes: tokio panics where it may not have one.

use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

use crate::cli::output::Failure;
use crate::pipeline::WorkerCount;
use crate::processors::available_processors;

/// Those of the standard output, of signals and of files that are watched, and some for what blocks.
const OTHERS: usize = 6;
/// What a thread that only waits needs.
const STACK_BYTES: usize = 64 * 1024;

/// Checks that the process may have the threads that a service with so many workers takes.
///
/// # Errors
///
/// It may not, by `ulimit -u` or the `pids.max` of a control group.
pub(super) fn check(workers: WorkerCount) -> Result<(), Failure> {
    let wanted = workers.lanes() + available_processors() + OTHERS;
    let gate = Mutex::new(());
    let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let wait = || drop(gate.lock());
        let started = (0..wanted).try_for_each(|_| {
            let thread = Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, wait).map(drop)
        });
        drop(closed);
        started
    })
    .map_err(|error| {
        Failure(format!(
            "error: a service with {} takes {wanted} further threads, and the system refuses them ({error}); raise the limit, which is \
             `ulimit -u` or the pids.max of its control group, or lower --workers",
            match workers.workers {
                1 => "one worker".to_owned(),
                workers => format!("{workers} workers"),
            }
        ))
    })
}
