//! What the traits speak of, turned into what crosses the boundary, and back.

use super::wit::{
    contract_wit, grouper_wit, metrics_wit, records_wit, routing_wit, state_wit, telemetry,
    ticker_wit,
};
use crate::connector::OwnedLists;
use crate::outcome::OwnedCells;
use crate::{
    Attributes, Batch, Cells, Column, ConfigError, Context, Contract, Decisions, Emission, Groups,
    InstrumentKind, MetricStream, Outcome, PluginError, Problem, RecordColumn, Records,
    RestoreError, Routes, Sharding, Signal, Table, Temporality, Texts,
};

pub(super) fn config_error(error: ConfigError) -> contract_wit::ConfigError {
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

pub(super) fn plugin_error(error: PluginError) -> contract_wit::PluginError {
    match error {
        PluginError::Batch(why) => contract_wit::PluginError::Batch(why),
        PluginError::State(why) => contract_wit::PluginError::State(why),
    }
}

pub(super) fn restore_error(error: RestoreError) -> state_wit::RestoreError {
    match error {
        RestoreError::Format => state_wit::RestoreError::Format,
        RestoreError::Data(why) => state_wit::RestoreError::Data(why),
    }
}

pub(crate) fn signal(signal: telemetry::Signal) -> Signal {
    match signal {
        telemetry::Signal::Traces => Signal::Traces,
        telemetry::Signal::Logs => Signal::Logs,
        telemetry::Signal::Metrics => Signal::Metrics,
    }
}

pub(crate) fn wire_signal(signal: Signal) -> telemetry::Signal {
    match signal {
        Signal::Traces => telemetry::Signal::Traces,
        Signal::Logs => telemetry::Signal::Logs,
        Signal::Metrics => telemetry::Signal::Metrics,
    }
}

pub(crate) fn declared(contract: Contract) -> contract_wit::Contract {
    contract_wit::Contract {
        signals: contract.signals.iter().copied().map(wire_signal).collect(),
        sharding: match contract.sharding() {
            Sharding::None => contract_wit::Sharding::None,
            Sharding::ByTrace => contract_wit::Sharding::ByTrace,
            Sharding::Whole => contract_wit::Sharding::Whole,
        },
        reads: contract.reads,
        writes: contract.writes,
    }
}

pub(super) fn metrics(stream: MetricStream) -> metrics_wit::MetricStream {
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
                    InstrumentKind::UpDownSum => metrics_wit::InstrumentKind::UpDownSum,
                    InstrumentKind::Gauge => metrics_wit::InstrumentKind::Gauge,
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
        total_limit: stream.total_limit,
        resource_key: stream.resource_key,
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
        telemetry::Column::Numbers(lists) => Column::Numbers {
            ends: &lists.ends,
            bits: &lists.bits,
        },
    }
}

pub(crate) fn context(context: telemetry::Context) -> Context {
    match context {
        telemetry::Context::Resource => Context::Resource,
        telemetry::Context::Scope => Context::Scope,
        telemetry::Context::Span => Context::Span,
        telemetry::Context::SpanEvent => Context::SpanEvent,
        telemetry::Context::SpanLink => Context::SpanLink,
        telemetry::Context::Log => Context::Log,
        telemetry::Context::Metric => Context::Metric,
        telemetry::Context::DataPoint => Context::DataPoint,
    }
}

pub(crate) fn wire_context(context: Context) -> telemetry::Context {
    match context {
        Context::Resource => telemetry::Context::Resource,
        Context::Scope => telemetry::Context::Scope,
        Context::Span => telemetry::Context::Span,
        Context::SpanEvent => telemetry::Context::SpanEvent,
        Context::SpanLink => telemetry::Context::SpanLink,
        Context::Log => telemetry::Context::Log,
        Context::Metric => telemetry::Context::Metric,
        Context::DataPoint => telemetry::Context::DataPoint,
    }
}

/// A batch as the plugin's traits see it.
pub(crate) fn view(batch: &telemetry::Batch) -> Batch<'_> {
    let tables = batch.tables.iter().map(|table| Table {
        context: context(table.context),
        rows: table.rows,
        parents: &table.parents,
        columns: table.columns.iter().map(column).collect(),
    });
    Batch {
        signal: signal(batch.signal),
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

pub(super) fn wire_outcome(mut outcome: Outcome) -> telemetry::Outcome {
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
    for context in Context::ALL {
        let rows = std::mem::take(outcome.verdicts.get_mut(context));
        if !rows.is_empty() {
            let context = wire_context(context);
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
        if !edits.rows.places.is_empty() {
            let edits = edits.rows.in_order();
            wire.writes.push(telemetry::Write {
                field,
                rows: edits.places,
                values: wire_cells(edits.values),
            });
        }
        if !edits.entries.places.is_empty() {
            let edits = edits.entries.in_order();
            wire.entry_writes.push(telemetry::EntryWrite {
                field,
                entries: edits.places,
                values: wire_cells(edits.values),
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

pub(super) fn wire_groups(groups: Groups) -> grouper_wit::Groups {
    grouper_wit::Groups {
        of_each: groups.of_each,
        texts: telemetry::TextPool {
            ends: groups.text_ends,
            bytes: groups.text_bytes,
        },
        attributes: wire_lists(groups.attributes),
    }
}

pub(super) fn wire_emission(emission: Emission) -> metrics_wit::Emission {
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

pub(super) fn wire_records(records: Records) -> records_wit::Records {
    let column = |column| match column {
        RecordColumn::Narrow(values) => telemetry::Column::Narrow(values),
        RecordColumn::Wide(values) => telemetry::Column::Wide(values),
        RecordColumn::TraceId(words) => telemetry::Column::TraceId(words),
        RecordColumn::Text(indices) => telemetry::Column::Text(indices),
        RecordColumn::Cells(cells) => telemetry::Column::Cells(wire_cells(cells)),
        RecordColumn::Attributes { ends, keys, values } => {
            telemetry::Column::Attributes(telemetry::AttributeList {
                ends,
                keys,
                values: wire_cells(values),
            })
        }
    };
    records_wit::Records {
        texts: telemetry::TextPool {
            ends: records.text_ends,
            bytes: records.text_bytes,
        },
        rows: records.resources.len() as u32,
        resources: records.resources,
        columns: records.columns.into_iter().map(column).collect(),
    }
}

pub(super) fn wire_routes(routes: Routes) -> routing_wit::Routes {
    let (context, pipelines) = routes.into_parts();
    routing_wit::Routes {
        context: wire_context(context),
        pipelines,
    }
}

pub(super) fn wire_decisions(decisions: Decisions) -> ticker_wit::Decisions {
    let decision = |is_dropped| match is_dropped {
        true => ticker_wit::Decision::Drop,
        false => ticker_wit::Decision::Release,
    };
    ticker_wit::Decisions {
        traces: decisions.traces,
        decisions: decisions.are_dropped.into_iter().map(decision).collect(),
        review: decisions.review,
    }
}
