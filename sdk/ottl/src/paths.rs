//! Paths: which columns they read.

use spanmill_sdk::{Context, Contract, closest};

use crate::OttlError;
use crate::ast::{Key, Segment};
use crate::expression::{Field, Source};

/// Metric types, as `metric.type` has them.
const GAUGE: u32 = 1;
const SUM: u32 = 2;
const HISTOGRAM: u32 = 3;
const EXPONENTIAL: u32 = 4;
const SUMMARY: u32 = 5;

/// The field of a context that the names of a path mean, with the columns it needs declared.
pub(crate) fn field(
    contract: &mut Contract,
    context: Context,
    segments: &[Segment],
    column: usize,
) -> Result<Field, OttlError> {
    let name = spelled(segments);
    let full = format!("{}.{name}", context.prefix());
    let mut keys = segments.iter().flat_map(|segment| &segment.keys);
    let source = if name == context.attributes() {
        let (Some(Key::Text(key)), [_]) = (keys.next(), segments) else {
            let message = format!("name an attribute: `{full}[\"key\"]`");
            return Err(OttlError::at(column, message));
        };
        let field = contract.read_attribute(context, key);
        Source::Attribute(field, keys.by_ref().cloned().collect())
    } else if (context, name.as_str()) == (Context::Span, "trace_state") {
        let field = contract.read_text(&full);
        match keys.next() {
            None => Source::Text(field),
            Some(Key::Text(key)) => Source::TraceStateKey(field, key.clone()),
            Some(Key::Int(_)) => {
                return Err(OttlError::at(
                    column,
                    "trace_state takes a string in brackets",
                ));
            }
        }
    } else if (context, name.as_str()) == (Context::Log, "body") {
        Source::Cells(contract.read_cells(&full), keys.by_ref().cloned().collect())
    } else {
        source(contract, context, &name, &full).ok_or_else(|| unknown(column, context, &name))?
    };
    if keys.next().is_some() {
        let message = format!("`{full}` takes no brackets");
        return Err(OttlError::at(column, message));
    }
    Ok(Field { context, source })
}

/// What a path without brackets reads; `full` is its name in a contract, if it has that name there.
fn source(contract: &mut Contract, context: Context, name: &str, full: &str) -> Option<Source> {
    use Context::{DataPoint, Log, Metric, Resource, Scope, Span, SpanEvent};
    if let Some(source) = id(contract, context, name) {
        return Some(source);
    }
    Some(match (context, name) {
        (Span, "name" | "status.message")
        | (SpanEvent, "name")
        | (Scope, "name" | "version" | "schema_url")
        | (Resource, "schema_url")
        | (Log, "severity_text" | "event_name")
        | (Metric, "name" | "description" | "unit") => Source::Text(contract.read_text(full)),
        (
            Span,
            "kind" | "status.code" | "flags" | "dropped_events_count" | "dropped_links_count",
        )
        | (Log, "severity_number" | "flags")
        | (Metric, "type")
        | (DataPoint, "flags")
        | (Resource | Scope | Span | SpanEvent | Log, "dropped_attributes_count") => {
            Source::Narrow(contract.read_narrow(full))
        }
        // OTTL compares a status with its code's enums.
        (Span, "status") => Source::Narrow(contract.read_narrow("span.status.code")),
        (Span, "kind.string") => Source::KindText(contract.read_narrow("span.kind")),
        (Span, "kind.deprecated_string") => {
            Source::DeprecatedKindText(contract.read_narrow("span.kind"))
        }
        (Span, "start_time_unix_nano" | "end_time_unix_nano")
        | (SpanEvent, "time_unix_nano")
        | (Log, "time_unix_nano" | "observed_time_unix_nano")
        | (DataPoint, "start_time_unix_nano" | "time_unix_nano") => {
            Source::Wide(contract.read_wide(full))
        }
        (Log, "body.string") => Source::CellText(contract.read_cells("log.body")),
        (Metric, "aggregation_temporality") => {
            let source = Source::Narrow(contract.read_narrow(full));
            of_types(contract, &[SUM, HISTOGRAM, EXPONENTIAL], source)
        }
        (Metric, "is_monotonic") => {
            let source = Source::Flag(contract.read_narrow(full));
            of_types(contract, &[SUM], source)
        }
        (DataPoint, "value_double") => {
            let source = Source::CellFloat(contract.read_cells("datapoint.value"));
            of_types(contract, &[GAUGE, SUM], source)
        }
        (DataPoint, "value_int") => {
            let source = Source::CellInt(contract.read_cells("datapoint.value"));
            of_types(contract, &[GAUGE, SUM], source)
        }
        (DataPoint, "count") => {
            let source = Source::Wide(contract.read_wide(full));
            of_types(contract, &[HISTOGRAM, EXPONENTIAL, SUMMARY], source)
        }
        (DataPoint, "sum") => {
            let source = Source::CellFloat(contract.read_cells(full));
            of_types(contract, &[HISTOGRAM, EXPONENTIAL, SUMMARY], source)
        }
        (DataPoint, "scale") => {
            let source = Source::CellInt(contract.read_cells(full));
            of_types(contract, &[EXPONENTIAL], source)
        }
        (DataPoint, "zero_count") => {
            let source = Source::Wide(contract.read_wide(full));
            of_types(contract, &[EXPONENTIAL], source)
        }
        _ => return None,
    })
}

/// The ids of spans and log records.
fn id(contract: &mut Contract, context: Context, name: &str) -> Option<Source> {
    if !matches!(context, Context::Span | Context::Log) {
        return None;
    }
    let (id, is_text) = match name.strip_suffix(".string") {
        Some(id) => (id, true),
        None => (name, false),
    };
    let full = format!("{}.{id}", context.prefix());
    Some(match (id, is_text) {
        ("trace_id", false) => Source::TraceId(contract.read_trace_id(&full)),
        ("trace_id", true) => Source::TraceIdText(contract.read_trace_id(&full)),
        ("parent_span_id", _) if context == Context::Log => return None,
        ("span_id" | "parent_span_id", false) => Source::SpanId(contract.read_wide(&full)),
        ("span_id" | "parent_span_id", true) => Source::SpanIdText(contract.read_wide(&full)),
        _ => return None,
    })
}

/// A field that only metrics of some types have, or their data points; nil in others.
fn of_types(contract: &mut Contract, types: &'static [u32], source: Source) -> Source {
    Source::OfTypes {
        metric_type: contract.read_narrow("metric.type"),
        types,
        source: Box::new(source),
    }
}

/// The names of a path, joined.
pub(crate) fn spelled(segments: &[Segment]) -> String {
    let names: Vec<&str> = segments
        .iter()
        .map(|segment| segment.name.as_str())
        .collect();
    names.join(".")
}

/// What a known field is called, for suggestions.
fn names(context: Context) -> &'static [&'static str] {
    match context {
        Context::Resource => &["attributes", "schema_url", "dropped_attributes_count"],
        Context::Scope => &[
            "name",
            "version",
            "attributes",
            "schema_url",
            "dropped_attributes_count",
        ],
        Context::Span => &[
            "trace_id",
            "trace_id.string",
            "span_id",
            "span_id.string",
            "parent_span_id",
            "parent_span_id.string",
            "trace_state",
            "name",
            "kind",
            "kind.string",
            "kind.deprecated_string",
            "status",
            "status.code",
            "status.message",
            "start_time_unix_nano",
            "end_time_unix_nano",
            "attributes",
            "flags",
            "dropped_attributes_count",
            "dropped_events_count",
            "dropped_links_count",
        ],
        Context::SpanEvent => &[
            "name",
            "time_unix_nano",
            "attributes",
            "dropped_attributes_count",
        ],
        Context::SpanLink => &["attributes"],
        Context::Log => &[
            "time_unix_nano",
            "observed_time_unix_nano",
            "severity_number",
            "severity_text",
            "body",
            "body.string",
            "attributes",
            "dropped_attributes_count",
            "flags",
            "trace_id",
            "trace_id.string",
            "span_id",
            "span_id.string",
            "event_name",
        ],
        Context::Metric => &[
            "name",
            "description",
            "unit",
            "type",
            "aggregation_temporality",
            "is_monotonic",
            "metadata",
        ],
        Context::DataPoint => &[
            "attributes",
            "start_time_unix_nano",
            "time_unix_nano",
            "value_double",
            "value_int",
            "flags",
            "count",
            "sum",
            "scale",
            "zero_count",
        ],
    }
}

fn unknown(column: usize, context: Context, spelled: &str) -> OttlError {
    let message = match closest(spelled, names(context).iter().copied()) {
        Some(meant) => {
            format!(
                "a {} has no field `{spelled}`; did you mean `{meant}`?",
                context.prefix()
            )
        }
        None => format!(
            "a {} has no field `{spelled}` that a condition can read",
            context.prefix()
        ),
    };
    OttlError::at(column, message)
}
