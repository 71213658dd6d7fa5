//! What a replay made of each trace: how much of it is left, and by which policy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use spanmill_model::Signal;

use super::output::Failure;
use super::table::aligned;
use crate::config::PipelineId;
use crate::pipeline::{Recorded, Replayed};

/// What a recording, or a pipeline, has of a trace.
#[derive(Debug, Default)]
struct Trace {
    spans: usize,
    /// The services of its spans.
    services: BTreeSet<String>,
    /// The name of its root span.
    root: String,
    /// The policies that its spans say sampled them.
    policies: BTreeSet<String>,
}

type Traces = BTreeMap<Vec<u8>, Trace>;

/// Under which `adaptive_tail_sampling` says the rule.
const ADAPTIVE_RULE: &str = "otelcol.processor.adaptive_tail_sampling.rule";

/// Says what became of each trace in each traces pipeline, and how much of each service; with `other` also what another
/// manifest, of that name, makes of it.
pub(super) fn explain(
    requests: &[Recorded],
    replayed: &Replayed,
    other: Option<(&str, &Replayed)>,
) -> Result<String, Failure> {
    let mut recorded = Traces::new();
    for request in requests.iter().filter(|one| one.signal == Signal::Traces) {
        add(&mut recorded, &request.bytes)?;
    }
    let mut out = String::new();
    for (pipeline, batches) in replayed {
        if pipeline.signal != Signal::Traces {
            continue;
        }
        let kept = collect(batches)?;
        match other {
            None => explain_pipeline(&mut out, pipeline, &recorded, &kept),
            Some((name, others)) => {
                let others = others.iter().find(|(id, _)| id == pipeline);
                let others = others.ok_or_else(|| {
                    Failure(format!(
                        "error: {name} has no pipeline {pipeline} to compare"
                    ))
                })?;
                let others = collect(&others.1)?;
                compare(&mut out, pipeline, &recorded, [&kept, &others], name);
            }
        }
    }
    Ok(out)
}

fn collect(batches: &[spanmill_otlp::Spliced]) -> Result<Traces, Failure> {
    let mut traces = Traces::new();
    for batch in batches {
        add(&mut traces, &batch.bytes)?;
    }
    Ok(traces)
}

fn add(traces: &mut Traces, request: &[u8]) -> Result<(), Failure> {
    let request = ExportTraceServiceRequest::decode(request)
        .map_err(|error| Failure(format!("error: the input: {error}")))?;
    for resource in request.resource_spans {
        let attributes = resource
            .resource
            .map(|of| of.attributes)
            .unwrap_or_default();
        let service = text(&attributes, "service.name").unwrap_or("(no service.name)");
        for span in resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            let trace = traces.entry(span.trace_id).or_default();
            trace.spans += 1;
            if !trace.services.contains(service) {
                trace.services.insert(service.to_owned());
            }
            if let Some(policy) = text(&span.attributes, "tailsampling.policy") {
                let sub_policy = text(&span.attributes, "tailsampling.composite_policy");
                trace.policies.insert(match sub_policy {
                    Some(sub_policy) => format!("{policy}, {sub_policy}"),
                    None => policy.to_owned(),
                });
            } else if let Some(rule) = text(&span.attributes, ADAPTIVE_RULE) {
                trace.policies.insert(rule.to_owned());
            }
            if span.parent_span_id.is_empty() {
                trace.root = span.name;
            }
        }
    }
    Ok(())
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match &found.value {
        Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }) => Some(text),
        _ => None,
    }
}

/// Controls would move the cursor of whoever reads it.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(60)
        .collect()
}

fn row(id: &[u8], trace: &Trace) -> Vec<String> {
    let id = id.iter().fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    });
    let services: Vec<String> = trace
        .services
        .iter()
        .map(|service| shown(service))
        .collect();
    vec![id, services.join(","), shown(&trace.root)]
}

/// What is left of a trace, in words.
fn fate(recorded: &Trace, kept: Option<&Trace>) -> String {
    let Some(kept) = kept else {
        return "dropped".to_owned();
    };
    let by: Vec<String> = kept.policies.iter().map(|policy| shown(policy)).collect();
    let by = match by.is_empty() {
        true => String::new(),
        false => format!(" by {}", by.join(" and ")),
    };
    match kept.spans == recorded.spans {
        true => format!("kept{by}"),
        false => format!("{} of {} spans kept{by}", kept.spans, recorded.spans),
    }
}

fn explain_pipeline(out: &mut String, pipeline: &PipelineId, recorded: &Traces, kept: &Traces) {
    let _ = writeln!(out, "pipeline {pipeline}");
    let mut rows = vec![header(&[
        "trace",
        "services",
        "root span",
        "decision",
        "spans",
    ])];
    for (id, trace) in recorded {
        let mut row = row(id, trace);
        row.push(fate(trace, kept.get(id)));
        row.push(trace.spans.to_string());
        rows.push(row);
    }
    table(out, &rows, 4);
    volumes(out, recorded, &[("kept", kept)]);
}

fn compare(
    out: &mut String,
    pipeline: &PipelineId,
    recorded: &Traces,
    [kept, others]: [&Traces; 2],
    name: &str,
) {
    let _ = writeln!(
        out,
        "pipeline {pipeline}: traces that only one of the two keeps, or differently"
    );
    let mut rows = vec![header(&[
        "trace",
        "services",
        "root span",
        "here",
        name,
        "spans",
    ])];
    for (id, trace) in recorded {
        let fates = [kept, others].map(|traces| fate(trace, traces.get(id)));
        let spans = [kept, others].map(|traces| traces.get(id).map(|trace| trace.spans));
        if spans[0] == spans[1] {
            continue;
        }
        let mut row = row(id, trace);
        row.extend(fates);
        row.push(trace.spans.to_string());
        rows.push(row);
    }
    match rows.len() {
        1 => out.push_str("none\n"),
        _ => table(out, &rows, 5),
    }
    volumes(out, recorded, &[("here", kept), (name, others)]);
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn table(out: &mut String, rows: &[Vec<String>], words: usize) {
    for line in aligned(rows, words) {
        out.push_str(&line);
        out.push('\n');
    }
}

/// How many traces and spans there are of each service; traces count for each of their services.
fn volumes(out: &mut String, recorded: &Traces, kept: &[(&str, &Traces)]) {
    let services: BTreeSet<&str> = recorded
        .values()
        .flat_map(|trace| trace.services.iter().map(String::as_str))
        .collect();
    let mut names = vec![
        "service".to_owned(),
        "traces".to_owned(),
        "spans".to_owned(),
    ];
    for (name, _) in kept {
        names.extend([format!("traces {name}"), format!("spans {name}")]);
    }
    let mut rows = vec![names];
    let count = |traces: &Traces, service: Option<&str>| {
        let of = |trace: &&Trace| service.is_none_or(|service| trace.services.contains(service));
        let of_service: Vec<&Trace> = traces.values().filter(of).collect();
        let spans: usize = of_service.iter().map(|trace| trace.spans).sum();
        [of_service.len().to_string(), spans.to_string()]
    };
    for service in services.into_iter().map(Some).chain([None]) {
        let mut row = vec![service.map_or("all".to_owned(), shown)];
        row.extend(count(recorded, service));
        for (_, traces) in kept {
            row.extend(count(traces, service));
        }
        rows.push(row);
    }
    out.push('\n');
    table(out, &rows, 1);
    out.push('\n');
}
