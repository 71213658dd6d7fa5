use super::{Coalescing, PAUSE};
use std::time::Instant;

#[test]
fn after_a_failure_requests_run_alone_for_a_moment() {
    let coalescing = Coalescing::default();
    assert!(coalescing.is_on());
    let paused = Instant::now();
    coalescing.pause();
    assert!(!coalescing.is_on());
    while !coalescing.is_on() {
        std::hint::spin_loop();
    }
    // In whole milliseconds.
    assert!(paused.elapsed() + std::time::Duration::from_millis(1) >= PAUSE);
}
