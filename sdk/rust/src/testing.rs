//! A native test kit: build a batch from spans, run a plugin without wasm, look at the outcome.
//!
//! [`Kit`] plays the host: it makes the columns of the fields the plugin declared, and nothing else,
//! checks the outcome against the rules of the contract, and applies it. A broken rule panics, so that a
//! plugin that a host would refuse fails its tests.

mod apply;
mod columns;
mod connector;
mod flat;
mod spans;

use std::cell::RefCell;
use std::collections::BTreeMap;

pub use connector::{ConnectorKit, Measured};
pub use spans::{
    Attr, AttrList, Event, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, Spans, find,
};

use crate::guest::{self, contract_wit, state_wit, telemetry};
use crate::{ConfigError, Level, PluginError, Problem, Processor, RestoreError, State};
use flat::Flat;

/// What a plugin said besides its outcome.
#[derive(Clone, Debug, Default)]
struct Recorder {
    logs: Vec<(Level, String)>,
    counts: BTreeMap<String, u64>,
}

thread_local! {
    static RECORDER: RefCell<Recorder> = RefCell::default();
}

pub(crate) fn record_log(level: Level, message: &str) {
    RECORDER.with_borrow_mut(|recorder| recorder.logs.push((level, message.to_owned())));
}

pub(crate) fn record_count(name: &str, delta: u64) {
    RECORDER
        .with_borrow_mut(|recorder| *recorder.counts.entry(name.to_owned()).or_default() += delta);
}

fn config_error(error: contract_wit::ConfigError) -> ConfigError {
    match error {
        contract_wit::ConfigError::Settings(problems) => ConfigError::Settings(
            problems
                .into_iter()
                .map(|problem| Problem {
                    path: problem.path,
                    message: problem.message,
                })
                .collect(),
        ),
        contract_wit::ConfigError::Unavailable(why) => ConfigError::Unavailable(why),
    }
}

fn plugin_error(error: contract_wit::PluginError) -> PluginError {
    match error {
        contract_wit::PluginError::Batch(why) => PluginError::Batch(why),
        contract_wit::PluginError::State(why) => PluginError::State(why),
        contract_wit::PluginError::NotConfigured => PluginError::State("not configured".to_owned()),
    }
}

fn snapshot<P: State>(plugin: &P) -> (u32, Vec<u8>) {
    let state_wit::SavedState { format, data } = guest::take_snapshot(Some(plugin));
    (format, data)
}

fn restore<P: State>(plugin: &mut P, format: u32, data: &[u8]) -> Result<(), RestoreError> {
    let data = data.to_vec();
    let restored = guest::restore(Some(plugin), state_wit::SavedState { format, data });
    restored.map_err(|error| match error {
        state_wit::RestoreError::Format => RestoreError::Format,
        state_wit::RestoreError::Data(why) => RestoreError::Data(why),
    })
}

/// Sees to it that a contract names only fields there are, and none twice.
fn check_contract(contract: &contract_wit::Contract) {
    for (place, path) in contract.reads.iter().enumerate() {
        assert!(
            !contract.reads[..place].contains(path),
            "{path} is read twice"
        );
    }
    let mut nothing = Flat::new(&Spans::new());
    // Panics for a path that no field has.
    columns::batch(&mut nothing, &contract.reads, &contract.writes);
}

/// A batch as the host hands it to a plugin with such a contract, for benches and for tests of single
/// functions; [`Kit`] does the same for whole plugins.
#[derive(Debug)]
pub struct Columns(telemetry::Batch);

impl Columns {
    /// The columns of the fields that a contract reads.
    pub fn new(spans: &Spans, contract: &crate::Contract) -> Self {
        Columns(columns::batch(&mut Flat::new(spans), contract.reads(), contract.writes()).0)
    }

    /// The batch, borrowed from these columns.
    pub fn batch(&self) -> crate::Batch<'_> {
        guest::view(&self.0)
    }
}

/// A configured processor under test.
#[derive(Debug)]
pub struct Kit<P> {
    plugin: P,
    contract: contract_wit::Contract,
}

impl<P: Processor> Kit<P> {
    /// Configures a processor.
    pub fn new(settings: serde_json::Value) -> Result<Self, ConfigError> {
        let (plugin, contract) =
            guest::configure_processor::<P>(&settings.to_string()).map_err(config_error)?;
        check_contract(&contract);
        Ok(Kit { plugin, contract })
    }

    /// The paths it reads.
    pub fn reads(&self) -> Vec<&str> {
        self.contract.reads.iter().map(String::as_str).collect()
    }

    /// The paths it writes.
    pub fn writes(&self) -> Vec<&str> {
        self.contract.writes.iter().map(String::as_str).collect()
    }

    /// Runs one batch, and applies the outcome. Panics where the plugin fails or breaks a rule.
    pub fn run(&mut self, spans: &Spans) -> Changed {
        self.try_run(spans)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs one batch, which the plugin may refuse.
    pub fn try_run(&mut self, spans: &Spans) -> Result<Changed, PluginError> {
        let mut flat = Flat::new(spans);
        let (reads, writes) = (&self.contract.reads, &self.contract.writes);
        let (batch, texts) = columns::batch(&mut flat, reads, writes);
        RECORDER.take();
        let outcome = guest::run_processor(Some(&mut self.plugin), batch).map_err(plugin_error)?;
        let recorder = RECORDER.take();
        let given = apply::Given {
            reads,
            writes,
            texts: &texts,
        };
        let verdicts = apply::apply(&mut flat, &given, &outcome);
        let rows = |verdicts: &[u8]| {
            let dropped = verdicts
                .iter()
                .enumerate()
                .filter(|(_, verdict)| **verdict == 1);
            dropped.map(|(row, _)| row).collect()
        };
        Ok(Changed {
            dropped_spans: rows(&verdicts.spans),
            dropped_events: rows(&verdicts.events),
            spans: flat.into_spans(&verdicts.spans, &verdicts.events),
            logs: recorder.logs,
            counts: recorder.counts,
        })
    }
}

impl<P: Processor + State> Kit<P> {
    /// What the processor knows: format and data. A host hands both to the instance that takes its place.
    pub fn snapshot(&self) -> (u32, Vec<u8>) {
        snapshot(&self.plugin)
    }

    /// Hands the processor what another instance knew, of this version or of another.
    pub fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        restore(&mut self.plugin, format, data)
    }
}

/// What a processor made of a batch.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The spans that are left, with the edits applied.
    pub spans: Spans,
    /// The rows of the dropped spans.
    pub dropped_spans: Vec<usize>,
    /// The rows of the dropped span events.
    pub dropped_events: Vec<usize>,
    /// What the plugin logged.
    pub logs: Vec<(Level, String)>,
    /// What the plugin counted.
    pub counts: BTreeMap<String, u64>,
}

impl Changed {
    /// The names of the spans that are left, in order.
    pub fn span_names(&self) -> Vec<&str> {
        self.spans.spans().map(|span| span.name.as_str()).collect()
    }

    /// The span with this number among those left.
    pub fn span(&self, number: usize) -> &Span {
        match self.spans.spans().nth(number) {
            Some(span) => span,
            None => panic!("only {} spans are left", self.spans.spans().count()),
        }
    }

    /// The resource with this number among those left.
    pub fn resource(&self, number: usize) -> &Resource {
        &self.spans.resources[number].resource
    }

    /// One of the plugin's counters; 0 if it was not counted.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }
}
