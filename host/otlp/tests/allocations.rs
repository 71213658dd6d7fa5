//! Memory is kept from batch to batch: a batch that is like the one before it allocates a few times in all,
//! however many items it holds.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy frees test functions from these, and not what they call"
)]

mod counting;

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    number_data_point,
};
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spanmill_otlp::{
    Append, CellColumn, Context, Outcome, Pool, Projection, Replacement, Request, Signal,
    StageContract, Verdicts, Workspace, Write,
};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

fn text(key: &str, value: String) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: any_text(value),
        ..KeyValue::default()
    }
}

fn any_text(value: String) -> Option<AnyValue> {
    Some(AnyValue {
        value: Some(Value::StringValue(value)),
    })
}

/// Attributes, most of which no other `batch` has.
fn attributes(number: u32, batch: u32) -> Vec<KeyValue> {
    vec![
        text("http.route", format!("/{}", number % 20)),
        text("url.path", format!("/{number}/{batch}")),
        text("user.email", format!("user{}@example.com", number % 300)),
        text("a key of more than thirty-two bytes", number.to_string()),
    ]
}

/// A request of `count` spans.
fn traces(count: u32, batch: u32) -> Vec<u8> {
    let span = |number: u32| Span {
        trace_id: vec![number as u8; 16],
        span_id: vec![number as u8; 8],
        name: format!("GET /{}", number % 20),
        attributes: attributes(number, batch),
        events: vec![Event {
            name: "exception".to_owned(),
            ..Event::default()
        }],
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans {
        spans: (0..count).map(span).collect(),
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// A request of `count` log records.
fn logs(count: u32, batch: u32) -> Vec<u8> {
    let record = |number: u32| LogRecord {
        time_unix_nano: 1,
        severity_text: ["INFO", "WARN"][number as usize % 2].to_owned(),
        body: any_text(format!("request {number} of {batch} took long")),
        attributes: attributes(number, batch),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs {
        log_records: (0..count).map(record).collect(),
        ..ScopeLogs::default()
    }];
    let resource_logs = vec![ResourceLogs {
        scope_logs,
        ..ResourceLogs::default()
    }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// A request of `count` data points, some to a metric.
fn metrics(count: u32, batch: u32) -> Vec<u8> {
    let number = |number: u32| NumberDataPoint {
        attributes: attributes(number, batch),
        value: Some(number_data_point::Value::AsInt(1)),
        ..NumberDataPoint::default()
    };
    let histogram = |number: u32| HistogramDataPoint {
        attributes: attributes(number, batch),
        bucket_counts: vec![1; 4],
        ..HistogramDataPoint::default()
    };
    let metric = |first: u32| {
        let points = first..(first + 10).min(count);
        Metric {
            name: format!("metric {}", first / 10 % 30),
            data: Some(match first % 20 {
                0 => Data::Sum(Sum {
                    data_points: points.map(number).collect(),
                    ..Sum::default()
                }),
                _ => Data::Histogram(Histogram {
                    data_points: points.map(histogram).collect(),
                    ..Histogram::default()
                }),
            }),
            ..Metric::default()
        }
    };
    let scope_metrics = vec![ScopeMetrics {
        metrics: (0..count).step_by(10).map(metric).collect(),
        ..ScopeMetrics::default()
    }];
    let resource_metrics = vec![ResourceMetrics {
        scope_metrics,
        ..ResourceMetrics::default()
    }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

/// Two stages that read some fields, and write the attributes of the items and a text.
fn workspace(signal: Signal) -> Workspace {
    let (reads, writes): (&[&str], _) = match signal {
        Signal::Traces => (
            &[
                "span.trace_id",
                "span.name",
                "span.attributes",
                "span.attributes[\"http.route\"]",
                "spanevent.name",
            ],
            ["span.attributes", "span.name"],
        ),
        Signal::Logs => (
            &[
                "log.body",
                "log.severity_text",
                "log.attributes",
                "log.attributes[\"http.route\"]",
            ],
            ["log.attributes", "log.body"],
        ),
        Signal::Metrics => (
            &[
                "metric.name",
                "metric.type",
                "datapoint.value",
                "datapoint.attributes",
                "datapoint.attributes[\"http.route\"]",
            ],
            ["datapoint.attributes", "metric.name"],
        ),
    };
    let owned = |paths: &[&str]| -> Vec<String> { paths.iter().map(|&path| path.into()).collect() };
    let contract = StageContract::parse(&owned(reads), &owned(&writes)).unwrap();
    let stages = vec![contract.clone(), contract];
    Workspace::new(Arc::new(Projection::new(stages, &[]).unwrap()))
}

/// Drops every other item, masks addresses, writes a text, and adds an attribute to each item.
fn outcome(item: Context, rows: u32, texts: u32, addresses: Vec<u32>) -> Outcome {
    let one = || CellColumn {
        kinds: vec![1],
        bits: vec![u64::from(texts)],
    };
    Outcome {
        verdicts: vec![Verdicts {
            context: item,
            rows: (0..rows).map(|row| (row % 2) as u8).collect(),
        }],
        texts: Pool {
            ends: vec![4],
            bytes: b"****".to_vec(),
        },
        writes: vec![Write {
            field: 1,
            rows: Vec::new(),
            values: one(),
        }],
        replacements: vec![Replacement {
            field: 0,
            new: vec![texts; addresses.len()],
            old: addresses,
        }],
        appends: vec![Append {
            field: 0,
            rows: (0..rows).collect(),
            keys: vec![texts; rows as usize],
            values: CellColumn {
                kinds: vec![3; rows as usize],
                bits: vec![7; rows as usize],
            },
        }],
        ..Outcome::default()
    }
}

/// Takes a batch through two stages; gives how often memory was allocated, not counting the outcomes.
fn run(workspace: &mut Workspace, signal: Signal, bytes: Bytes) -> usize {
    let begun = counting::count();
    let request = Request::parse(signal, bytes).unwrap();
    workspace.load(request, 1).unwrap();
    let mut for_outcomes = 0;
    for stage in 0..2 {
        let view = workspace.view(stage).unwrap();
        let outcomes_begun = counting::count();
        let mut tables = view.tables.iter();
        let items = tables.find(|table| table.context == signal.item()).unwrap();
        let mut addresses = Vec::new();
        let mut start = 0;
        for (text, &end) in (0u32..).zip(view.texts.ends) {
            if view.texts.bytes[start..end as usize].contains(&b'@') {
                addresses.push(text);
            }
            start = end as usize;
        }
        let outcome = outcome(
            signal.item(),
            items.rows,
            view.texts.ends.len() as u32,
            addresses,
        );
        for_outcomes += counting::count() - outcomes_begun;
        workspace.apply(stage, &outcome).unwrap();
    }
    assert!(!workspace.splice().bytes.is_empty());
    counting::count() - begun - for_outcomes
}

#[test]
fn a_second_batch_allocates_a_few_times_whatever_its_size() {
    type Encoded = fn(u32, u32) -> Vec<u8>;
    let signals: [(Signal, Encoded); 3] = [
        (Signal::Traces, traces),
        (Signal::Logs, logs),
        (Signal::Metrics, metrics),
    ];
    for (signal, encoded) in signals {
        for count in [10, 1000, 4000] {
            let mut workspace = workspace(signal);
            run(&mut workspace, signal, encoded(count, 1).into());
            let again = run(&mut workspace, signal, encoded(count, 2).into());
            // Growing vectors of the outcome of one batch count too, a few more for each doubling.
            let items = signal.items();
            assert!(again < 80, "{again} allocations for {count} {items}");
        }
    }
}
