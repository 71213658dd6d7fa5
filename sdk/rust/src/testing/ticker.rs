//! The test kit for processors that hold rows: held rows are kept by trace, as in the host.

use std::collections::BTreeMap;

use spanmill_otlp::Assembly;

use super::Kit;
use super::errors::plugin_error;
use super::held::HeldRow;
use super::items::{Item, Items};
use crate::guest::{self, ticker_wit};
use crate::recorded::RECORDER;
use crate::{ConfigError, Holder, Level, PluginError, Processor, State, Ticker};

fn joined<T: Item>(rows: &[HeldRow], received_unix_nano: u64) -> Items<T> {
    let mut assembly = Assembly::new(T::SIGNAL);
    for row in rows {
        assembly.begin_resource(&row.resource);
        assembly.begin_scope(&row.scope);
        assembly.item(&row.item);
    }
    Items::from_otlp(&assembly.finish().bytes, received_unix_nano)
}

/// What a tick decided.
#[derive(Clone, Debug)]
pub struct Decided<T> {
    /// The rows that go on, each in a resource and scope of its own.
    pub released: Items<T>,
    /// The rows that are dropped.
    pub dropped: Items<T>,
    /// How many traces were shown again.
    pub reviewed: usize,
    /// What the plugin logged.
    pub logs: Vec<(Level, String)>,
    /// What the plugin counted.
    pub counts: BTreeMap<String, u64>,
}

impl<T> Decided<T> {
    /// One of the plugin's counters; 0 if it was not counted.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }
}

impl<P: Processor + Ticker> Kit<P> {
    /// Configures a processor that holds rows.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `configure`. A contract that no host would take panics.
    pub fn holding(settings: serde_json::Value) -> Result<Self, ConfigError> {
        Self::configured(settings, true)
    }

    /// How many traces are held.
    pub fn traces_held(&self) -> usize {
        self.held.order.len()
    }

    /// A tick, and the reviews that it asks for. Panics where the plugin fails or breaks a rule.
    pub fn tick<T: Item>(&mut self, now_unix_nano: u64) -> Decided<T> {
        self.decide(now_unix_nano, false)
    }

    /// The last tick. What stays held is released.
    pub fn end<T: Item>(&mut self, now_unix_nano: u64) -> Decided<T> {
        self.decide(now_unix_nano, true)
    }

    /// Another instance takes over what is held without the state of this one, as after a fault: it is shown everything.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `configure`.
    pub fn restart<T: Item>(&mut self, settings: serde_json::Value) -> Result<(), ConfigError> {
        let new = Self::holding(settings)?;
        let old = std::mem::replace(self, new);
        self.held = old.held;
        for trace in self.held.order.clone() {
            self.review::<T>(trace)
                .unwrap_or_else(|error| panic!("{error}"));
        }
        Ok(())
    }

    /// Another instance takes over what is held, and what this one knows, as at a swap.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `configure`; the old instance stays. A state that is refused panics.
    pub fn hand_over(&mut self, settings: serde_json::Value) -> Result<(), ConfigError>
    where
        P: State,
    {
        let mut new = Self::holding(settings)?;
        let (format, data) = self.snapshot();
        if let Err(error) = new.restore(format, &data) {
            panic!("the state is refused: {error:?}");
        }
        new.held = std::mem::take(&mut self.held);
        *self = new;
        Ok(())
    }

    /// Shows rows that were released to the plugin, as the host does if the plugin wants to see them, and returns them with
    /// its edits. Panics where the plugin fails or breaks a rule.
    pub fn see_released<T: Item>(&mut self, released: &Items<T>) -> Items<T>
    where
        P: Holder,
    {
        if !self.plugin.sees_released() {
            return released.clone();
        }
        let batch = self.host.load(released);
        let outcome = guest::released(Some(&mut self.plugin), batch);
        let outcome = outcome.unwrap_or_else(|error| panic!("{}", plugin_error(error)));
        assert!(
            outcome
                .verdicts
                .iter()
                .all(|of| of.rows.iter().all(|verdict| *verdict == 0)),
            "rows that were released are neither dropped nor held"
        );
        self.host.apply(outcome, None, released).0
    }

    /// Whether the plugin says that it has no room for more traces.
    pub fn is_full(&self) -> bool
    where
        P: Holder,
    {
        self.plugin.is_full()
    }

    fn decide<T: Item>(&mut self, now_unix_nano: u64, ending: bool) -> Decided<T> {
        RECORDER.take();
        let decided = guest::tick(Some(&mut self.plugin), now_unix_nano, ending);
        let recorder = RECORDER.take();
        let decided = decided.unwrap_or_else(|error| panic!("{}", plugin_error(error)));
        let ids = |words: &[u64]| -> Vec<u128> {
            assert!(words.len().is_multiple_of(2), "a trace has two words");
            let (ids, _) = words.as_chunks::<2>();
            ids.iter()
                .map(|[high, low]| u128::from(*high) << 64 | u128::from(*low))
                .collect()
        };
        let (traces, review) = (ids(&decided.traces), ids(&decided.review));
        self.answered = traces.len();
        let mut all: Vec<u128> = traces.iter().chain(&review).copied().collect();
        all.sort_unstable();
        assert!(
            all.is_sorted_by(|one, next| one < next),
            "a trace is named twice"
        );
        let (mut released, mut dropped) = (Vec::new(), Vec::new());
        for (at, trace) in traces.iter().enumerate() {
            let decision = match decided.decisions.as_slice() {
                [one] => one,
                decisions => &decisions[at],
            };
            let rows = self.held.remove(*trace);
            match decision {
                ticker_wit::Decision::Release => released.extend(rows),
                ticker_wit::Decision::Drop => dropped.extend(rows),
            }
        }
        if ending {
            for trace in self.held.order.clone() {
                released.extend(self.held.remove(trace));
            }
        }
        for trace in &review {
            self.review::<T>(*trace)
                .unwrap_or_else(|error| panic!("{error}"));
        }
        Decided {
            released: joined(&released, now_unix_nano),
            dropped: joined(&dropped, now_unix_nano),
            reviewed: review.len(),
            logs: recorder.logs,
            counts: recorder.counts,
        }
    }

    /// Shows the rows that are held of a trace again.
    fn review<T: Item>(&mut self, trace: u128) -> Result<(), PluginError> {
        let Some(rows) = self.held.rows.get(&trace) else {
            return Ok(());
        };
        let items: Items<T> = joined(rows, 0);
        let batch = self.host.load(&items);
        guest::review(Some(&mut self.plugin), batch).map_err(plugin_error)
    }
}
