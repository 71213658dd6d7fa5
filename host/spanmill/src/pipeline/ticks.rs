//! What is due for rows that a plugin holds: it is asked for decisions, shown again what it does not know, and what it
//! releases goes on.

use std::sync::Arc;
use std::time::Duration;

use super::clock::now_unix_nano;
use super::joint::HeldTraces;
use super::queued::{QueuedBatch, QueuedTick, TickKind};
use super::run::RunResult;
use super::scheduler::Owner;
use super::segments::Pipeline;
use super::shared::Shared;
use super::work::Work;

/// How often a plugin that holds rows is asked for decisions.
const INTERVAL: Duration = Duration::from_secs(1);

impl Shared {
    /// Does what is due in a shard.
    pub(super) fn run_tick(&self, tick: QueuedTick) {
        let QueuedTick {
            pipeline,
            segment,
            shard,
            kind,
        } = tick;
        let Some(held) = pipeline.joint(segment).and_then(|joint| joint.held()) else {
            return;
        };
        let lanes = pipeline.segments.get(segment).map(|segment| &segment.lanes);
        let Some(lane) = lanes.and_then(|lanes| lanes.get(shard)) else {
            return;
        };
        if kind != TickKind::Release {
            lane.with_chain(|chain| {
                let Some(mut held) = held.shard(shard) else {
                    return;
                };
                held.asked();
                let ending = kind == TickKind::End;
                if ending && held.has_ended() {
                    return;
                }
                chain.tick(&mut held, now_unix_nano(), ending);
                match ending {
                    true => chain.end(&mut held),
                    false => chain.review(&mut held),
                }
            });
        }
        let mut result = RunResult::default();
        pipeline.release(segment, shard, held, &mut result);
        self.go_on(result.released, result.ticks);
        self.done.notify_waiters();
    }

}

/// Asks for decisions once a second.
pub(super) async fn tick_when_due(shared: Arc<Shared>, pipeline: Arc<Pipeline>, segment: usize) {
    let mut due = tokio::time::interval(INTERVAL);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = pipeline.retired.cancelled() => return,
            () = shared.abort.cancelled() => return,
        }
        let Some(held) = pipeline.joint(segment).and_then(|joint| joint.held()) else {
            return;
        };
        for shard in 0..held.shards() {
            // One at a time: a busy shard is asked later, not more often.
            if held.shard(shard).is_some_and(|mut held| held.ask()) {
                shared.enqueue_tick(QueuedTick::new(&pipeline, segment, shard, TickKind::Ask));
            }
        }
    }
}
