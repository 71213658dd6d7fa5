//! How much a joint holds, and how much it may.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was taken and is not yet in other hands.
#[derive(Default)]
struct Held {
    items: usize,
    bytes: usize,
}

/// A bound on what a joint holds: what it collects, and what it gave that is not yet in other hands.
pub(in crate::pipeline) struct Room {
    max_items: usize,
    max_bytes: usize,
    held: Mutex<Held>,
}

impl Room {
    pub(super) fn new(max_items: usize, max_bytes: usize) -> Self {
        Room {
            max_items,
            max_bytes,
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves room, or returns `None` if there is none: what was taken before has nowhere to go. What is larger than all
    /// the room is taken when nothing else is held.
    pub(super) fn reserve(&self, items: usize, bytes: usize) -> Option<RoomReservation<'_>> {
        let mut held = self.held();
        if held.items > 0
            && (held.items.saturating_add(items) > self.max_items
                || held.bytes.saturating_add(bytes) > self.max_bytes)
        {
            return None;
        }
        held.items += items;
        held.bytes += bytes;
        Some(RoomReservation {
            room: self,
            items,
            bytes,
        })
    }

    /// Counts what has its room elsewhere already: what was held, and is on its way now.
    pub(super) fn add(&self, items: usize, bytes: usize) {
        let mut held = self.held();
        held.items = held.items.saturating_add(items);
        held.bytes = held.bytes.saturating_add(bytes);
    }

    /// What was taken as so many bytes has become others: parts of a request repeat what is around its items.
    pub(super) fn resize(&self, before: usize, now: usize) {
        let mut held = self.held();
        held.bytes = held.bytes.saturating_add(now).saturating_sub(before);
    }

    /// Gives back the room of what is in other hands, or lost.
    pub(super) fn give_back(&self, items: usize, bytes: usize) {
        let mut held = self.held();
        held.items = held.items.saturating_sub(items);
        held.bytes = held.bytes.saturating_sub(bytes);
    }

    #[cfg(test)]
    pub(super) fn held_now(&self) -> (usize, usize) {
        let held = self.held();
        (held.items, held.bytes)
    }

    /// Items taken and not done with.
    pub(super) fn held_items(&self) -> usize {
        self.held().items
    }
}

/// Room for one request; free again if it is dropped unused.
pub(in crate::pipeline) struct RoomReservation<'a> {
    room: &'a Room,
    items: usize,
    bytes: usize,
}

impl RoomReservation<'_> {
    /// The request has come: from now on it has to be given back.
    pub(in crate::pipeline) fn keep(mut self) {
        (self.items, self.bytes) = (0, 0);
    }
}

impl Drop for RoomReservation<'_> {
    fn drop(&mut self) {
        self.room.give_back(self.items, self.bytes);
    }
}
