//! Each batch: spans are held until their trace is decided on, or follow what was decided.

use spanmill_sdk::{Batch, ConfigError, Context, Contract, Outcome, PluginError, Processor};
use spanmill_traces::TOGETHER;

use crate::learn::ids;
use crate::sampler::AdaptiveTailSampling;
use crate::settings::Settings;
use crate::traces::{OVERLOAD_RULE, SampledBy, Trace, Trigger, of_id};

/// What a span's trace says about it. How it was sampled stands in a list of the batch.
#[derive(Debug, Clone, Copy)]
enum Followed {
    /// The trace is not decided on.
    Slot(u32),
    /// It was, earlier.
    Sampled(usize),
    Dropped,
    /// It came just now, and there is little room.
    Kept(usize),
    Shed,
}

impl Processor for AdaptiveTailSampling {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        AdaptiveTailSampling::new(&settings, contract)
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        self.marks.begin();
        self.kept_rules.begin(batch.rows(Context::Span));
        self.look_at_load(batch.received_unix_nano);
        let mut last: Option<(u128, Followed)> = None;
        let mut held: Vec<(usize, u32)> = Vec::new();
        let mut sampled: Vec<SampledBy> = Vec::new();
        let (mut late, mut shed) = ([0, 0], [0, 0]);
        let (pairs, _) = batch.trace_ids(self.fields.trace_id).as_chunks::<2>();
        for (row, id) in ids(self, batch).enumerate() {
            if row % TOGETHER == 0 {
                let next = pairs.get(row..).unwrap_or(&[]);
                self.traces.prefetch(&next[..next.len().min(TOGETHER)]);
            }
            // What has no trace cannot be held, and goes on.
            if id == 0 {
                continue;
            }
            let followed = match last {
                Some((last, followed)) if last == id => followed,
                _ => self.followed(id, row, batch, &mut sampled),
            };
            match followed {
                Followed::Slot(slot) => {
                    held.push((row, slot));
                    outcome.hold_row(Context::Span, row);
                }
                Followed::Sampled(by) => {
                    late[0] += 1;
                    self.explain_late(row, Some(&sampled[by]));
                    self.marks.mark(row, &sampled[by], batch, outcome);
                }
                Followed::Kept(by) => {
                    shed[0] += 1;
                    self.explain_overload(row);
                    self.marks.mark(row, &sampled[by], batch, outcome);
                }
                Followed::Dropped => {
                    late[1] += 1;
                    self.explain_late(row, None);
                    outcome.drop_row(Context::Span, row);
                }
                Followed::Shed => {
                    shed[1] += 1;
                    self.explain_overload(row);
                    outcome.drop_row(Context::Span, row);
                }
            }
            last = Some((id, followed));
        }
        self.counters.late(late[0], late[1]);
        self.counters.shed(shed[0], shed[1]);
        if let Some(overload) = &mut self.overload {
            overload.note(shed[1], shed[0]);
        }
        if held.is_empty() {
            return Ok(());
        }
        let columns = self.ask(batch);
        let states = self.marks.states(batch);
        for (row, slot) in held {
            let said = self.marks.said(states.get(row), batch);
            self.add(slot, row, &columns, said);
        }
        Ok(())
    }
}

impl AdaptiveTailSampling {
    /// What was decided on a span's trace; one of which nothing is known waits from now on, if there is room.
    fn followed(
        &mut self,
        id: u128,
        row: usize,
        batch: &Batch<'_>,
        sampled: &mut Vec<SampledBy>,
    ) -> Followed {
        if let Some(slot) = self.traces.find(id) {
            return Followed::Slot(slot);
        }
        if self.limits.follows_sampled
            && let Some(by) = self.sampled.get(id)
        {
            sampled.push(by);
            return Followed::Sampled(sampled.len() - 1);
        }
        if self.dropped.get(id).is_some() {
            return Followed::Dropped;
        }
        let overload = self.overload.as_ref();
        match overload.and_then(|overload| overload.threshold()) {
            Some(threshold) => match self.sampled_at_once(id, threshold, row, batch) {
                Some(by) => {
                    sampled.push(by);
                    Followed::Kept(sampled.len() - 1)
                }
                None => Followed::Shed,
            },
            None => {
                let trace = Trace::new(id, batch.received_unix_nano);
                Followed::Slot(self.traces.insert(trace))
            }
        }
    }

    /// Samples a trace by its first span, by a threshold that holds for all such traces; `None`: it is dropped.
    fn sampled_at_once(
        &mut self,
        id: u128,
        threshold: u64,
        row: usize,
        batch: &Batch<'_>,
    ) -> Option<SampledBy> {
        let state = self.marks.states(batch).get(row);
        let said = self.marks.said(state, batch);
        let threshold = threshold.max(said.threshold.unwrap_or(0));
        let is_sampled = said.randomness.unwrap_or_else(|| of_id(id)) >= threshold;
        self.counters.decided(Some(OVERLOAD_RULE), is_sampled);
        self.counters.triggered(Trigger::Overload);
        if !is_sampled {
            self.dropped.put(id, (), batch.received_unix_nano);
            return None;
        }
        let by = SampledBy {
            rule: OVERLOAD_RULE,
            trigger: Trigger::Overload,
            threshold,
            fingerprint: None,
        };
        self.sampled.put(id, by.clone(), batch.received_unix_nano);
        Some(by)
    }
}
