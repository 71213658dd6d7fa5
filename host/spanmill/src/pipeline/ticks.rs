//! What is due for rows that a plugin holds: it is asked for decisions, shown again what it does not know, and what it
//! releases goes on.

use std::sync::Arc;
use std::time::Duration;

use super::joint::{HeldTraces, Joint};
use super::queued::{QueuedTick, TickKind};
use super::run::RunResult;
use super::segments::Pipeline;
use super::shared::Shared;
use crate::clock::now_unix_nano;

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
        let mut result = RunResult::default();
        match kind {
            TickKind::Release => {
                if let Some(held) = pipeline.joint(segment).and_then(Joint::held) {
                    pipeline.release(segment, shard, held, &mut result);
                }
            }
            TickKind::Pack => {
                let held = pipeline.joint(segment).and_then(Joint::held);
                let shard_of = |held: &'_ HeldTraces| held.shard(shard).map(|mut held| held.pack());
                if held.and_then(shard_of) == Some(true) {
                    let tick = QueuedTick::new(&pipeline, segment, shard, TickKind::Pack);
                    result.ticks.push(tick);
                }
            }
            TickKind::Time => {
                let lanes = pipeline.segments.get(segment).map(|segment| &segment.lanes);
                if let Some(lane) = lanes.and_then(|lanes| lanes.get(shard)) {
                    let now = now_unix_nano();
                    lane.with_chain(|chain| chain.pass_time(pipeline.id.signal, now));
                }
            }
            TickKind::Ask | TickKind::End => {
                let ending = kind == TickKind::End;
                pipeline.ask(segment, shard, now_unix_nano(), ending, &mut result);
            }
        }
        self.go_on(result.released, result.ticks);
        self.done.notify_waiters();
    }
}

impl Pipeline {
    /// Asks the plugin that holds rows in a segment for decisions of one shard, does what it decides, and shows it what it
    /// does not know. With `ending` everything else is released.
    pub(super) fn ask(
        self: &Arc<Self>,
        segment: usize,
        shard: usize,
        now_unix_nano: u64,
        ending: bool,
        result: &mut RunResult,
    ) {
        let Some(held) = self.joint(segment).and_then(Joint::held) else {
            return;
        };
        let lanes = self.segments.get(segment).map(|segment| &segment.lanes);
        let Some(lane) = lanes.and_then(|lanes| lanes.get(shard)) else {
            return;
        };
        let again = lane.with_chain(|chain| {
            let mut held = held.shard(shard)?;
            held.asked();
            if ending && held.has_ended() {
                return None;
            }
            chain.tick(&mut held, now_unix_nano, ending);
            let is_recalling = held.is_recalling();
            if ending && !is_recalling {
                chain.end(&mut held);
                return None;
            }
            let left = held.reviews();
            chain.review(&mut held);
            // It is asked as soon as it has been shown everything; what cannot be shown now waits for the next tick.
            let goes_on = is_recalling && held.reviews() < left;
            goes_on.then_some(match ending {
                true => TickKind::End,
                false => TickKind::Ask,
            })
        });
        if let Some(kind) = again {
            let tick = QueuedTick::new(self, segment, shard, kind);
            result.ticks.push(tick);
        } else if ending {
            // If the instance cannot be shown what is held, nobody decides any more.
            lane.with_chain(|chain| {
                if let Some(mut held) = held.shard(shard).filter(|held| !held.has_ended()) {
                    chain.end(&mut held);
                }
            });
        }
        self.release(segment, shard, held, result);
    }
}

/// Has plugins measure once a second what has not come, in each of `shards` shards.
pub(super) async fn pass_time(
    shared: Arc<Shared>,
    pipeline: Arc<Pipeline>,
    segment: usize,
    shards: usize,
) {
    let mut due = tokio::time::interval(INTERVAL);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let lanes = |pipeline: &Pipeline| {
        let segment = pipeline.segments.get(segment);
        segment.map_or(0, |segment| segment.plan().timed_lanes(shards))
    };
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = pipeline.retired.cancelled() => return,
            () = shared.abort.cancelled() => return,
        }
        for shard in 0..lanes(&pipeline) {
            shared.enqueue_tick(QueuedTick::new(&pipeline, segment, shard, TickKind::Time));
        }
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
            let is_compressed = held.is_compressed();
            if is_compressed && held.shard(shard).is_some_and(|mut held| held.end_period()) {
                shared.enqueue_tick(QueuedTick::new(&pipeline, segment, shard, TickKind::Pack));
            }
        }
    }
}
