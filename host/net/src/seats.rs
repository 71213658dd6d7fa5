//! Room for so many connections. When there is none left, the one that has had nothing let in for longest leaves: those
//! that sit there without a request, or with one that is refused, cannot keep an operator out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The connections there are.
pub struct Seats {
    taken: Mutex<VecDeque<Seat>>,
    most: usize,
    /// Somebody has left, or is at work no more.
    stirred: Arc<Notify>,
}

/// A connection's place.
#[derive(Clone)]
pub struct Seat {
    /// Requests that were let in and are not answered.
    busy: Arc<AtomicUsize>,
    leave: CancellationToken,
    stirred: Arc<Notify>,
}

/// A request that was let in.
pub struct Busy<'s>(&'s Seat);

impl Seats {
    /// Room for `most` connections.
    pub fn new(most: usize) -> Self {
        Seats {
            taken: Mutex::default(),
            most,
            stirred: Arc::default(),
        }
    }

    fn taken(&self) -> MutexGuard<'_, VecDeque<Seat>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place; waits only if all others are at work.
    pub async fn take(&self) -> Seat {
        loop {
            let stirred = self.stirred.notified();
            if let Some(seat) = self.try_take() {
                return seat;
            }
            stirred.await;
        }
    }

    fn try_take(&self) -> Option<Seat> {
        let mut taken = self.taken();
        if taken.len() >= self.most {
            let idle = taken.iter().position(|seat| seat.busy.load(Relaxed) == 0)?;
            if let Some(seat) = taken.remove(idle) {
                seat.leave.cancel();
            }
        }
        let seat = Seat {
            busy: Arc::default(),
            leave: CancellationToken::new(),
            stirred: Arc::clone(&self.stirred),
        };
        taken.push_back(seat.clone());
        Some(seat)
    }

    /// Gives a place back.
    pub fn give_back(&self, seat: &Seat) {
        self.taken()
            .retain(|other| !Arc::ptr_eq(&other.busy, &seat.busy));
        self.stirred.notify_one();
    }
}

impl Seat {
    /// Completes when the connection must leave.
    pub async fn must_leave(&self) {
        self.leave.cancelled().await;
    }

    /// Keeps the place until it is dropped.
    pub fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Relaxed);
        Busy(self)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Relaxed);
        self.0.stirred.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idle_one_that_came_first_leaves() {
        let seats = Seats::new(3);
        let all: Vec<Seat> = (0..3).map(|_| seats.try_take().unwrap()).collect();
        let busy = all[0].busy();
        let fourth = seats.try_take().unwrap();
        let left = |seat: &Seat| seat.leave.is_cancelled();
        assert_eq!(
            [left(&all[0]), left(&all[1]), left(&all[2])],
            [false, true, false]
        );
        let _all_busy = [all[2].busy(), fourth.busy()];
        assert!(seats.try_take().is_none());
        drop(busy);
        seats.try_take().unwrap();
        assert!(left(&all[0]) && !left(&all[2]) && !left(&fourth));
    }
}
