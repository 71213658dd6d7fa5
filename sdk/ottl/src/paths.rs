//! Paths: which columns they stand for, which of them may be written, and what they are called.

mod names;

use spanmill_sdk::{Context, Contract, FIELDS, closest};

use crate::ast::Segment;
use crate::error::{OttlError, Position};
use crate::field::{Field, View};
use crate::slots::{Place, Slots};
pub(crate) use names::names;

use names::MISSING;

/// What paths of what is known of a request begin with: they belong to no context, and are the same for every resource.
pub(crate) const OTELCOL: &str = "otelcol";

/// Metric types, as `metric.type` has them.
const GAUGE: u32 = 1;
const SUM: u32 = 2;
const HISTOGRAM: u32 = 3;
const EXPONENTIAL: u32 = 4;
const SUMMARY: u32 = 5;

/// Declares the columns of paths.
pub(crate) struct Declaring<'c> {
    pub slots: &'c mut Slots,
    pub contract: &'c mut Contract,
}

/// The names of a path, joined.
pub(crate) fn spelled(segments: &[Segment]) -> String {
    let names: Vec<&str> = segments
        .iter()
        .map(|segment| segment.name.as_str())
        .collect();
    names.join(".")
}

impl Declaring<'_> {
    /// The field of a context that a path without its keys means; `key` is the first of them, if it is a string that stands
    /// there as it is. Whether that key is part of the field comes with it.
    pub(crate) fn field(
        &mut self,
        context: Context,
        name: &str,
        key: Option<&str>,
        position: Position,
    ) -> Result<(Field, bool), OttlError> {
        if let Some(of_request) = name.strip_prefix(OTELCOL) {
            return self.of_request(of_request, name, key, position);
        }
        let full = format!("{}.{name}", context.prefix());
        let field = |place: Place, view: View| Field {
            context,
            place,
            view,
            of_types: None,
            name: full.clone(),
        };
        if name == context.attributes() {
            return Ok(match key {
                Some(key) => {
                    let place = self.slots.attribute(self.contract, context, key);
                    (field(place, View::Value), true)
                }
                None => {
                    let place = self.slots.entries(self.contract, context);
                    (field(place, View::Entries), false)
                }
            });
        }
        if let Some((place, view)) = self.plain(context, name, &full) {
            let of_types = types(context, name).map(|types| {
                let place = self
                    .slots
                    .narrow(self.contract, Context::Metric, "metric.type");
                (place, types)
            });
            let field = Field {
                of_types,
                ..field(place, view)
            };
            return Ok((field, false));
        }
        Err(unknown(position, context, name))
    }

    /// What is known of the request, `rest` being what stands behind `otelcol`.
    fn of_request(
        &mut self,
        rest: &str,
        name: &str,
        key: Option<&str>,
        position: Position,
    ) -> Result<(Field, bool), OttlError> {
        let fail = |message: &str| Err(OttlError::at(position, format!("`{name}`: {message}")));
        let (place, view) = match (rest, key) {
            (".client.addr", _) => (self.slots.client_address(self.contract), View::Value),
            (".client.metadata" | ".grpc.metadata", Some(header)) => {
                (self.slots.metadata(self.contract, header), View::Header)
            }
            (".client.metadata" | ".grpc.metadata", None) => {
                return fail(
                    "name the header in brackets, as a string: a plugin sees no others than those it names",
                );
            }
            (".client.auth.attributes", _) => {
                return fail(
                    "receivers do not authenticate; take a header that whoever does has set",
                );
            }
            _ => {
                return fail(
                    "there are `otelcol.client.metadata[\"header\"]`, `otelcol.grpc.metadata[\"header\"]` and `otelcol.client.addr`",
                );
            }
        };
        let field = Field {
            context: Context::Resource,
            place,
            view,
            of_types: None,
            name: name.to_owned(),
        };
        Ok((field, view == View::Header))
    }

    /// What a path without keys reads; `full` is its name in a contract, if it has that name there.
    fn plain(&mut self, context: Context, name: &str, full: &str) -> Option<(Place, View)> {
        use Context::{DataPoint, Log, Metric, Resource, Scope, Span, SpanEvent};
        let Declaring { slots, contract } = self;
        Some(match (context, name) {
            (Span, "trace_state") => (slots.text(contract, context, full), View::TraceState),
            (Span, "name" | "status.message")
            | (SpanEvent, "name")
            | (Scope, "name" | "version" | "schema_url")
            | (Resource, "schema_url")
            | (Log, "severity_text" | "event_name")
            | (Metric, "name" | "description" | "unit") => {
                (slots.text(contract, context, full), View::Text)
            }
            (
                Span,
                "kind" | "status.code" | "flags" | "dropped_events_count" | "dropped_links_count",
            )
            | (Log, "severity_number" | "flags")
            | (Metric, "type" | "aggregation_temporality")
            | (DataPoint, "flags")
            | (Resource | Scope | Span | SpanEvent | Log, "dropped_attributes_count") => {
                (slots.narrow(contract, context, full), View::Int)
            }
            // OTTL compares a status with its code's enums.
            (Span, "status") => (
                slots.narrow(contract, context, "span.status.code"),
                View::Int,
            ),
            (Span, "kind.string") => (slots.narrow(contract, context, "span.kind"), View::KindText),
            (Span, "kind.deprecated_string") => (
                slots.narrow(contract, context, "span.kind"),
                View::DeprecatedKindText,
            ),
            (Span, "start_time_unix_nano" | "end_time_unix_nano")
            | (SpanEvent, "time_unix_nano")
            | (Log, "time_unix_nano" | "observed_time_unix_nano")
            | (DataPoint, "start_time_unix_nano" | "time_unix_nano" | "count" | "zero_count") => {
                (slots.wide(contract, context, full), View::Int)
            }
            (Span, "start_time" | "end_time")
            | (SpanEvent, "time")
            | (Log, "time" | "observed_time")
            | (DataPoint, "start_time" | "time") => {
                let full = format!("{full}_unix_nano");
                (slots.wide(contract, context, &full), View::Time)
            }
            (Span | Log, "trace_id") => (slots.trace_id(contract, context, full), View::TraceId),
            (Span | Log, "trace_id.string") => {
                let full = full.trim_end_matches(".string");
                (slots.trace_id(contract, context, full), View::TraceIdText)
            }
            (Span | Log, "span_id") | (Span, "parent_span_id") => {
                (slots.wide(contract, context, full), View::SpanId)
            }
            (Span | Log, "span_id.string") | (Span, "parent_span_id.string") => {
                let full = full.trim_end_matches(".string");
                (slots.wide(contract, context, full), View::SpanIdText)
            }
            (Log, "body") => (slots.cells(contract, context, full), View::Body),
            (Log, "body.string") => (slots.cells(contract, context, "log.body"), View::BodyText),
            (Metric, "is_monotonic") => (slots.narrow(contract, context, full), View::Flag),
            (DataPoint, "value_double") => (
                slots.cells(contract, context, "datapoint.value"),
                View::Double,
            ),
            (DataPoint, "value_int") => (
                slots.cells(contract, context, "datapoint.value"),
                View::Whole,
            ),
            (DataPoint, "sum") => (slots.cells(contract, context, full), View::Double),
            (DataPoint, "scale" | "positive.offset" | "negative.offset") => {
                (slots.cells(contract, context, full), View::Whole)
            }
            (
                DataPoint,
                "bucket_counts"
                | "explicit_bounds"
                | "positive.bucket_counts"
                | "negative.bucket_counts",
            ) => (slots.cells(contract, context, full), View::Value),
            _ => return None,
        })
    }
}

/// The types of metrics that have a field, if not all have it.
fn types(context: Context, name: &str) -> Option<&'static [u32]> {
    Some(match (context, name) {
        (Context::Metric, "aggregation_temporality") => &[SUM, HISTOGRAM, EXPONENTIAL],
        (Context::Metric, "is_monotonic") => &[SUM],
        (Context::DataPoint, "value_double" | "value_int") => &[GAUGE, SUM],
        (Context::DataPoint, "count" | "sum") => &[HISTOGRAM, EXPONENTIAL, SUMMARY],
        (Context::DataPoint, "bucket_counts" | "explicit_bounds") => &[HISTOGRAM],
        (
            Context::DataPoint,
            "scale"
            | "zero_count"
            | "positive.offset"
            | "negative.offset"
            | "positive.bucket_counts"
            | "negative.bucket_counts",
        ) => &[EXPONENTIAL],
        _ => return None,
    })
}

/// Whether a contract may write what a slot stands for.
pub(crate) fn is_writable(context: Context, path: &str) -> bool {
    let name = path.split_once('.').map_or("", |(_, name)| name);
    if name.starts_with(context.attributes()) {
        return true;
    }
    let mut fields = FIELDS.iter();
    fields.any(|field| field.context == context && field.name == name && field.writable)
}

/// A path that means nothing here.
fn unknown(position: Position, context: Context, name: &str) -> OttlError {
    let prefix = context.prefix();
    if let Some((_, why)) = MISSING
        .iter()
        .find(|(missing, _)| *missing == format!("{prefix}.{name}"))
    {
        let message = format!("`{prefix}.{name}` is not offered to plugins: {why}");
        return OttlError::at(position, message);
    }
    let message = match closest(name, names(context).iter().copied()) {
        Some(meant) => format!("a {prefix} has no field `{name}`; did you mean `{meant}`?"),
        None => format!("a {prefix} has no field `{name}`"),
    };
    OttlError::at(position, message)
}
