//! Shadows that run, and the last of each target.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use spanmill_admin::{ControlError, Latency, ShadowReport, ShadowState};
use tokio::task::block_in_place;

use super::common::lock;
use super::uploaded::UploadedPlugin;
use crate::components::canonical_component;
use crate::pipeline::Shadow;

/// Shadows by the target that they were asked for with. The last of each stays until it is promoted.
#[derive(Default)]
pub(super) struct Shadows(pub(super) Mutex<BTreeMap<String, Arc<ShadowEntry>>>);

pub(super) struct ShadowEntry {
    pub(super) shadow: Shadow,
    pub(super) uploaded: UploadedPlugin,
    pub(super) since: SystemTime,
    /// When it ends, or ended.
    pub(super) until: Mutex<(ShadowState, SystemTime)>,
}

impl Shadows {
    pub(super) fn get(&self, target: &str) -> Result<Arc<ShadowEntry>, ControlError> {
        let kept = lock(&self.0).get(&canonical_component(target)).cloned();
        kept.ok_or_else(|| {
            ControlError::NotFound(format!(
                "there is no shadow of {target}; begin one with `spanmill plugin shadow {target} FILE`"
            ))
        })
    }

    pub(super) fn running(&self) -> Vec<(String, Arc<ShadowEntry>)> {
        let all = lock(&self.0);
        let running = all.iter().filter(|(_, kept)| kept.is_running());
        running
            .map(|(target, kept)| (target.clone(), Arc::clone(kept)))
            .collect()
    }
}

impl ShadowEntry {
    pub(super) fn is_running(&self) -> bool {
        lock(&self.until).0 == ShadowState::Running
    }

    /// Lets it process what it has been shown, and notes the end.
    pub(super) fn end(&self) {
        block_in_place(|| self.shadow.finish());
        *lock(&self.until) = (ShadowState::Ended, SystemTime::now());
    }

    pub(super) fn report(&self) -> ShadowReport {
        let seen = self.shadow.seen();
        let (state, until) = *lock(&self.until);
        let time = |at| humantime::format_rfc3339_millis(at).to_string();
        let versions = self.shadow.versions().iter();
        ShadowReport {
            components: {
                let mut ids: Vec<_> = versions.map(|version| version.id.to_string()).collect();
                ids.dedup();
                ids
            },
            hash: self.uploaded.plugin.hash().to_owned(),
            source: self.uploaded.plugin.name().to_owned(),
            state,
            since: time(self.since),
            until: time(until),
            batches: seen.batches,
            batches_skipped: seen.batches_skipped,
            spans: seen.spans,
            verdicts_differ: seen.verdicts_differ,
            edits_differ: seen.edits_differ,
            measurements_differ: seen.measurements_differ,
            latency: Latency {
                p50_us: seen.latency_ns(0.5) / 1000,
                p99_us: seen.latency_ns(0.99) / 1000,
            },
            sampled_trace_ids: seen.trace_ids,
            faults: seen.faults,
            last_fault: seen.last_fault,
        }
    }
}
