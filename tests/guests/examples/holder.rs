//! Holds every span, and decides on a trace once a span of it is called `last`, or it has been there for `wait_ms`: it is kept
//! if a span is called `keep`. A span called `crash` ends the instance. It hands nothing on, so whatever comes in its place is shown what is held.

use std::collections::HashMap;

use spanmill_sdk::{
    Batch, ConfigError, Context, Contract, Decisions, Outcome, PluginError, Processor, Sharding,
    TextField, Ticker, TraceIdField,
};

/// How long to wait.
#[derive(serde::Deserialize)]
pub struct Settings {
    #[serde(default)]
    wait_ms: u64,
}

/// What is known of a trace.
struct Trace {
    seen: u64,
    is_kept: bool,
    is_over: bool,
}

/// The plugin.
pub struct Holder {
    wait: u64,
    traces: HashMap<u128, Trace>,
    decided: HashMap<u128, bool>,
    trace_id: TraceIdField,
    name: TextField,
}

impl Holder {
    fn rows(&self, batch: &Batch<'_>) -> Vec<(u128, String)> {
        let (ids, _) = batch.trace_ids(self.trace_id).as_chunks::<2>();
        let ids = ids
            .iter()
            .map(|[high, low]| u128::from(*high) << 64 | u128::from(*low));
        let names = batch.text(self.name).iter();
        ids.zip(names)
            .map(|(id, name)| (id, batch.texts.get(*name).to_owned()))
            .collect()
    }

    fn look(&mut self, id: u128, name: &str, received: u64) {
        let trace = self.traces.entry(id).or_insert(Trace {
            seen: received,
            is_kept: false,
            is_over: false,
        });
        trace.is_kept |= name == "keep";
        trace.is_over |= name == "last";
    }
}

impl Processor for Holder {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        contract.shard(Sharding::ByTrace);
        Ok(Holder {
            wait: settings.wait_ms * 1_000_000,
            traces: HashMap::new(),
            decided: HashMap::new(),
            trace_id: contract.read_trace_id("span.trace_id"),
            name: contract.read_text("span.name"),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        for (row, (id, name)) in self.rows(batch).into_iter().enumerate() {
            assert!(name != "crash", "told to");
            match self.decided.get(&id) {
                Some(true) => {}
                Some(false) => outcome.drop_row(Context::Span, row),
                None => {
                    self.look(id, &name, batch.received_unix_nano);
                    outcome.hold_row(Context::Span, row);
                }
            }
        }
        Ok(())
    }
}

impl Ticker for Holder {
    fn tick(&mut self, now: u64, _: bool, decisions: &mut Decisions) -> Result<(), PluginError> {
        let (wait, decided) = (self.wait, &mut self.decided);
        self.traces.retain(|id, trace| {
            let is_due = trace.is_over || trace.seen.saturating_add(wait) <= now;
            if is_due {
                decided.insert(*id, trace.is_kept);
                match trace.is_kept {
                    true => decisions.release(*id),
                    false => decisions.drop_trace(*id),
                }
            }
            !is_due
        });
        Ok(())
    }

    fn review(&mut self, batch: &Batch<'_>) -> Result<(), PluginError> {
        let rows = self.rows(batch);
        for (id, _) in &rows {
            self.traces.remove(id);
        }
        for (id, name) in rows {
            self.look(id, &name, batch.received_unix_nano);
        }
        Ok(())
    }
}

spanmill_sdk::register_processor!(Holder, ticker);
