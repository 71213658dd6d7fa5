//! Held rows, and what their plugins know of them, on the disk: taken in when a pipeline is built, and written behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::joint::{HeldTraces, Joint};
use super::segments::{Pipeline, Segment};
use super::shared::Shared;

/// A plugin is asked for its state so seldom that it takes about this share of the time at most.
const SHARE: u32 = 200;

impl Segment {
    /// Has the instances take over what those of the process before knew. They are shown what is held, too, since they may
    /// have been asked for their state before some of it came.
    pub(super) fn recover(&self) {
        let Some(held) = self.joint.as_ref().and_then(Joint::held) else {
            return;
        };
        for (shard, lane) in self.lanes.iter().enumerate().take(held.shards()) {
            let state = held.stored_state(shard);
            let holds = held.shard(shard).is_some_and(|held| !held.is_empty());
            if state.is_some() || holds {
                lane.with_chain(|chain| chain.recover(state));
            }
        }
    }
}

impl Pipeline {
    /// Notes what the plugin of a segment knows, to be written with what it holds. Returns how long it took to say so.
    fn note_state(&self, segment: usize, held: &HeldTraces) -> Duration {
        let lanes = self.segments.get(segment).map(|segment| &segment.lanes);
        let lanes = lanes.map_or(&[][..], Vec::as_slice);
        let mut longest = Duration::ZERO;
        for (shard, lane) in lanes.iter().enumerate().take(held.shards()) {
            let began = Instant::now();
            lane.with_chain(|chain| {
                let state = chain.state();
                if let Some((state, mut held)) = state.zip(held.shard(shard)) {
                    held.set_state(&state);
                }
            });
            longest = longest.max(began.elapsed());
        }
        longest
    }

    /// Has what a segment's plugin holds written. Blocks until it is.
    fn write(&self, segment: usize, held: &HeldTraces) {
        held.write_behind();
        let lanes = self.segments.get(segment).map(|segment| &segment.lanes);
        let lanes = lanes.map_or(&[][..], Vec::as_slice);
        for (shard, lane) in lanes.iter().enumerate().take(held.shards()) {
            lane.with_chain(|chain| {
                if let Some(held) = held.shard(shard) {
                    chain.stored(&held);
                }
            });
        }
    }

    /// Has everything written that is to be stored. Blocks until it is.
    fn save(&self) {
        for (number, segment) in self.segments.iter().enumerate() {
            let held = segment.joint.as_ref().and_then(Joint::held);
            if let Some(held) = held.filter(|held| held.is_stored()) {
                self.note_state(number, held);
                self.write(number, held);
            }
        }
    }
}

/// Has everything written that pipelines store.
pub(super) async fn save(pipelines: &[Arc<Pipeline>]) {
    let pipelines = pipelines.to_vec();
    let saving = move || pipelines.iter().for_each(|pipeline| pipeline.save());
    // It fails only if it panics, which was logged.
    drop(tokio::task::spawn_blocking(saving).await);
}

/// Writes what the plugin of a segment holds, as often as its storage says, for as long as the pipeline is there.
pub(super) async fn save_when_due(shared: Arc<Shared>, pipeline: Arc<Pipeline>, segment: usize) {
    let held = pipeline.joint(segment).and_then(Joint::held);
    let Some(interval) = held.and_then(HeldTraces::storage_interval) else {
        return;
    };
    let pipeline = Arc::downgrade(&pipeline);
    let mut state_due = Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = shared.abort.cancelled() => return,
        }
        let Some(pipeline) = pipeline.upgrade() else {
            return;
        };
        let is_due = Instant::now() >= state_due;
        let saving = move || {
            let held = pipeline.joint(segment).and_then(Joint::held)?;
            let took = is_due.then(|| pipeline.note_state(segment, held));
            pipeline.write(segment, held);
            took
        };
        // It fails only if it panics, which was logged.
        if let Ok(Some(took)) = tokio::task::spawn_blocking(saving).await {
            let now = Instant::now();
            state_due = now.checked_add(took.saturating_mul(SHARE)).unwrap_or(now);
        }
    }
}
