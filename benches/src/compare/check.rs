//! Whether contestants do the same: their output for the same batches, as sets of spans and of series.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use super::batches::{Batches, Shape};
use super::contestants::{Contestant, Entry, Home, Program};
use super::load::Wire;
use super::manifest::Pipeline;
use super::metrics::{self, Series};

/// Short, so that totals come soon after the spans.
const FLUSH: &str = "500ms";

/// Attributes as a map: their order says nothing.
pub fn map(attributes: &[KeyValue]) -> String {
    let mut pairs: Vec<String> = attributes
        .iter()
        .map(|pair| {
            let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
            format!("{}={value:?}", pair.key)
        })
        .collect();
    pairs.sort_unstable();
    pairs.join(" ")
}

/// A span's fields by name, those of its resource and scope included.
type Fields = BTreeMap<&'static str, String>;

fn fields(span: &Span) -> Fields {
    let Span {
        trace_id,
        span_id: _,
        trace_state,
        parent_span_id,
        flags,
        name,
        kind,
        start_time_unix_nano,
        end_time_unix_nano,
        attributes,
        dropped_attributes_count,
        events,
        dropped_events_count,
        links,
        dropped_links_count,
        status,
    } = span;
    let mut told: Vec<String> = Vec::new();
    for event in events {
        let attributes = map(&event.attributes);
        told.push(format!(
            "{} {} {attributes}",
            event.time_unix_nano, event.name
        ));
    }
    let status = status.clone().unwrap_or_default();
    fn text(value: &impl Debug) -> String {
        format!("{value:?}")
    }
    Fields::from([
        ("trace_id", text(trace_id)),
        ("trace_state", trace_state.clone()),
        ("parent_span_id", text(parent_span_id)),
        ("flags", text(flags)),
        ("name", name.clone()),
        ("kind", text(kind)),
        ("start", text(start_time_unix_nano)),
        ("end", text(end_time_unix_nano)),
        ("attributes", map(attributes)),
        ("dropped_attributes_count", text(dropped_attributes_count)),
        ("events", told.join("\n")),
        ("dropped_events_count", text(dropped_events_count)),
        ("links", text(links)),
        ("dropped_links_count", text(dropped_links_count)),
        ("status", format!("{} {}", status.code, status.message)),
    ])
}

/// Fields that `COMPARE_IGNORE` takes out, for timing in spite of a difference that is known; the report names them.
pub fn ignored() -> Vec<String> {
    let names = std::env::var("COMPARE_IGNORE").unwrap_or_default();
    let names = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Spans by their id, which is random and so tells them apart.
pub fn spans(requests: &[Bytes]) -> Result<BTreeMap<Vec<u8>, Fields>> {
    let ignored = ignored();
    let mut all = BTreeMap::new();
    for request in requests {
        let request = ExportTraceServiceRequest::decode(request.clone())?;
        for resource in request.resource_spans {
            let of_resource = map(&resource.resource.unwrap_or_default().attributes);
            for scope in resource.scope_spans {
                let urls = format!("{} {}", resource.schema_url, scope.schema_url);
                let of_scope = scope.scope.unwrap_or_default();
                let name = format!("{} {}", of_scope.name, of_scope.version);
                for span in &scope.spans {
                    let mut fields = fields(span);
                    fields.insert("resource", of_resource.clone());
                    fields.insert("scope", format!("{name} {}", map(&of_scope.attributes)));
                    fields.insert("schema urls", urls.clone());
                    fields.retain(|name, _| !ignored.iter().any(|ignored| ignored == name));
                    let twice = all.insert(span.span_id.clone(), fields);
                    ensure!(twice.is_none(), "a span came twice: {:?}", span.span_id);
                }
            }
        }
    }
    Ok(all)
}

/// What a contestant made of some batches.
pub struct Output {
    spans: BTreeMap<Vec<u8>, Fields>,
    series: Series,
}

/// Sends a few batches through a contestant of its own.
async fn output(home: &Home, entry: Entry, wire: Wire, batches: &Batches) -> Result<Output> {
    let contestant = Contestant::start(home, entry, wire, FLUSH, true).await?;
    for batch in &batches.encoded {
        let sent = contestant.load.send(batch.clone()).await;
        sent.with_context(|| contestant.log())?;
    }
    let mut last = Series::new();
    if entry.pipeline.measures() {
        // Until nothing changes any more.
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(800)).await;
            let now = metrics::series(&contestant.sink.metrics())?;
            if !now.is_empty() && now == last {
                break;
            }
            last = now;
        }
        ensure!(!last.is_empty(), "no metrics came\n{}", contestant.log());
    }
    Ok(Output {
        spans: spans(&contestant.sink.traces())?,
        series: last,
    })
}

fn differences<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    ours: &BTreeMap<K, V>,
    theirs: &BTreeMap<K, V>,
    values: impl Fn(&V, &V) -> String,
    found: &mut Vec<String>,
) {
    let missing: Vec<&K> = theirs
        .keys()
        .filter(|key| !ours.contains_key(key))
        .collect();
    let further: Vec<&K> = ours
        .keys()
        .filter(|key| !theirs.contains_key(key))
        .collect();
    for (which, keys) in [("missing", missing), ("further", further)] {
        if let Some(first) = keys.first() {
            found.push(format!("{} {what} {which}, as {first:?}", keys.len()));
        }
    }
    let unequal = ours
        .iter()
        .filter_map(|(key, value)| Some((key, value, theirs.get(key)?)))
        .filter(|(_, value, other)| value != other);
    let unequal: Vec<_> = unequal.collect();
    if let Some((key, value, other)) = unequal.first() {
        let how = values(value, other);
        found.push(format!(
            "{} {what} differ, as {key:?}: {how}",
            unequal.len()
        ));
    }
}

fn fields_that_differ(ours: &Fields, theirs: &Fields) -> String {
    let unequal = ours
        .iter()
        .filter(|(name, value)| theirs.get(*name) != Some(value));
    let told: Vec<String> = unequal
        .map(|(name, value)| format!("{name}: {value:?} is not {:?}", theirs.get(name)))
        .collect();
    told.join("; ")
}

/// A line on how a pipeline's contestants were found equal.
///
/// # Errors
///
/// If they are not: every kind of difference, each with one example.
pub async fn equal(home: &Home, pipeline: Pipeline, wire: Wire) -> Result<String> {
    let mut batches = Batches::new(Shape {
        bytes: 1000,
        spans: 1000,
    });
    batches.encoded.truncate(8);
    let mut programs = vec![Program::Collector, Program::Spanmill];
    if pipeline.has_built_ins() {
        programs.push(Program::Native);
    }
    if pipeline == Pipeline::Passthrough && !wire.http && !wire.zstd {
        programs.push(Program::NullProxy);
    }
    let mut outputs = Vec::new();
    for program in &programs {
        let entry = Entry {
            program: *program,
            pipeline,
        };
        outputs.push(output(home, entry, wire, &batches).await?);
    }
    let mut found = Vec::new();
    let collector = &outputs[0];
    for (program, output) in programs.iter().zip(&outputs).skip(1) {
        let mut here = Vec::new();
        let (ours, theirs) = (&output.spans, &collector.spans);
        differences("spans", ours, theirs, fields_that_differ, &mut here);
        let (ours, theirs) = (&output.series, &collector.series);
        let values = |ours: &Vec<u64>, theirs: &Vec<u64>| format!("{ours:?} is not {theirs:?}");
        differences("series", ours, theirs, values, &mut here);
        found.extend(
            here.iter()
                .map(|difference| format!("{program}: {difference}")),
        );
    }
    ensure!(
        found.is_empty(),
        "not the same output, {pipeline}, {wire}:\n{}",
        found.join("\n")
    );
    let mut said = format!(
        "{pipeline}, {wire}: {} of {} spans arrive",
        collector.spans.len(),
        batches.encoded.len() * batches.shape.spans
    );
    if !collector.series.is_empty() {
        said.push_str(&format!(
            ", {} series count {} calls",
            collector.series.len(),
            metrics::calls(&collector.series)
        ));
    }
    Ok(said)
}
