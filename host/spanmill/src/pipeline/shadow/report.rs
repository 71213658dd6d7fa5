//! What a shadow has seen.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use spanmill_runtime::Fault;

/// Trace ids that are kept.
const SAMPLES: usize = 20;

/// How two answers to a batch differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Spans that only one of the two dropped.
    pub(super) verdicts: u64,
    /// Spans that both kept, with different edits.
    pub(super) edits: u64,
    /// Series that were measured differently.
    pub(super) measurements: u64,
    /// Trace ids of some spans that differ.
    pub(super) trace_ids: Vec<Vec<u8>>,
}

/// What a shadow has seen so far.
#[derive(Clone, Debug, Default)]
pub struct ShadowStats {
    /// Batches that both versions have processed.
    pub batches: u64,
    /// Batches that it was not shown, because it was still busy.
    pub batches_skipped: u64,
    /// Spans in the batches that both have processed.
    pub spans: u64,
    /// Spans that only one of the two dropped.
    pub verdicts_differ: u64,
    /// Spans that both kept, with different edits.
    pub edits_differ: u64,
    /// Series of a batch that were measured differently.
    pub measurements_differ: u64,
    /// Trace ids of some spans that differ, in hexadecimal.
    pub trace_ids: Vec<String>,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// What the last of them said.
    pub last_fault: Option<String>,
    latency: Option<Histogram<u32>>,
}

impl ShadowStats {
    pub(super) fn batch(&mut self, spans: usize, took: Duration, difference: Difference) {
        self.batches += 1;
        self.spans += spans as u64;
        self.verdicts_differ += difference.verdicts;
        self.edits_differ += difference.edits;
        self.measurements_differ += difference.measurements;
        for trace_id in difference.trace_ids {
            let hex: String = trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
            if self.trace_ids.len() < SAMPLES && !self.trace_ids.contains(&hex) {
                self.trace_ids.push(hex);
            }
        }
        self.took(took);
    }

    pub(super) fn fault(&mut self, fault: &Fault, took: Duration) {
        *self.faults.entry(fault.kind().to_owned()).or_default() += 1;
        self.last_fault = Some(fault.to_string());
        self.took(took);
    }

    fn took(&mut self, took: Duration) {
        if self.latency.is_none() {
            self.latency = crate::pipeline::stats::histogram();
        }
        if let Some(latency) = &mut self.latency {
            latency.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// How long a call took that was slower than this share of all calls, in ns.
    pub fn latency_ns(&self, quantile: f64) -> u64 {
        self.latency
            .as_ref()
            .map_or(0, |latency| latency.value_at_quantile(quantile))
    }
}
