//! How long batches take from their receipt until the backend has them.

use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;
use spanmill_admin::Latency;

use crate::clock::now_unix_nano;

/// Times of the batches that were delivered since the start.
#[derive(Debug, Default)]
pub(super) struct DeliveryLag(Mutex<Option<Histogram<u32>>>);

impl DeliveryLag {
    /// Counts a batch that was delivered just now, and received then; 0: nobody knows.
    pub fn delivered(&self, received_unix_nano: u64) {
        if received_unix_nano == 0 {
            return;
        }
        let micros = now_unix_nano().saturating_sub(received_unix_nano) / 1000;
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if times.is_none() {
            // From a microsecond to a day; more counts as a day.
            *times = Histogram::new_with_bounds(1, 86_400_000_000, 2).ok();
        }
        if let Some(times) = &mut *times {
            times.saturating_record(micros);
        }
    }

    /// Half, and 99 of 100, took no longer.
    pub fn latency(&self) -> Latency {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |quantile| {
            times
                .as_ref()
                .map_or(0, |times| times.value_at_quantile(quantile))
        };
        Latency {
            p50_us: at(0.5),
            p99_us: at(0.99),
        }
    }
}
