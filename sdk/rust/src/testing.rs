//! A native test kit: build spans, log records or metrics, run a plugin without wasm, look at the outcome.
//!
//! [`Kit`] runs the host's own code around the plugin: telemetry becomes an OTLP request, which is checked and lifted into the
//! columns of the fields that the plugin declared, and nothing else; the outcome is checked against the contract, and
//! applied. A broken rule panics, so a plugin that a host would refuse fails its tests.

mod attr;
mod connector;
mod errors;
mod grouper;
mod held;
mod host;
mod items;
mod log;
mod message;
mod metric;
mod reasons;
mod records;
mod router;
mod schema;
mod span;
mod ticker;

use std::collections::BTreeMap;

pub use attr::{Attr, AttrList, find};
pub use connector::{ConnectorKit, Measured};
pub use items::{Item, Items, Resource, ResourceItems, Scope, ScopeItems};
pub use log::{LogRecord, Logs};
pub use metric::{DataPoint, Metric, MetricType, Metrics, Number};
pub use records::RecordKit;
pub use router::{Routed, RouterKit};
pub use schema::check_schema;
pub use span::{Event, Link, Span, Spans};
pub use ticker::Decided;

use spanmill_model::{Context, PerContext, Signal};

use crate::guest::{self, contract_wit, grouper_wit, signal, state_wit, telemetry, wire_signal};
use crate::recorded::RECORDER;
use crate::{ConfigError, Level, PluginError, Processor, RestoreError, State};
use errors::{config_error, plugin_error};
use held::HeldRows;
use host::Host;

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

/// Panics if a plugin does not take a signal: no host would let it stand in such a pipeline.
fn check_takes(contract: &contract_wit::Contract, wanted: Signal) {
    let takes = contract
        .signals
        .iter()
        .any(|taken| signal(*taken) == wanted);
    assert!(
        takes,
        "the plugin takes {:?}, not {wanted}",
        contract.signals
    );
}

/// A batch as the host hands it to a plugin with such a contract, for benches and for tests of single
/// functions; [`Kit`] does the same for whole plugins.
#[derive(Debug)]
pub struct Columns(telemetry::Batch);

impl Columns {
    /// The columns of the fields that a contract reads.
    pub fn new<T: Item>(items: &Items<T>, contract: &crate::Contract) -> Self {
        let contract = guest::declared(contract.clone());
        Columns(Host::new(&contract).load(items))
    }

    /// The batch, borrowed from these columns.
    pub fn batch(&self) -> crate::Batch<'_> {
        guest::view(&self.0)
    }
}

/// A configured processor under test.
pub struct Kit<P> {
    plugin: P,
    contract: contract_wit::Contract,
    host: Host,
    held: HeldRows,
    /// How many rows or traces the last answer was about.
    answered: usize,
    /// How it is asked where rows go, if it is.
    group: Option<fn(&mut P) -> grouper_wit::Groups>,
}

impl<P: Processor> Kit<P> {
    /// Configures a processor.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `configure`. A contract that no host would take panics.
    pub fn new(settings: serde_json::Value) -> Result<Self, ConfigError> {
        Self::configured(settings, false)
    }

    fn configured(settings: serde_json::Value, is_holding: bool) -> Result<Self, ConfigError> {
        let (plugin, contract) =
            guest::configure_processor::<P>(&settings.to_string()).map_err(config_error)?;
        let host = match is_holding {
            true => Host::holding(&contract),
            false => Host::new(&contract),
        };
        Ok(Kit {
            plugin,
            contract,
            host,
            held: HeldRows::default(),
            answered: 0,
            group: None,
        })
    }

    /// The signals it takes.
    pub fn signals(&self) -> Vec<Signal> {
        self.contract.signals.iter().copied().map(signal).collect()
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
    pub fn run<T: Item>(&mut self, items: &Items<T>) -> Changed<T> {
        self.try_run(items)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs one batch, which the plugin may refuse.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `process`.
    pub fn try_run<T: Item>(&mut self, items: &Items<T>) -> Result<Changed<T>, PluginError> {
        check_takes(&self.contract, T::SIGNAL);
        let batch = self.host.load(items);
        self.answered = self.host.item_rows();
        RECORDER.take();
        let outcome = guest::run_processor(Some(&mut self.plugin), batch).map_err(plugin_error)?;
        let groups = self.group.map(|group| group(&mut self.plugin));
        let recorder = RECORDER.take();
        let mut dropped = PerContext::<Vec<usize>>::default();
        for verdicts in &outcome.verdicts {
            let rows = verdicts.rows.iter().enumerate();
            let rows = rows.filter(|(_, verdict)| **verdict == 1);
            *dropped.get_mut(guest::context(verdicts.context)) = rows.map(|(row, _)| row).collect();
        }
        let (left, held) = self.host.apply(outcome, groups, items);
        if let Some(held) = &held {
            self.held.take(held);
        }
        Ok(Changed {
            left,
            held: held.map_or(0, |held| held.item_count()),
            dropped,
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
    ///
    /// # Errors
    ///
    /// Those of the plugin's `restore`.
    pub fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        restore(&mut self.plugin, format, data)
    }
}

/// What a processor made of a batch.
#[derive(Clone, Debug)]
pub struct Changed<T = Span> {
    /// The items that are left, with the edits applied.
    pub left: Items<T>,
    /// How many items of this batch are held.
    pub held: usize,
    dropped: PerContext<Vec<usize>>,
    /// What the plugin logged.
    pub logs: Vec<(Level, String)>,
    /// What the plugin counted.
    pub counts: BTreeMap<String, u64>,
}

impl<T: Item> Changed<T> {
    /// The rows of a context that the plugin dropped.
    pub fn dropped(&self, context: Context) -> &[usize] {
        self.dropped.get(context)
    }

    /// The item with this number among those left.
    pub fn item(&self, number: usize) -> &T {
        match self.left.items().nth(number) {
            Some(item) => item,
            None => panic!("only {} items are left", self.left.items().count()),
        }
    }

    /// The resource with this number among those left.
    pub fn resource(&self, number: usize) -> &Resource {
        &self.left.resources[number].resource
    }

    /// One of the plugin's counters; 0 if it was not counted.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }
}

impl Changed<Span> {
    /// The names of the spans that are left, in order.
    pub fn span_names(&self) -> Vec<&str> {
        self.left.spans().map(|span| span.name.as_str()).collect()
    }

    /// The span with this number among those left.
    pub fn span(&self, number: usize) -> &Span {
        self.item(number)
    }
}

impl Changed<LogRecord> {
    /// The bodies of the log records that are left, in order; those that are no text as nothing.
    pub fn log_bodies(&self) -> Vec<&str> {
        let bodies = self.left.logs().map(|record| match &record.body {
            Some(Attr::Text(text)) => text.as_str(),
            _ => "",
        });
        bodies.collect()
    }
}

impl Changed<Metric> {
    /// The names of the metrics that are left, in order.
    pub fn metric_names(&self) -> Vec<&str> {
        self.left
            .metrics()
            .map(|metric| metric.name.as_str())
            .collect()
    }
}
