//! What the targets share: the fields they ask for, and requests to start from.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use spanmill_otlp::{Projection, StageContract, Workspace};

/// Every field there is but the attributes by key.
const READS: &[&str] = &[
    "resource.attributes",
    "resource.dropped_attributes_count",
    "resource.schema_url",
    "scope.name",
    "scope.version",
    "scope.attributes",
    "scope.dropped_attributes_count",
    "scope.schema_url",
    "span.trace_id",
    "span.span_id",
    "span.parent_span_id",
    "span.trace_state",
    "span.name",
    "span.status.message",
    "span.kind",
    "span.status.code",
    "span.flags",
    "span.dropped_attributes_count",
    "span.dropped_events_count",
    "span.dropped_links_count",
    "span.start_time_unix_nano",
    "span.end_time_unix_nano",
    "span.attributes",
    "span.attributes[\"k1\"]",
    "spanevent.name",
    "spanevent.time_unix_nano",
    "spanevent.attributes",
    "spanevent.dropped_attributes_count",
    "spanlink.trace_id",
    "spanlink.span_id",
    "spanlink.trace_state",
    "spanlink.flags",
    "spanlink.dropped_attributes_count",
    "spanlink.attributes",
];

/// What the first stage writes: every field that may be written.
pub const WRITES: &[&str] = &[
    "resource.attributes",
    "resource.attributes[\"k1\"]",
    "scope.name",
    "scope.attributes",
    "span.trace_state",
    "span.name",
    "span.status.message",
    "span.kind",
    "span.status.code",
    "span.start_time_unix_nano",
    "span.attributes",
    "span.attributes[\"k1\"]",
    "spanevent.name",
    "spanevent.time_unix_nano",
    "spanevent.attributes",
    "spanevent.attributes[\"k1\"]",
    "spanlink.attributes",
];

/// What the second stage reads, which is less: most texts are hidden from it.
const FEW: &[&str] = &["span.name", "span.attributes[\"k1\"]"];

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}

/// Runs something over the memory of a chain: a stage that sees everything, and one that sees little. The
/// memory is kept, so that what one input leaves behind can be found by the next.
pub fn with_workspace<T>(run: impl FnOnce(&mut Workspace) -> T) -> T {
    thread_local!(static WORKSPACE: RefCell<Workspace> = RefCell::new(workspace()));
    WORKSPACE.with(|workspace| run(&mut workspace.borrow_mut()))
}

fn workspace() -> Workspace {
    let wide = StageContract::parse(&owned(READS), &owned(WRITES)).unwrap();
    let narrow = StageContract::parse(&owned(FEW), &owned(FEW)).unwrap();
    let projection = Projection::new(vec![wide, narrow], &Workspace::span_id_paths()).unwrap();
    Workspace::new(Arc::new(projection))
}

fn pair(key: &str, value: Option<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.map(|value| AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(value: &str) -> Option<Value> {
    Some(Value::StringValue(value.to_owned()))
}

fn attributes(number: u8) -> Vec<KeyValue> {
    let inner = vec![pair("inner", text("é")), pair("none", None)];
    let mut all = vec![
        pair("k1", text("v1")),
        pair("http.route", text("/api/v1/users")),
        pair("count", Some(Value::IntValue(-1))),
        pair("ratio", Some(Value::DoubleValue(0.5))),
        pair("on", Some(Value::BoolValue(true))),
        pair("raw", Some(Value::BytesValue(vec![0, 255]))),
        pair(
            "map",
            Some(Value::KvlistValue(KeyValueList { values: inner })),
        ),
        pair(
            "list",
            Some(Value::ArrayValue(ArrayValue {
                values: vec![AnyValue {
                    value: Some(Value::IntValue(1)),
                }],
            })),
        ),
        pair("empty", None),
        pair("k1", text("again")),
    ];
    all.rotate_left(usize::from(number) % 10);
    all.truncate(usize::from(number % 11));
    all
}

fn span(number: u8) -> Span {
    Span {
        trace_id: vec![number; 16],
        span_id: vec![number; 8],
        parent_span_id: vec![1; 8],
        trace_state: ["", "ot=th:8", "vendor=x"][usize::from(number % 3)].to_owned(),
        name: format!("GET /{}", number % 4),
        kind: i32::from(number % 6),
        start_time_unix_nano: 1_790_000_000_000_000_000,
        end_time_unix_nano: 1_790_000_000_000_000_000 + u64::from(number),
        attributes: attributes(number),
        events: (0..number % 3)
            .map(|event| Event {
                time_unix_nano: u64::from(event),
                name: "exception".to_owned(),
                attributes: attributes(event + 1),
                dropped_attributes_count: 1,
            })
            .collect(),
        links: (0..number % 2)
            .map(|link| Link {
                trace_id: vec![link; 16],
                attributes: attributes(2),
                ..Link::default()
            })
            .collect(),
        status: (number % 2 == 0).then(|| Status {
            code: 2,
            message: "v1".to_owned(),
        }),
        flags: 0x101,
        ..Span::default()
    }
}

/// Requests to start from, each of more parts than the one before.
pub static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(seeds);

fn seeds() -> Vec<Vec<u8>> {
    let request = |resources: u8| ExportTraceServiceRequest {
        resource_spans: (0..resources)
            .map(|resource| ResourceSpans {
                resource: (resource % 3 != 2).then(|| Resource {
                    attributes: attributes(resource + 2),
                    ..Resource::default()
                }),
                scope_spans: (0..resource % 3 + 1)
                    .map(|scope| ScopeSpans {
                        scope: (scope % 2 == 0).then(|| InstrumentationScope {
                            name: "lib".to_owned(),
                            version: "1".to_owned(),
                            attributes: attributes(scope),
                            ..InstrumentationScope::default()
                        }),
                        spans: (0..resources).map(|row| span(row * 5 + scope)).collect(),
                        schema_url: "https://opentelemetry.io/schemas/1.21.0".to_owned(),
                    })
                    .collect(),
                ..ResourceSpans::default()
            })
            .collect(),
    };
    (0..6).map(|size| request(size).encode_to_vec()).collect()
}

/// Puts inputs into the folder that the command line names, which the fuzzer reads next.
pub fn plant(inputs: impl Iterator<Item = Vec<u8>>) {
    let folder = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let Some(folder) = folder.map(PathBuf::from).filter(|path| path.is_dir()) else {
        return;
    };
    for (number, input) in inputs.enumerate() {
        // A folder that cannot be written to only makes the start slower.
        let _ = std::fs::write(folder.join(format!("seed-{number}")), input);
    }
}
