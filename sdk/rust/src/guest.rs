//! The glue between the traits and the component model. Only the registration macros use it.

use serde::de::DeserializeOwned;

use crate::connector::OwnedLists;
use crate::outcome::{OwnedCells, in_order};
use crate::{
    Attributes, Batch, Cells, Column, ConfigError, Connector, Context, Contract, Emission,
    InstrumentKind, MetricStream, Outcome, PluginError, Problem, Processor, Sharding, Table,
    Temporality, Texts,
};

/// Bindings of the `processor-plugin` world.
#[allow(missing_docs)]
pub mod processor_world {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "processor-plugin",
        pub_export_macro: true,
        export_macro_name: "export_processor",
        default_bindings_module: "spanmill_sdk::guest::processor_world",
        generate_all,
    });
}

/// Bindings of the `connector-plugin` world.
#[allow(missing_docs)]
pub mod connector_world {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "connector-plugin",
        pub_export_macro: true,
        export_macro_name: "export_connector",
        default_bindings_module: "spanmill_sdk::guest::connector_world",
        with: {
            "spanmill:plugin/telemetry@0.1.0": crate::guest::processor_world::spanmill::plugin::telemetry,
            "spanmill:plugin/contract@0.1.0": crate::guest::processor_world::spanmill::plugin::contract,
            "spanmill:plugin/log@0.1.0": crate::guest::processor_world::spanmill::plugin::log,
            "spanmill:plugin/counters@0.1.0": crate::guest::processor_world::spanmill::plugin::counters,
        },
        generate_all,
    });
}

use connector_world::exports::spanmill::plugin::connector as connector_wit;
pub(crate) use connector_world::spanmill::plugin::metrics as metrics_wit;
pub(crate) use processor_world::spanmill::plugin::{contract as contract_wit, telemetry};
use processor_world::spanmill::plugin::{counters, log as log_wit};

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For who looks for a fault.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

/// Writes a line to the host's log. No attribute value may stand in it. Natively only the test kit sees it.
pub fn log(level: Level, message: &str) {
    if cfg!(target_family = "wasm") {
        let level = match level {
            Level::Debug => log_wit::Level::Debug,
            Level::Info => log_wit::Level::Info,
            Level::Warn => log_wit::Level::Warn,
            Level::Error => log_wit::Level::Error,
        };
        log_wit::log(level, message);
    } else {
        #[cfg(not(target_family = "wasm"))]
        crate::testing::record_log(level, message);
    }
}

/// Adds to one of the plugin's own counters. Call once a batch, not once a row. Natively only the test kit
/// sees it.
pub fn count(name: &str, delta: u64) {
    if cfg!(target_family = "wasm") {
        counters::count(name, delta);
    } else {
        #[cfg(not(target_family = "wasm"))]
        crate::testing::record_count(name, delta);
    }
}

/// Reads settings, with a pointer to the mistake if there is one. No settings at all (`null`, which an
/// empty YAML section becomes) are an empty object.
pub fn parse_settings<C: DeserializeOwned>(settings: &str) -> Result<C, ConfigError> {
    let settings = if settings.trim() == "null" {
        "{}"
    } else {
        settings
    };
    let mut json = serde_json::Deserializer::from_str(settings);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path().iter() {
            use serde_path_to_error::Segment;
            match segment {
                Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
                Segment::Map { key } => {
                    pointer.push('/');
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                }
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        // serde_json ends its messages with a place in the JSON, which no user ever sees.
        let message = error.into_inner().to_string();
        let message = match message.rfind(" at line ") {
            Some(end) => message[..end].to_owned(),
            None => message,
        };
        ConfigError::at(pointer, suggest(message))
    })
}

/// Turns serde's list of every known key into the one that was meant, if one is close.
fn suggest(message: String) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (Some(wrong), true) = (quoted.next(), message.starts_with("unknown field")) else {
        return message;
    };
    match crate::error::closest(wrong, quoted) {
        Some(meant) => format!("unknown key `{wrong}`; did you mean `{meant}`?"),
        None => message.replacen("unknown field", "unknown key", 1),
    }
}

/// A configured processor and what it declared.
#[doc(hidden)]
pub fn configure_processor<P: Processor>(
    settings: &str,
) -> Result<(P, contract_wit::Contract), contract_wit::ConfigError> {
    let mut contract = Contract::default();
    let config = parse_settings(settings).map_err(config_error)?;
    let plugin = P::configure(config, &mut contract).map_err(config_error)?;
    Ok((plugin, declared(contract)))
}

/// A configured connector and what it declared.
#[doc(hidden)]
pub fn configure_connector<P: Connector>(
    settings: &str,
) -> Result<(P, connector_wit::ConnectorContract), contract_wit::ConfigError> {
    let mut contract = Contract::default();
    let config = parse_settings(settings).map_err(config_error)?;
    let (plugin, stream) = P::configure(config, &mut contract).map_err(config_error)?;
    let declared = connector_wit::ConnectorContract {
        contract: declared(contract),
        metrics: metrics(stream),
    };
    Ok((plugin, declared))
}

/// One batch through a processor.
#[doc(hidden)]
pub fn run_processor<P: Processor>(
    plugin: Option<&mut P>,
    batch: telemetry::Batch,
) -> Result<telemetry::Outcome, contract_wit::PluginError> {
    let plugin = plugin.ok_or(contract_wit::PluginError::NotConfigured)?;
    let batch = view(&batch);
    let mut outcome = Outcome::new(&batch);
    plugin.process(&batch, &mut outcome).map_err(plugin_error)?;
    Ok(wire_outcome(outcome))
}

/// One batch through a connector.
#[doc(hidden)]
pub fn run_connector<P: Connector>(
    plugin: Option<&mut P>,
    batch: telemetry::Batch,
) -> Result<metrics_wit::Emission, contract_wit::PluginError> {
    let plugin = plugin.ok_or(contract_wit::PluginError::NotConfigured)?;
    let batch = view(&batch);
    let mut emission = Emission::new(&batch);
    plugin
        .process(&batch, &mut emission)
        .map_err(plugin_error)?;
    Ok(wire_emission(emission))
}

fn config_error(error: ConfigError) -> contract_wit::ConfigError {
    match error {
        ConfigError::Settings(problems) => contract_wit::ConfigError::Settings(
            problems
                .into_iter()
                .map(|Problem { path, message }| contract_wit::Problem { path, message })
                .collect(),
        ),
        ConfigError::Unavailable(why) => contract_wit::ConfigError::Unavailable(why),
    }
}

fn plugin_error(error: PluginError) -> contract_wit::PluginError {
    match error {
        PluginError::Batch(why) => contract_wit::PluginError::Batch(why),
        PluginError::State(why) => contract_wit::PluginError::State(why),
    }
}

fn declared(contract: Contract) -> contract_wit::Contract {
    contract_wit::Contract {
        sharding: match contract.sharding() {
            Sharding::None => contract_wit::Sharding::None,
            Sharding::ByTrace => contract_wit::Sharding::ByTrace,
            Sharding::Whole => contract_wit::Sharding::Whole,
        },
        reads: contract.reads,
        writes: contract.writes,
    }
}

fn metrics(stream: MetricStream) -> metrics_wit::MetricStream {
    metrics_wit::MetricStream {
        scope: stream.scope,
        instruments: stream
            .instruments
            .into_iter()
            .map(|instrument| metrics_wit::Instrument {
                name: instrument.name,
                description: instrument.description,
                unit: instrument.unit,
                kind: match instrument.kind {
                    InstrumentKind::Sum => metrics_wit::InstrumentKind::Sum,
                    InstrumentKind::Histogram(bounds) => {
                        metrics_wit::InstrumentKind::Histogram(bounds)
                    }
                    InstrumentKind::ExponentialHistogram(buckets) => {
                        metrics_wit::InstrumentKind::ExponentialHistogram(buckets)
                    }
                },
                exemplars: instrument.exemplars,
            })
            .collect(),
        temporality: match stream.temporality {
            Temporality::Delta => metrics_wit::Temporality::Delta,
            Temporality::Cumulative => metrics_wit::Temporality::Cumulative,
        },
        flush_interval_ns: stream.flush_interval_ns,
        expiration_ns: stream.expiration_ns,
        series_limit: stream.series_limit,
        resource_limit: stream.resource_limit,
    }
}

fn cells(cells: &telemetry::Cells) -> Cells<'_> {
    Cells {
        kinds: &cells.kinds,
        bits: &cells.bits,
    }
}

fn column(column: &telemetry::Column) -> Column<'_> {
    match column {
        telemetry::Column::Narrow(values) => Column::Narrow(values),
        telemetry::Column::Wide(values) => Column::Wide(values),
        telemetry::Column::TraceId(words) => Column::TraceId(words),
        telemetry::Column::Text(indices) => Column::Text(indices),
        telemetry::Column::Cells(values) => Column::Cells(cells(values)),
        telemetry::Column::Attributes(list) => Column::Attributes(Attributes {
            ends: &list.ends,
            keys: &list.keys,
            values: cells(&list.values),
        }),
    }
}

/// A batch as the plugin's traits see it. Tables of contexts that this SDK does not know are left out.
pub(crate) fn view(batch: &telemetry::Batch) -> Batch<'_> {
    let tables = batch.tables.iter().filter_map(|table| {
        let context = match table.context {
            telemetry::Context::Resource => Context::Resource,
            telemetry::Context::Scope => Context::Scope,
            telemetry::Context::Span => Context::Span,
            telemetry::Context::SpanEvent => Context::SpanEvent,
            telemetry::Context::SpanLink => Context::SpanLink,
            _ => return None,
        };
        Some(Table {
            context,
            rows: table.rows,
            parents: &table.parents,
            columns: table.columns.iter().map(column).collect(),
        })
    });
    Batch {
        received_unix_nano: batch.received_unix_nano,
        texts: Texts {
            ends: &batch.texts.ends,
            bytes: &batch.texts.bytes,
        },
        tables: tables.collect(),
    }
}

fn wire_cells(cells: OwnedCells) -> telemetry::Cells {
    telemetry::Cells {
        kinds: cells.kinds,
        bits: cells.bits,
    }
}

fn split(edits: Vec<(u32, crate::Cell)>) -> (Vec<u32>, telemetry::Cells) {
    let edits = in_order(edits);
    let mut values = OwnedCells::default();
    edits.iter().for_each(|(_, cell)| values.push(*cell));
    (
        edits.into_iter().map(|(place, _)| place).collect(),
        wire_cells(values),
    )
}

fn wire_outcome(outcome: Outcome) -> telemetry::Outcome {
    let mut wire = telemetry::Outcome {
        verdicts: Vec::new(),
        texts: telemetry::TextPool {
            ends: outcome.text_ends,
            bytes: outcome.text_bytes,
        },
        writes: Vec::new(),
        entry_writes: Vec::new(),
        replacements: Vec::new(),
        removals: Vec::new(),
        appends: Vec::new(),
    };
    for (context, rows) in [
        (telemetry::Context::Span, outcome.spans),
        (telemetry::Context::SpanEvent, outcome.events),
    ] {
        if !rows.is_empty() {
            wire.verdicts.push(telemetry::Verdicts { context, rows });
        }
    }
    for (field, edits) in (0u32..).zip(outcome.fields) {
        if let Some(cell) = edits.all {
            let mut values = OwnedCells::default();
            values.push(cell);
            wire.writes.push(telemetry::Write {
                field,
                rows: Vec::new(),
                values: wire_cells(values),
            });
        }
        if !edits.rows.is_empty() {
            let (rows, values) = split(edits.rows);
            wire.writes.push(telemetry::Write {
                field,
                rows,
                values,
            });
        }
        if !edits.entries.is_empty() {
            let (entries, values) = split(edits.entries);
            wire.entry_writes.push(telemetry::EntryWrite {
                field,
                entries,
                values,
            });
        }
        if !edits.old.is_empty() {
            wire.replacements.push(telemetry::Replacement {
                field,
                old: edits.old,
                new: edits.new,
            });
        }
        if !edits.removed.is_empty() {
            let mut entries = edits.removed;
            entries.sort_unstable();
            entries.dedup();
            wire.removals.push(telemetry::Removal { field, entries });
        }
        if !edits.append_rows.is_empty() {
            wire.appends.push(telemetry::Append {
                field,
                rows: edits.append_rows,
                keys: edits.append_keys,
                values: wire_cells(edits.append_values),
            });
        }
    }
    wire
}

fn wire_lists(lists: OwnedLists) -> telemetry::AttributeList {
    telemetry::AttributeList {
        ends: lists.ends,
        keys: lists.keys,
        values: wire_cells(lists.values),
    }
}

fn wire_emission(emission: Emission) -> metrics_wit::Emission {
    metrics_wit::Emission {
        texts: telemetry::TextPool {
            ends: emission.text_ends,
            bytes: emission.text_bytes,
        },
        restart: emission.restart,
        series: metrics_wit::SeriesTable {
            resources: wire_lists(emission.resources),
            attributes: wire_lists(emission.attributes),
        },
        recordings: emission
            .recordings
            .into_iter()
            .map(|recording| metrics_wit::Recording {
                instrument: recording.instrument,
                series: recording.series,
                values: recording.values,
                counts: recording.counts,
                rows: recording.rows,
            })
            .collect(),
    }
}

/// Makes a [`Processor`] the component's export. Outside WebAssembly it expands to nothing, so that the
/// crate links natively, into tests or beside other plugins.
#[macro_export]
macro_rules! register_processor {
    ($plugin:ty) => {
        $crate::register!(
            $plugin,
            processor_world,
            processor,
            export_processor,
            configure_processor,
            run_processor,
            Contract,
            Outcome
        );
    };
}

/// Makes a [`Connector`] the component's export; as [`register_processor!`].
#[macro_export]
macro_rules! register_connector {
    ($plugin:ty) => {
        $crate::register!(
            $plugin,
            connector_world,
            connector,
            export_connector,
            configure_connector,
            run_connector,
            ConnectorContract,
            Emission
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! register {
    ($plugin:ty, $world:ident, $interface:ident, $export:ident, $configure:ident, $run:ident, $declared:ident, $result:ident) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::guest::$world::exports::spanmill::plugin::$interface as wit;

            thread_local! {
                static PLUGIN: std::cell::RefCell<Option<$plugin>> = const { std::cell::RefCell::new(None) };
            }

            struct Component;

            impl wit::Guest for Component {
                fn configure(settings: String) -> Result<wit::$declared, wit::ConfigError> {
                    let (plugin, declared) = $crate::guest::$configure::<$plugin>(&settings)?;
                    PLUGIN.with(|slot| *slot.borrow_mut() = Some(plugin));
                    Ok(declared)
                }

                fn process(batch: wit::Batch) -> Result<wit::$result, wit::PluginError> {
                    PLUGIN.with(|slot| $crate::guest::$run(slot.borrow_mut().as_mut(), batch))
                }
            }

            $crate::guest::$world::$export!(Component with_types_in $crate::guest::$world);
        };
    };
}
