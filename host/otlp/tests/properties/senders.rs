//! What is known of a request, as columns beside its resources.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use spanmill_otlp::{
    ABSENT, BatchView, ColumnView, Context, Projection, Request, Sender, Signal, StageContract,
    Workspace,
};

#[derive(Default)]
struct Known {
    headers: BTreeMap<&'static str, Vec<Box<[u8]>>>,
    address: Option<IpAddr>,
}

impl Known {
    fn with(mut self, header: &'static str, value: &[u8]) -> Self {
        self.headers.entry(header).or_default().push(value.into());
        self
    }
}

impl Sender for Known {
    fn header(&self, name: &str) -> &[Box<[u8]>] {
        self.headers.get(name).map_or(&[], Vec::as_slice)
    }

    fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

/// Records of so many resources.
fn request(resources: usize) -> Request {
    let records = ResourceLogs {
        scope_logs: vec![ScopeLogs {
            log_records: vec![LogRecord::default()],
            ..ScopeLogs::default()
        }],
        ..ResourceLogs::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![records; resources],
    };
    Request::parse(Signal::Logs, request.encode_to_vec().into()).unwrap()
}

fn stage(reads: &[&str]) -> StageContract {
    let reads: Vec<String> = reads.iter().map(|path| (*path).to_owned()).collect();
    StageContract::parse(&reads, &[]).unwrap()
}

/// What the resources' column shows, a value for each row.
fn shown(view: &BatchView<'_>, column: usize) -> Vec<Option<Value>> {
    let text = |index: u32| {
        let ends = view.texts.ends;
        let start = index
            .checked_sub(1)
            .map_or(0, |before| ends[before as usize]);
        &view.texts.bytes[start as usize..ends[index as usize] as usize]
    };
    let table = view.tables.first().unwrap();
    assert_eq!(table.context, Context::Resource);
    match table.columns[column] {
        ColumnView::Text(indices) => {
            let of = |index: &u32| {
                let text = (*index != ABSENT).then(|| text(*index));
                text.map(|text| Value::StringValue(String::from_utf8(text.to_vec()).unwrap()))
            };
            indices.iter().map(of).collect()
        }
        ColumnView::Cells(cells) => {
            let values = cells.kinds.iter().zip(cells.bits);
            let values = values.map(|(kind, bits)| match kind {
                5 => Value::BytesValue(text(*bits as u32).to_vec()),
                6 => Value::ArrayValue(ArrayValue::decode(text(*bits as u32)).unwrap()),
                kind => panic!("kind {kind}"),
            });
            values.map(Some).collect()
        }
        _ => panic!("another column"),
    }
}

fn text(text: &str) -> Option<Value> {
    Some(Value::StringValue(text.to_owned()))
}

const READS: [&str; 5] = [
    "request.metadata[\"X-Tenant\"]",
    "request.client.address",
    "request.metadata[\"x-raw\"]",
    "request.metadata[\"x-many\"]",
    "request.metadata[\"missing\"]",
];

#[test]
fn every_resource_has_what_is_known_of_its_request() {
    let projection = Projection::new(vec![stage(&READS)], &[]).unwrap();
    let mut workspace = Workspace::new(Arc::new(projection));
    let known = Known {
        address: Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ..Known::default()
    }
    .with("x-tenant", b"blue")
    .with("x-raw", &[0xff, 1])
    .with("x-many", b"a")
    .with("x-many", &[0xfe])
    .with("authorization", b"a secret");
    workspace.load(request(2), 1).unwrap();
    workspace.set_sender(&known);
    let view = workspace.view(0).unwrap();
    let any = |value: Value| AnyValue { value: Some(value) };
    let many = ArrayValue {
        values: vec![
            any(Value::StringValue("a".to_owned())),
            any(Value::BytesValue(vec![0xfe])),
        ],
    };
    assert_eq!(shown(&view, 0), vec![text("blue"); 2]);
    assert_eq!(shown(&view, 1), vec![text("::1"); 2]);
    assert_eq!(
        shown(&view, 2),
        vec![Some(Value::BytesValue(vec![0xff, 1])); 2]
    );
    assert_eq!(shown(&view, 3), vec![Some(Value::ArrayValue(many)); 2]);
    assert_eq!(shown(&view, 4), vec![None; 2]);
    let pool = String::from_utf8_lossy(view.texts.bytes);
    assert!(!pool.contains("secret"), "a header that nobody declared");
    // What one request came with is not there in the next.
    workspace.load(request(3), 1).unwrap();
    let view = workspace.view(0).unwrap();
    for column in 0..READS.len() {
        assert_eq!(shown(&view, column), vec![None; 3]);
    }
}

#[test]
fn a_header_is_hidden_from_stages_that_do_not_read_it() {
    let stages = vec![stage(&READS), stage(&["request.metadata[\"x-raw\"]"])];
    let mut workspace = Workspace::new(Arc::new(Projection::new(stages, &[]).unwrap()));
    workspace.load(request(1), 1).unwrap();
    workspace.set_sender(
        &Known::default()
            .with("x-tenant", b"blue")
            .with("x-raw", b"seen"),
    );
    let view = workspace.view(1).unwrap();
    assert_eq!(shown(&view, 0), [text("seen")]);
    assert!(!String::from_utf8_lossy(view.texts.bytes).contains("blue"));
}

#[test]
fn nobody_writes_what_a_request_came_with() {
    for path in ["request.metadata[\"a\"]", "request.client.address"] {
        let refused = StageContract::parse(&[], &[path.to_owned()]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("`{path}` cannot be written by a plugin")
        );
    }
}
