//! When totals are complete.

use std::time::Duration;

use super::Totals;
use spanmill_runtime::{MetricStream, Temporality};

#[tokio::test(start_paused = true)]
async fn totals_wait_for_what_was_measured_and_is_not_committed() {
    let totals = Totals::new(MetricStream {
        scope: String::new(),
        instruments: Vec::new(),
        temporality: Temporality::Cumulative,
        flush_interval_ns: 1,
        expiration_ns: 0,
        series_limit: 0,
        resource_limit: 0,
        total_limit: 0,
        resource_key: Vec::new(),
    });
    let soon = Duration::from_secs(1);
    // Twice: a change that is taken back has them used again.
    for _ in 0..2 {
        let measured = totals.uncommitted();
        assert!(tokio::time::timeout(soon, totals.settled()).await.is_err());
        assert!(!totals.is_settled());
        drop(measured);
        assert!(totals.is_settled());
        assert!(tokio::time::timeout(soon, totals.settled()).await.is_ok());
    }
}
