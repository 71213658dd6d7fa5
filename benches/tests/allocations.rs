//! Memory is kept from batch to batch in the whole chain: a batch that is like the ones before it has the host
//! allocate about as often with 1,000 spans as with 100, and for each of its parts with 5,000. What plugins allocate is
//! in their own memory, and not seen.

#[path = "../../host/otlp/tests/counting/mod.rs"]
mod counting;

use std::ops::Range;

use spanmill::bench::{Chain, Origin};
use spanmill_benches::reference::{self, Patterns};
use spanmill_benches::spans;
use spanmill_otlp::{Batch, Signal};
use spanmill_runtime::{CacheConfig, Runtime, RuntimeConfig, Tries};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// How often one batch has this thread allocate.
fn run(chain: &mut Chain, batch: &bytes::Bytes) -> usize {
    let begun = counting::count();
    let batch = Batch::parse(Signal::Traces, batch.clone()).unwrap();
    let output = chain
        .run(&batch, 1, Tries::Again, Origin::Sender, &())
        .unwrap();
    assert!(output.spliced.items > 0);
    for measured in output.measured {
        measured.commit();
    }
    counting::count() - begun
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
    // Each part is one batch to the chain.
    let parts = Batch::parse(Signal::Traces, spans::encoded(5000, 0))
        .unwrap()
        .parts()
        .len();
    assert_eq!(parts, 3);
    assert!(
        larger <= parts * (large + 20),
        "1,000 spans: {large}, 5,000: {larger} in {parts} parts"
    );
}

#[test]
fn a_batch_allocates_a_few_times_whatever_its_size() {
    let cache = tempfile::tempdir().unwrap();
    let cache = Some(CacheConfig::new(cache.path().join("cache")));
    let runtime = Runtime::new(RuntimeConfig {
        cache,
        ..RuntimeConfig::default()
    })
    .unwrap();
    check(&runtime, 4, 0..8);
    // New texts, and without spanmetrics: most batches of these spans have a series that was never seen.
    check(&runtime, 3, 8..16);
}
