//! Which work a worker takes next: fair among pipelines by the time they have used, and never all of it slow.
//!
//! Work waits in one queue a receiver, or a pipeline's batcher. A worker takes from the queue that has used the least
//! time. A call into a plugin cannot be interrupted, so slow work could occupy every worker. While others have work too, it gets all
//! workers but one: a processor that is free is what keeps their latency. Where there is only one worker, a *spare* one,
//! which otherwise sleeps, takes what is known to be short.

mod owner;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) use owner::Owner;

/// A queue whose work takes less on average is short.
const SHORT: Duration = Duration::from_millis(10);
/// Queues that were given work so recently count on having it done soon.
const ACTIVE: Duration = Duration::from_secs(1);
/// Workers that have been at their work for so long are not about to take more.
const OCCUPIED: Duration = Duration::from_millis(2);
/// How much of what waits is looked at for work that can be done together.
const LOOKED_AT: usize = 512;
/// Queues that have been empty are forgotten once there are so many.
const QUEUES: usize = 256;

struct WorkQueue<W> {
    owner: Owner,
    waiting: VecDeque<Waiting<W>>,
    /// Worker time used, in ns; raised to that of the others when it has had nothing to do.
    used: u64,
    /// Time a piece of work takes, in ns, smoothed.
    average: u64,
    /// When it was given work last.
    given: Option<Instant>,
    /// Places in the queue.
    room: Arc<Semaphore>,
    /// Whether a worker is at its work.
    is_running: bool,
}

struct Waiting<W> {
    work: W,
    since: Instant,
    _place: Option<OwnedSemaphorePermit>,
}

impl<W> WorkQueue<W> {
    fn is_short(&self) -> bool {
        !self.owner.is_large() && !self.is_slow()
    }

    /// Whether there is work in it that a worker may begin.
    fn is_ready(&self) -> bool {
        let is_taken = self.is_running && self.owner.is_serial();
        !self.waiting.is_empty() && !is_taken
    }

    fn is_slow(&self) -> bool {
        u128::from(self.average) >= SHORT.as_nanos()
    }
}

/// What a worker is at.
#[derive(Clone, Copy)]
struct Busy {
    since: Instant,
    is_slow: bool,
}

struct State<W> {
    queues: Vec<WorkQueue<W>>,
    /// What each worker but the spare one is at; `None` if it waits for work.
    busy: Vec<Option<Busy>>,
    /// Whether each worker's place is lent to another thread.
    lent: Vec<bool>,
    /// Whether the spare worker sleeps until it is rung for. Otherwise it looks by itself.
    spare_sleeps: bool,
    is_closed: bool,
}

/// A worker's place, lent to another thread; given back when it is dropped.
pub(super) struct BorrowedPlace<'s, W> {
    scheduler: &'s Scheduler<W>,
    pub(super) worker: usize,
}

impl<W> Drop for BorrowedPlace<'_, W> {
    fn drop(&mut self) {
        self.scheduler.give_back(self.worker);
    }
}

/// Work for some workers and a spare one.
pub(super) struct Scheduler<W> {
    state: Mutex<State<W>>,
    /// Rung for the workers.
    work: Condvar,
    /// Rung for the spare worker.
    spare: Condvar,
    places: usize,
}

impl<W> Scheduler<W> {
    /// For so many workers, not counting the spare one. Each queue has `places` for work that waits.
    pub(super) fn new(workers: usize, places: usize) -> Self {
        Scheduler {
            state: Mutex::new(State {
                queues: Vec::new(),
                // All but the first have instances to make before they ask for work.
                busy: (0..workers)
                    .map(|worker| {
                        (worker > 0).then(|| Busy {
                            since: Instant::now(),
                            is_slow: false,
                        })
                    })
                    .collect(),
                lent: vec![false; workers],
                spare_sleeps: false,
                is_closed: false,
            }),
            work: Condvar::new(),
            spare: Condvar::new(),
            places,
        }
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds work once its queue has a place. Returns it if there will be none.
    pub(super) async fn add(&self, owner: Owner, work: W) -> Result<(), W> {
        let room = Arc::clone(&self.state().queue(&owner, self.places).room);
        match room.acquire_owned().await {
            Ok(place) => self.put(owner, work, Some(place)),
            Err(_) => Err(work),
        }
    }

    /// Adds work that is bounded elsewhere, at once.
    pub(super) fn add_now(&self, owner: Owner, work: W) -> Result<(), W> {
        self.put(owner, work, None)
    }

    fn put(&self, owner: Owner, work: W, place: Option<OwnedSemaphorePermit>) -> Result<(), W> {
        let mut state = self.state();
        if state.is_closed {
            return Err(work);
        }
        // What has had nothing to do has saved up nothing.
        let floor = state.least_used();
        let queue = state.queue(&owner, self.places);
        if queue.waiting.is_empty() {
            queue.used = queue.used.max(floor.unwrap_or(0));
        }
        let now = Instant::now();
        queue.given = Some(now);
        queue.waiting.push_back(Waiting {
            work,
            since: now,
            _place: place,
        });
        self.ring(state);
        Ok(())
    }

    /// Rings for a worker that can take what there is. Ringing takes a system call, so nobody is rung for who is awake.
    fn ring(&self, mut state: MutexGuard<'_, State<W>>) {
        let all_busy = state.busy.iter().all(Option::is_some);
        let spare_sleeps = state.spare_sleeps;
        state.spare_sleeps &= !all_busy;
        drop(state);
        match all_busy {
            true if spare_sleeps => self.spare.notify_one(),
            true => {}
            false => self.work.notify_one(),
        }
    }

    /// The next work for a worker; waits for it. `None` once there is none and will be none.
    pub(super) fn next(&self, worker: usize) -> Option<(Owner, W)> {
        if let Some(busy) = self.state().busy.get_mut(worker) {
            *busy = None;
        }
        self.wait_for_work(worker)
    }

    fn wait_for_work(&self, worker: usize) -> Option<(Owner, W)> {
        let mut state = self.state();
        loop {
            if state.lent.get(worker) == Some(&true) {
                // The bell was for another.
                if state.queues.iter().any(WorkQueue::is_ready) {
                    self.work.notify_one();
                }
                let waited = self.work.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let now = Instant::now();
            let may_be_slow = state.may_be_slow(now);
            let taken = state.take(|queue| may_be_slow || !queue.is_slow());
            if let Some((owner, work, is_slow)) = taken {
                if let Some(busy) = state.busy.get_mut(worker) {
                    *busy = Some(Busy {
                        since: now,
                        is_slow,
                    });
                }
                if state.queues.iter().any(WorkQueue::is_ready) {
                    self.ring(state);
                }
                return Some((owner, work));
            }
            if state.is_closed && state.queues.iter().all(|queue| queue.waiting.is_empty()) {
                // Those that wait for a shard's turn need wait no longer.
                self.work.notify_all();
                self.spare.notify_all();
                return None;
            }
            // Slow work is held back until the others have been without work for a while.
            let is_held_back = state.queues.iter().any(WorkQueue::is_ready);
            state = if is_held_back {
                let waited = self.work.wait_timeout(state, ACTIVE);
                waited.unwrap_or_else(PoisonError::into_inner).0
            } else {
                let waited = self.work.wait(state);
                waited.unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// Lends the place of a worker that has nothing to do to a thread that has an owner's work at hand: to hand it to the worker would
    /// take longer than to do it. `None` if anything waits, or if the owner's work takes longer than `most` on average. What was
    /// lent has to be given back.
    pub(super) fn borrow(&self, owner: &Owner, most: Duration) -> Option<BorrowedPlace<'_, W>> {
        let mut state = self.state();
        if state.is_closed || state.queues.iter().any(|queue| !queue.waiting.is_empty()) {
            return None;
        }
        let queue = state
            .queues
            .iter_mut()
            .find(|queue| queue.owner == *owner)?;
        let is_known = queue.average > 0 && queue.is_short() && !queue.owner.is_serial();
        if !is_known || u128::from(queue.average) > most.as_nanos() {
            return None;
        }
        let now = Instant::now();
        queue.given = Some(now);
        let worker = state.busy.iter().position(Option::is_none)?;
        *state.busy.get_mut(worker)? = Some(Busy {
            since: now,
            is_slow: false,
        });
        *state.lent.get_mut(worker)? = true;
        Some(BorrowedPlace {
            scheduler: self,
            worker,
        })
    }

    fn give_back(&self, worker: usize) {
        let mut state = self.state();
        if let Some(busy) = state.busy.get_mut(worker) {
            *busy = None;
        }
        if let Some(lent) = state.lent.get_mut(worker) {
            *lent = false;
        }
        if state.is_closed {
            self.work.notify_all();
        } else if state.queues.iter().any(WorkQueue::is_ready) {
            self.work.notify_one();
        }
    }

    /// Takes further work of an owner's that `joins` what is being done for it; the rest keeps its order.
    pub(super) fn more(&self, owner: &Owner, mut joins: impl FnMut(&W) -> bool) -> Vec<W> {
        let mut more = Vec::new();
        let mut state = self.state();
        let queue = state.queues.iter_mut().find(|queue| queue.owner == *owner);
        let Some(queue) = queue else {
            return more;
        };
        let mut at = 0;
        for _ in 0..queue.waiting.len().min(LOOKED_AT) {
            match queue.waiting.get(at) {
                Some(waiting) if joins(&waiting.work) => {
                    more.extend(queue.waiting.remove(at).map(|waiting| waiting.work));
                }
                _ => at += 1,
            }
        }
        more
    }

    /// The next work for the spare worker: short work that has waited while every other worker was occupied.
    pub(super) fn next_for_spare(&self) -> Option<(Owner, W)> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let is_occupied = |busy: &Option<Busy>| {
                busy.is_some_and(|busy| now.saturating_duration_since(busy.since) >= OCCUPIED)
            };
            let all_occupied = state.busy.iter().all(is_occupied);
            let has_waited = |queue: &WorkQueue<W>| {
                let first = queue.waiting.front();
                queue.is_short()
                    && first.is_some_and(|first| {
                        now.saturating_duration_since(first.since) >= OCCUPIED / 2
                    })
            };
            if all_occupied && let Some((owner, work, _)) = state.take(has_waited) {
                return Some((owner, work));
            }
            if state.is_closed && state.queues.iter().all(|queue| queue.waiting.is_empty()) {
                return None;
            }
            let all_busy = state.busy.iter().all(Option::is_some);
            let is_waited_for = state
                .queues
                .iter()
                .any(|queue| queue.is_short() && queue.is_ready());
            state = if all_busy && is_waited_for {
                let waited = self.spare.wait_timeout(state, OCCUPIED / 2);
                waited.unwrap_or_else(PoisonError::into_inner).0
            } else {
                state.spare_sleeps = true;
                let waited = self.spare.wait(state);
                let mut state = waited.unwrap_or_else(PoisonError::into_inner);
                state.spare_sleeps = false;
                state
            };
        }
    }

    /// Notes how long a piece of work took.
    pub(super) fn done(&self, owner: &Owner, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let mut state = self.state();
        if let Some(queue) = state.queues.iter_mut().find(|queue| queue.owner == *owner) {
            queue.used = queue.used.saturating_add(took);
            queue.average = match queue.average {
                0 => took,
                average => average - average / 8 + took / 8,
            };
            queue.is_running = false;
            if queue.owner.is_serial() && !queue.waiting.is_empty() {
                drop(state);
                self.work.notify_one();
                self.spare.notify_one();
            }
        }
    }

    /// Adds no more; what waits is still done.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        for queue in &state.queues {
            queue.room.close();
        }
        drop(state);
        self.work.notify_all();
        self.spare.notify_all();
    }
}

impl<W> State<W> {
    /// Whether a worker may take slow work: it leaves one for the others, if they have work.
    fn may_be_slow(&self, now: Instant) -> bool {
        let is_slow = |busy: &&Option<Busy>| busy.is_some_and(|busy| busy.is_slow);
        let slow = self.busy.iter().filter(is_slow).count();
        let is_active = |queue: &WorkQueue<W>| {
            let given = |given| now.saturating_duration_since(given) < ACTIVE;
            !queue.is_slow() && queue.given.is_some_and(given)
        };
        self.is_closed
            || self.busy.len() < 2
            || slow.saturating_add(1) < self.busy.len()
            || !self.queues.iter().any(is_active)
    }

    /// The least that a queue with work in it has used.
    fn least_used(&self) -> Option<u64> {
        let busy = self.queues.iter().filter(|queue| !queue.waiting.is_empty());
        busy.map(|queue| queue.used).min()
    }

    fn queue(&mut self, owner: &Owner, places: usize) -> &mut WorkQueue<W> {
        let known = self.queues.iter().position(|queue| queue.owner == *owner);
        let at = known.unwrap_or_else(|| {
            if self.queues.len() >= QUEUES {
                self.queues
                    .retain(|queue| !queue.waiting.is_empty() || queue.is_running);
            }
            let room = Arc::new(Semaphore::new(places));
            if self.is_closed {
                room.close();
            }
            self.queues.push(WorkQueue {
                owner: owner.clone(),
                waiting: VecDeque::new(),
                used: self.least_used().unwrap_or(0),
                average: 0,
                given: None,
                room,
                is_running: false,
            });
            self.queues.len() - 1
        });
        // It is there: found or added just now.
        #[allow(clippy::indexing_slicing)]
        &mut self.queues[at]
    }

    /// The first work of the queue that has used the least time, among those that may be taken from, and whether it is slow.
    fn take(&mut self, may_take: impl Fn(&WorkQueue<W>) -> bool) -> Option<(Owner, W, bool)> {
        let queue = self
            .queues
            .iter_mut()
            .filter(|queue| queue.is_ready() && may_take(queue))
            .min_by_key(|queue| queue.used)?;
        let first = queue.waiting.pop_front()?;
        queue.is_running = true;
        Some((queue.owner.clone(), first.work, queue.is_slow()))
    }
}
