//! Between the generated types and the host's own. Lists are borrowed on the way in and moved on the way
//! out: the cost does not depend on the number of rows.

use spanmill_otlp::{
    ABSENT, Append, BatchView, CellColumn, CellsView, ColumnView, Context, EntryWrite, Groups,
    Outcome, Pool, RecordColumn, RecordPlan, Records, Removal, Replacement, Routes, Signal,
    Verdicts, Write,
};

use super::answer;
use super::bindings::exports::spanmill::plugin::{
    about, connector, grouper, processor, reasons, record_connector, router, ticker,
};
use super::bindings::spanmill::plugin::{contract, metrics, records as records_wit, telemetry};
use crate::about::About;
use crate::error::{Fault, Problem, words};

/// Limit on the mistakes in the settings that are reported.
const PROBLEMS: usize = 100;

fn cells(view: CellsView<'_>) -> telemetry::CellsParam<'_> {
    telemetry::CellsParam {
        kinds: view.kinds,
        bits: view.bits,
    }
}

fn column(view: ColumnView<'_>) -> telemetry::ColumnParam<'_> {
    match view {
        ColumnView::Narrow(values) => telemetry::ColumnParam::Narrow(values),
        ColumnView::Wide(values) => telemetry::ColumnParam::Wide(values),
        ColumnView::TraceId(words) => telemetry::ColumnParam::TraceId(words),
        ColumnView::Text(indices) => telemetry::ColumnParam::Text(indices),
        ColumnView::Cells(view) => telemetry::ColumnParam::Cells(cells(view)),
        ColumnView::Attributes(list) => {
            telemetry::ColumnParam::Attributes(telemetry::AttributeListParam {
                ends: list.ends,
                keys: list.keys,
                values: cells(list.values),
            })
        }
    }
}

fn lowered(context: Context) -> telemetry::Context {
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

fn lifted(context: telemetry::Context) -> Context {
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

/// A signal in the generated types.
pub(crate) fn signal(signal: Signal) -> telemetry::Signal {
    match signal {
        Signal::Traces => telemetry::Signal::Traces,
        Signal::Logs => telemetry::Signal::Logs,
        Signal::Metrics => telemetry::Signal::Metrics,
    }
}

/// Calls `call` with a batch in the generated types, which borrow from one another.
pub(crate) fn lower<T>(view: &BatchView<'_>, call: impl FnOnce(telemetry::Batch<'_>) -> T) -> T {
    let columns: Vec<Vec<telemetry::ColumnParam<'_>>> = view
        .tables
        .iter()
        .map(|table| table.columns.iter().map(|view| column(*view)).collect())
        .collect();
    let tables: Vec<telemetry::Table<'_>> = view
        .tables
        .iter()
        .zip(&columns)
        .map(|(table, columns)| telemetry::Table {
            context: lowered(table.context),
            rows: table.rows,
            parents: table.parents,
            columns,
        })
        .collect();
    call(telemetry::Batch {
        signal: signal(view.signal),
        received_unix_nano: view.received_unix_nano,
        texts: telemetry::TextPoolParam {
            ends: view.texts.ends,
            bytes: view.texts.bytes,
        },
        tables: &tables,
    })
}

fn cell_column(cells: telemetry::CellsResult) -> CellColumn {
    CellColumn {
        kinds: cells.kinds,
        bits: cells.bits,
    }
}

fn pool(pool: telemetry::TextPoolResult) -> Pool {
    Pool {
        ends: pool.ends,
        bytes: pool.bytes,
    }
}

/// A processor's answer in the host's types.
pub(crate) fn outcome(outcome: processor::Outcome) -> Result<Outcome, Fault> {
    let verdicts = outcome.verdicts.into_iter().map(|verdicts| Verdicts {
        context: lifted(verdicts.context),
        rows: verdicts.rows,
    });
    Ok(Outcome {
        verdicts: verdicts.collect(),
        texts: pool(outcome.texts),
        writes: outcome
            .writes
            .into_iter()
            .map(|write| Write {
                field: write.field,
                rows: write.rows,
                values: cell_column(write.values),
            })
            .collect(),
        entry_writes: outcome
            .entry_writes
            .into_iter()
            .map(|write| EntryWrite {
                field: write.field,
                entries: write.entries,
                values: cell_column(write.values),
            })
            .collect(),
        replacements: outcome
            .replacements
            .into_iter()
            .map(|replacement| Replacement {
                field: replacement.field,
                old: replacement.old,
                new: replacement.new,
            })
            .collect(),
        removals: outcome
            .removals
            .into_iter()
            .map(|removal| Removal {
                field: removal.field,
                entries: removal.entries,
            })
            .collect(),
        appends: outcome
            .appends
            .into_iter()
            .map(|append| Append {
                field: append.field,
                rows: append.rows,
                keys: append.keys,
                values: cell_column(append.values),
            })
            .collect(),
        groups: None,
    })
}

/// Where a processor has rows go, in the host's types.
pub(crate) fn groups(groups: grouper::Groups) -> Groups {
    Groups {
        of_each: groups.of_each,
        texts: pool(groups.texts),
        ends: groups.attributes.ends,
        keys: groups.attributes.keys,
        values: cell_column(groups.attributes.values),
    }
}

fn lists(list: telemetry::AttributeListResult) -> answer::AttributeLists {
    answer::AttributeLists {
        ends: list.ends,
        keys: list.keys,
        values: cell_column(list.values),
    }
}

/// A connector's answer in the host's types.
pub(crate) fn emission(emission: connector::Emission) -> answer::Emission {
    answer::Emission {
        texts: pool(emission.texts),
        restart: emission.restart,
        resources: lists(emission.series.resources),
        attributes: lists(emission.series.attributes),
        recordings: emission
            .recordings
            .into_iter()
            .map(|recording| answer::Recording {
                instrument: recording.instrument,
                series: recording.series,
                values: recording.values,
                counts: recording.counts,
                rows: recording.rows,
            })
            .collect(),
    }
}

/// A record connector's answer in the host's types.
pub(crate) fn records(records: record_connector::Records) -> Records {
    let column = |column| match column {
        telemetry::ColumnResult::Narrow(values) => RecordColumn::Narrow(values),
        telemetry::ColumnResult::Wide(values) => RecordColumn::Wide(values),
        telemetry::ColumnResult::TraceId(words) => RecordColumn::TraceId(words),
        telemetry::ColumnResult::Text(indices) => RecordColumn::Text(indices),
        telemetry::ColumnResult::Cells(cells) => RecordColumn::Cells(cell_column(cells)),
        telemetry::ColumnResult::Attributes(list) => RecordColumn::Attributes {
            ends: list.ends,
            keys: list.keys,
            values: cell_column(list.values),
        },
        telemetry::ColumnResult::Numbers(_) => RecordColumn::Other,
    };
    Records {
        texts: pool(records.texts),
        rows: records.rows,
        resources: records.resources,
        columns: records.columns.into_iter().map(column).collect(),
    }
}

/// A router's answer in the host's types.
pub(crate) fn routes(routes: router::Routes) -> Routes {
    Routes {
        context: lifted(routes.context),
        pipelines: routes.pipelines,
    }
}

/// What a plugin decided about what it holds.
///
/// # Errors
///
/// The rule of the contract that it breaks, to be read behind "broke the contract".
pub(crate) fn decisions(decisions: ticker::Decisions) -> Result<answer::Decisions, String> {
    let (traces, rest) = decisions.traces.as_chunks::<2>();
    let (review, rest_of_review) = decisions.review.as_chunks::<2>();
    if !rest.is_empty() || !rest_of_review.is_empty() {
        return Err("decisions.traces and decisions.review: a trace has two words".to_owned());
    }
    let given = decisions.decisions.len();
    if given != traces.len() && given != 1 {
        return Err(format!(
            "decisions.decisions: {given} values where there are {} traces",
            traces.len()
        ));
    }
    let trace = |[high, low]: &[u64; 2]| u128::from(*high) << 64 | u128::from(*low);
    let decision = |at: usize| {
        let own = match given {
            1 => decisions.decisions.first(),
            _ => decisions.decisions.get(at),
        };
        match own {
            Some(ticker::Decision::Drop) => answer::Decision::Drop,
            Some(ticker::Decision::Release) | None => answer::Decision::Release,
        }
    };
    let mut all: Vec<u128> = traces.iter().chain(review).map(trace).collect();
    all.sort_unstable();
    if !all.is_sorted_by(|one, next| one < next) {
        return Err("decisions.traces and decisions.review name a trace twice".to_owned());
    }
    let traces = traces.iter().enumerate();
    Ok(answer::Decisions {
        traces: traces
            .map(|(at, words)| (trace(words), decision(at)))
            .collect(),
        review: review.iter().map(trace).collect(),
    })
}

/// Checks reasons for so many rows or traces. What cannot stand in a line is taken out of the rules.
pub(crate) fn applied_rules(
    given: reasons::AppliedRules,
    count: usize,
) -> Result<answer::AppliedRules, String> {
    let reasons::AppliedRules { rules, of_each } = given;
    if rules.len() > answer::AppliedRules::MOST {
        return Err(format!(
            "applied-rules.rules: {} rules; {} is the most",
            rules.len(),
            answer::AppliedRules::MOST
        ));
    }
    if !of_each.is_empty() && of_each.len() != count {
        return Err(format!(
            "applied-rules.of-each: {} values where there are {count}",
            of_each.len()
        ));
    }
    let is_known = |number: &u32| *number == ABSENT || (*number as usize) < rules.len();
    if !of_each.iter().all(is_known) {
        return Err("applied-rules.of-each: a number is beyond the rules".to_owned());
    }
    let kept = |rule: &String| words(rule).chars().take(RULE).collect();
    Ok(answer::AppliedRules {
        rules: rules.iter().map(kept).collect(),
        of_each,
    })
}

/// Characters of a rule that are kept.
const RULE: usize = 200;

fn lifted_signal(signal: telemetry::Signal) -> Signal {
    match signal {
        telemetry::Signal::Traces => Signal::Traces,
        telemetry::Signal::Logs => Signal::Logs,
        telemetry::Signal::Metrics => Signal::Metrics,
    }
}

/// What a record connector declared about its records.
///
/// # Errors
///
/// What it may not declare.
pub(crate) fn record_plan(stream: records_wit::RecordStream) -> Result<RecordPlan, String> {
    RecordPlan::new(
        lifted_signal(stream.signal),
        &stream.fields,
        stream.scope_name,
        stream.scope_version,
    )
    .map_err(|error| words(&error.to_string()))
}

/// What a plugin declared, in the host's types.
pub(crate) fn declared(contract: contract::Contract) -> answer::Declared {
    answer::Declared {
        signals: contract.signals.into_iter().map(lifted_signal).collect(),
        reads: contract.reads,
        writes: contract.writes,
        sharding: match contract.sharding {
            contract::Sharding::None => answer::Sharding::None,
            contract::Sharding::ByTrace => answer::Sharding::ByTrace,
            contract::Sharding::Whole => answer::Sharding::Whole,
        },
        metrics: None,
        records: None,
    }
}

/// What a connector declared about its metrics.
pub(crate) fn metric_stream(stream: metrics::MetricStream) -> answer::MetricStream {
    answer::MetricStream {
        scope: stream.scope,
        instruments: stream
            .instruments
            .into_iter()
            .map(|instrument| answer::Instrument {
                name: instrument.name,
                description: instrument.description,
                unit: instrument.unit,
                kind: match instrument.kind {
                    metrics::InstrumentKind::Sum => answer::InstrumentKind::Sum,
                    metrics::InstrumentKind::Histogram(bounds) => {
                        answer::InstrumentKind::Histogram(bounds)
                    }
                    metrics::InstrumentKind::ExponentialHistogram(buckets) => {
                        answer::InstrumentKind::ExponentialHistogram(buckets)
                    }
                    metrics::InstrumentKind::UpDownSum => answer::InstrumentKind::UpDownSum,
                    metrics::InstrumentKind::Gauge => answer::InstrumentKind::Gauge,
                },
                exemplars: instrument.exemplars,
            })
            .collect(),
        temporality: match stream.temporality {
            metrics::Temporality::Delta => answer::Temporality::Delta,
            metrics::Temporality::Cumulative => answer::Temporality::Cumulative,
        },
        flush_interval_ns: stream.flush_interval_ns,
        expiration_ns: stream.expiration_ns,
        series_limit: stream.series_limit,
        resource_limit: stream.resource_limit,
        total_limit: stream.total_limit,
        resource_key: stream.resource_key,
    }
}

/// What a plugin says it is, in the host's types.
pub(crate) fn described(description: about::Description) -> About {
    About {
        name: description.name,
        version: description.version,
        summary: description.summary,
        settings_schema: description.settings_schema,
    }
}

/// Mistakes in the settings, in the host's types.
pub(crate) fn problems(problems: Vec<contract::Problem>) -> Vec<Problem> {
    problems
        .into_iter()
        .take(PROBLEMS)
        .map(|problem| Problem {
            path: words(&problem.path),
            message: words(&problem.message),
        })
        .collect()
}
