//! Memory is kept from batch to batch in the whole chain: a batch that is like the ones before it has the host
//! allocate about as often with 5,000 spans as with 100. What plugins allocate is in their own memory, and not seen.
#![allow(
    unsafe_code,
    reason = "an allocator that counts is an allocator; it only passes calls on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Range;

use spanmill::pipeline::Chain;
use spanmill_benches::reference::{self, Patterns};
use spanmill_benches::spans;
use spanmill_otlp::Request;
use spanmill_runtime::{Runtime, RuntimeConfig, Tries};

struct Counting;

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

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often one batch has this thread allocate.
fn run(chain: &mut Chain, batch: &bytes::Bytes) -> usize {
    let begun = COUNT.get();
    let request = Request::parse(batch.clone()).unwrap();
    let output = chain.run(request, 1, Tries::Again).unwrap();
    assert!(output.spliced.spans > 0);
    for measured in output.measured {
        measured.commit();
    }
    COUNT.get() - begun
}

/// What one more batch of `count` spans has the host allocate, once memory has grown; the median of some.
fn steady(chain: &mut Chain, count: usize, more: Range<u64>) -> usize {
    for seed in (0..8).cycle().take(16) {
        run(chain, &spans::encoded(count, seed));
    }
    let batches = more.map(|seed| spans::encoded(count, seed));
    let mut counts: Vec<usize> = batches.map(|batch| run(chain, &batch)).collect();
    println!("{count} spans: {counts:?} allocations");
    counts.sort_unstable();
    counts[counts.len() / 2]
}

/// Checks the first stages of the chain, with batches of these seeds after those of 0 to 7.
fn check(runtime: &Runtime, stages: usize, more: Range<u64>) {
    let [small, large, larger] = [100, 1000, 5000].map(|count| {
        let stages = &reference::stages(Patterns::Regex)[..stages];
        let mut chain = reference::sandboxed(runtime, stages).unwrap();
        steady(&mut chain, count, more.clone())
    });
    assert!(small < 150, "{small} allocations for 100 spans");
    // The vectors that a batch takes along double a few times more.
    assert!(large <= small + 20, "100 spans: {small}, 1,000: {large}");
    assert!(
        larger <= large + 20,
        "1,000 spans: {large}, 5,000: {larger}"
    );
}

#[test]
fn a_batch_allocates_a_few_times_whatever_its_size() {
    let cache = tempfile::tempdir().unwrap();
    let cache = Some(cache.path().join("cache"));
    let runtime = Runtime::new(RuntimeConfig { cache }).unwrap();
    check(&runtime, 4, 0..8);
    // New texts, and without spanmetrics: most batches of these spans have a series that was never seen.
    check(&runtime, 3, 8..16);
}
