//! An allocator that counts what the thread at hand allocates, for tests of what a batch takes.
#![allow(
    unsafe_code,
    reason = "an allocator that counts is an allocator; it only passes calls on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator.
pub struct Counting;

/// How often this thread has allocated so far.
pub fn count() -> usize {
    COUNT.get()
}

thread_local!(static COUNT: Cell<usize> = const { Cell::new(0) });

// Safety: the system's allocator does all the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
