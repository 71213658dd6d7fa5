//! The traces that wait, and for how long.

use std::collections::{HashSet, VecDeque};

use serde::{Deserialize, Serialize};
use spanmill_sdk::{
    Batch, ConfigError, Context, Contract, Counter, Decisions, Outcome, PluginError, Processor,
    RestoreError, Sharding, State, Ticker, TraceIdField,
};

use crate::settings::Settings;

/// The processor.
#[derive(Debug)]
pub struct GroupByTrace {
    wait: u64,
    most: usize,
    trace_id: TraceIdField,
    waiting: Waiting,
    released: Counter,
    evicted: Counter,
}

/// Traces in the order they came. A trace takes few bytes: a million of them have to fit into an instance.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Waiting {
    order: VecDeque<u128>,
    /// When traces were first received, and how many of the order came then.
    arrivals: VecDeque<(u64, u64)>,
    #[serde(skip)]
    known: HashSet<u128>,
}

impl Waiting {
    fn add(&mut self, id: u128, received_unix_nano: u64) {
        if !self.known.insert(id) {
            return;
        }
        self.order.push_back(id);
        match self.arrivals.back_mut() {
            Some((received, count)) if *received == received_unix_nano => *count += 1,
            _ => self.arrivals.push_back((received_unix_nano, 1)),
        }
    }

    /// Takes the oldest trace out, if it was received early enough.
    fn take_oldest_if(&mut self, is_due: impl Fn(u64) -> bool) -> Option<u128> {
        let (received, count) = self.arrivals.front_mut()?;
        if !is_due(*received) {
            return None;
        }
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.arrivals.pop_front();
        }
        let id = self.order.pop_front()?;
        self.known.remove(&id);
        Some(id)
    }
}

impl GroupByTrace {
    fn add(&mut self, batch: &Batch<'_>, mut each: impl FnMut(usize)) {
        let mut last = 0;
        let (ids, _) = batch.trace_ids(self.trace_id).as_chunks::<2>();
        for (row, &[high, low]) in ids.iter().enumerate() {
            let id = u128::from(high) << 64 | u128::from(low);
            // What has no trace cannot be held, and goes on.
            if id == 0 {
                continue;
            }
            if id != last {
                self.waiting.add(id, batch.received_unix_nano);
                last = id;
            }
            each(row);
        }
    }
}

impl Processor for GroupByTrace {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        settings.check()?;
        contract.shard(Sharding::ByTrace);
        Ok(GroupByTrace {
            wait: settings.wait_duration.0 as u64,
            most: settings.num_traces as usize,
            trace_id: contract.read_trace_id("span.trace_id"),
            waiting: Waiting::default(),
            released: contract.counter("processor_groupbytrace_traces_released"),
            evicted: contract.counter("processor_groupbytrace_traces_evicted"),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        self.add(batch, |row| outcome.hold_row(Context::Span, row));
        Ok(())
    }
}

impl Ticker for GroupByTrace {
    fn tick(
        &mut self,
        now_unix_nano: u64,
        ending: bool,
        decisions: &mut Decisions,
    ) -> Result<(), PluginError> {
        let wait = self.wait;
        let is_due = |received: u64| ending || received.saturating_add(wait) <= now_unix_nano;
        let (mut released, mut evicted) = (0, 0);
        while let Some(id) = self.waiting.take_oldest_if(is_due) {
            decisions.release(id);
            released += 1;
        }
        // What there is no room for goes on as far as it has come: nothing is lost.
        while self.waiting.order.len() > self.most
            && let Some(id) = self.waiting.take_oldest_if(|_| true)
        {
            decisions.release(id);
            evicted += 1;
        }
        for (counter, count) in [(self.released, released), (self.evicted, evicted)] {
            if count > 0 {
                counter.add(count);
            }
        }
        Ok(())
    }

    fn review(&mut self, batch: &Batch<'_>) -> Result<(), PluginError> {
        self.add(batch, |_| {});
        Ok(())
    }
}

impl State for GroupByTrace {
    const FORMAT: u32 = 1;

    fn snapshot(&self) -> Vec<u8> {
        // Writing to memory does not fail, nor do these types.
        postcard::to_allocvec(&self.waiting).unwrap_or_default()
    }

    fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        if format != Self::FORMAT {
            return Err(RestoreError::Format);
        }
        let (saved, rest): (Waiting, &[u8]) = postcard::take_from_bytes(data)
            .map_err(|_| RestoreError::data("it is not what groupbytrace hands on"))?;
        let arrived: u64 = saved
            .arrivals
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count));
        if !rest.is_empty() || arrived != saved.order.len() as u64 {
            return Err(RestoreError::data("its parts do not fit together"));
        }
        self.waiting = saved;
        self.waiting.known = self.waiting.order.iter().copied().collect();
        Ok(())
    }
}
