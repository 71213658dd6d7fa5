//! Memory is kept from batch to batch: a batch that is like the one before it allocates a few times in all,
//! however many spans it holds.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy frees test functions from these, and not what they call"
)]

mod counting;

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spanmill_otlp::{
    Append, CellColumn, Context, Outcome, Pool, Projection, Replacement, Request, Signal,
    StageContract, Verdicts, Workspace, Write,
};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// A request of `count` spans; most texts are those of no other `batch`.
fn request(count: u32, batch: u32) -> Bytes {
    let text = |key: &str, value: String| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value)),
        }),
        ..KeyValue::default()
    };
    let span = |number: u32| Span {
        trace_id: vec![number as u8; 16],
        span_id: vec![number as u8; 8],
        name: format!("GET /{}", number % 20),
        attributes: vec![
            text("http.route", format!("/{}", number % 20)),
            text("url.path", format!("/{number}/{batch}")),
            text("user.email", format!("user{}@example.com", number % 300)),
            text("a key of more than thirty-two bytes", number.to_string()),
        ],
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
    let request = ExportTraceServiceRequest { resource_spans };
    request.encode_to_vec().into()
}

fn workspace() -> Workspace {
    let paths =
        |paths: &[&str]| -> Vec<String> { paths.iter().map(|&path| path.to_owned()).collect() };
    let reads = paths(&[
        "span.trace_id",
        "span.name",
        "span.attributes",
        "span.attributes[\"http.route\"]",
        "spanevent.name",
    ]);
    let writes = paths(&["span.attributes", "span.name"]);
    let contract = StageContract::parse(&reads, &writes).unwrap();
    let stages = vec![contract.clone(), contract];
    Workspace::new(Arc::new(Projection::new(stages, &[]).unwrap()))
}

/// Drops every other span, masks addresses, renames the spans, and adds an attribute to each.
fn outcome(rows: u32, texts: u32, addresses: Vec<u32>) -> Outcome {
    let one = || CellColumn {
        kinds: vec![1],
        bits: vec![u64::from(texts)],
    };
    Outcome {
        verdicts: vec![Verdicts {
            context: Context::Span,
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
fn run(workspace: &mut Workspace, bytes: Bytes) -> usize {
    let begun = counting::count();
    let request = Request::parse(Signal::Traces, bytes).unwrap();
    workspace.load(request, 1).unwrap();
    let mut for_outcomes = 0;
    for stage in 0..2 {
        let view = workspace.view(stage).unwrap();
        let outcomes_begun = counting::count();
        let spans = &view.tables[2];
        let mut addresses = Vec::new();
        let mut start = 0;
        for (text, &end) in (0u32..).zip(view.texts.ends) {
            if view.texts.bytes[start..end as usize].contains(&b'@') {
                addresses.push(text);
            }
            start = end as usize;
        }
        let outcome = outcome(spans.rows, view.texts.ends.len() as u32, addresses);
        for_outcomes += counting::count() - outcomes_begun;
        workspace.apply(stage, &outcome).unwrap();
    }
    assert!(!workspace.splice().bytes.is_empty());
    counting::count() - begun - for_outcomes
}

#[test]
fn a_second_batch_allocates_a_few_times_whatever_its_size() {
    for count in [10, 1000, 4000] {
        let mut workspace = workspace();
        run(&mut workspace, request(count, 1));
        let again = run(&mut workspace, request(count, 2));
        // Growing vectors of the outcome of one batch count too, a few more for each doubling.
        assert!(again < 80, "{again} allocations for {count} spans");
    }
}
