//! Answers that are small and would make a batch huge, or take long to apply: refused as a whole, before anything is written.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy frees test functions from these, and not what they call"
)]

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use spanmill_otlp::{
    Append, CellColumn, EntryWrite, Outcome, OutcomeError, Pool, Projection, Replacement, Request,
    Signal, StageContract, Workspace, Write,
};

const SPANS: usize = 600;
const FIELDS: [&str; 3] = ["span.name", "span.attributes", "span.attributes[\"k\"]"];
/// A kind of cell: a text.
const TEXT: u8 = 1;
/// And another: a whole number.
const INT: u8 = 3;

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Value::StringValue(value.to_owned());
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// Spans with names that are all alike but for the last, and an attribute each; the last has one more, whose key has
/// 1 MiB.
fn batch() -> Bytes {
    let name = |number| if number == SPANS { "last" } else { "alike" };
    let spans = (1..=SPANS).map(|number| Span {
        name: name(number).to_owned(),
        attributes: vec![attribute("k", name(number))],
        ..Span::default()
    });
    let mut spans: Vec<Span> = spans.collect();
    if let Some(last) = spans.last_mut() {
        last.attributes
            .push(attribute(&"x".repeat(1 << 20), "last"));
    }
    let scope_spans = ScopeSpans {
        spans,
        ..ScopeSpans::default()
    };
    let resource_spans = ResourceSpans {
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![resource_spans],
    };
    request.encode_to_vec().into()
}

/// Applies an outcome made with the numbers of `alike`, `last` and a new text of 1 MiB; gives what is left after it.
fn applied(make: impl FnOnce(u32, u32, u32) -> Outcome) -> (Result<(), OutcomeError>, Bytes) {
    let fields = FIELDS.map(str::to_owned);
    let contract = StageContract::parse(&fields, &fields).unwrap();
    let mut workspace = Workspace::new(Arc::new(Projection::new(vec![contract], &[]).unwrap()));
    workspace
        .load(Request::parse(Signal::Traces, batch()).unwrap(), 1)
        .unwrap();
    workspace.view(0).unwrap();
    let known = |text: &[u8]| {
        let len = workspace.pool_len(0);
        (0..len).find(|&at| workspace.text(at) == text).unwrap()
    };
    let (alike, last) = (known(b"alike"), known(b"last"));
    let mut outcome = make(alike, last, workspace.pool_len(0));
    outcome.texts = Pool {
        ends: vec![1 << 20],
        bytes: vec![b'x'; 1 << 20],
    };
    let result = workspace.apply(0, &outcome).map(|_| ());
    (result, workspace.splice().bytes)
}

fn texts(count: usize, text: u32) -> CellColumn {
    CellColumn {
        kinds: vec![TEXT; count],
        bits: vec![text.into(); count],
    }
}

fn write(field: u32, values: CellColumn) -> Outcome {
    let rows = Vec::new();
    Outcome {
        writes: vec![Write {
            field,
            rows,
            values,
        }],
        ..Outcome::default()
    }
}

fn replacement(field: u32, old: u32, new: u32) -> Outcome {
    let (old, new) = (vec![old], vec![new]);
    Outcome {
        replacements: vec![Replacement { field, old, new }],
        ..Outcome::default()
    }
}

fn all_rows() -> Vec<u32> {
    (0..SPANS as u32).collect()
}

fn is_refused(what: &str, make: impl FnOnce(u32, u32, u32) -> Outcome) {
    let (result, left) = applied(make);
    let refused = matches!(result, Err(OutcomeError::Edits { limit_mib: 256 }));
    assert!(refused, "{what}: {result:?}");
    assert!(left == batch(), "{what}: something was written");
}

#[test]
fn a_long_text_in_every_row_is_refused() {
    is_refused("one name for all", |_, _, new| write(0, texts(1, new)));
    is_refused("a name each", |_, _, new| write(0, texts(SPANS, new)));
    is_refused("one value for all", |_, _, new| write(2, texts(1, new)));
    is_refused("entries", |_, _, new| Outcome {
        entry_writes: vec![EntryWrite {
            field: 1,
            entries: all_rows(),
            values: texts(SPANS, new),
        }],
        ..Outcome::default()
    });
    for (what, key, value) in [("values", false, true), ("keys", true, false)] {
        is_refused(what, |alike, _, new| Outcome {
            appends: vec![Append {
                field: 1,
                rows: all_rows(),
                keys: vec![if key { new } else { alike }; SPANS],
                values: texts(SPANS, if value { new } else { alike }),
            }],
            ..Outcome::default()
        });
    }
    for field in 0..3 {
        is_refused("a replacement", |alike, _, new| {
            replacement(field, alike, new)
        });
    }
}

#[test]
fn writing_one_place_over_and_over_ends() {
    // The entry with the long key, which is written again with each value.
    let over_and_over = |value: fn(u64) -> u64| {
        let again = |time| EntryWrite {
            field: 1,
            entries: vec![SPANS as u32],
            values: CellColumn {
                kinds: vec![INT],
                bits: vec![value(time)],
            },
        };
        Outcome {
            entry_writes: (0..600).map(again).collect(),
            ..Outcome::default()
        }
    };
    let (result, _) = applied(|_, _, _| over_and_over(|time| time));
    let refused = matches!(result, Err(OutcomeError::Edits { limit_mib: 512 }));
    assert!(refused, "{result:?}");
    // The same value is written once.
    let (result, _) = applied(|_, _, _| over_and_over(|_| 7));
    assert_eq!(result, Ok(()));
}

#[test]
fn a_long_text_that_stands_where_few_stood_is_taken() {
    for field in 0..3 {
        let (result, left) = applied(|_, last, new| replacement(field, last, new));
        assert_eq!(result, Ok(()), "field {field}");
        assert!(left.len() > batch().len() + (1 << 20) - 10);
    }
    let (result, left) = applied(|_, _, new| Outcome {
        writes: vec![Write {
            field: 0,
            rows: (0..200).collect(),
            values: texts(1, new),
        }],
        ..Outcome::default()
    });
    assert_eq!(result, Ok(()));
    assert!(left.len() > 200 << 20);
}

#[test]
fn a_long_text_in_every_body_is_refused() {
    let record = |number: usize| LogRecord {
        body: Some(AnyValue {
            value: Some(Value::StringValue(format!("{}", number.min(1)))),
        }),
        ..LogRecord::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: (0..SPANS).map(record).collect(),
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    let bytes = Bytes::from(request.encode_to_vec());
    let body = ["log.body".to_owned()];
    let contract = StageContract::parse(&body, &body).unwrap();
    let mut workspace = Workspace::new(Arc::new(Projection::new(vec![contract], &[]).unwrap()));
    // The first body stands once, the other in all other records.
    for (old, is_refused) in [(Some(0), false), (Some(1), true), (None, true)] {
        let parsed = Request::parse(Signal::Logs, bytes.clone()).unwrap();
        workspace.load(parsed, 1).unwrap();
        workspace.view(0).unwrap();
        let new = workspace.pool_len(0);
        let mut outcome = match old {
            Some(old) => replacement(0, old, new),
            None => write(0, texts(1, new)),
        };
        outcome.texts = Pool {
            ends: vec![1 << 20],
            bytes: vec![b'x'; 1 << 20],
        };
        let result = workspace.apply(0, &outcome);
        let refused = matches!(result, Err(OutcomeError::Edits { limit_mib: 256 }));
        assert_eq!(refused, is_refused, "{old:?}: {result:?}");
        let left = workspace.splice().bytes.len();
        assert_eq!(left > bytes.len() + (1 << 20) - 10, !is_refused);
    }
}

/// A request of many spans, which have a name twice and some attributes each.
fn many_spans(count: usize) -> Bytes {
    let span = Span {
        name: "last".to_owned(),
        attributes: (0..8).map(|_| attribute("a", "b")).collect(),
        ..Span::default()
    };
    let first = [&[0x2a, 5][..], b"first"].concat();
    let span = [first, span.encode_to_vec()].concat();
    let mut rows = Vec::new();
    for _ in 0..count {
        prost::encoding::encode_key(2, prost::encoding::WireType::LengthDelimited, &mut rows);
        prost::encoding::encode_varint(span.len() as u64, &mut rows);
        rows.extend_from_slice(&span);
    }
    let nest = |inner: &[u8], number| {
        let mut out = Vec::new();
        prost::encoding::bytes::encode(number, &inner.to_vec(), &mut out);
        out
    };
    nest(&nest(&rows, 2), 1).into()
}

#[test]
fn edits_in_many_lists_are_refused() {
    const SPANS: u32 = 20_000;
    let fields = FIELDS.map(str::to_owned);
    let contract = StageContract::parse(&fields, &fields).unwrap();
    let mut workspace = Workspace::new(Arc::new(Projection::new(vec![contract], &[]).unwrap()));
    let bytes = many_spans(SPANS as usize);
    let request = Request::parse(Signal::Traces, bytes.clone()).unwrap();
    workspace.load(request.clone(), 1).unwrap();
    workspace.view(0).unwrap();
    let nothing = workspace.pool_len(0);
    let name = (0..nothing).find(|&text| workspace.text(text) == b"last");
    let name = name.unwrap();
    let each = || {
        (0..SPANS).map(|row| Append {
            field: 1,
            rows: vec![row],
            keys: vec![0],
            values: texts(1, 0),
        })
    };
    let appends = Outcome {
        appends: each().collect(),
        ..Outcome::default()
    };
    let writes = Outcome {
        writes: each()
            .map(|append| Write {
                field: 2,
                rows: append.rows,
                values: append.values,
            })
            .collect(),
        ..Outcome::default()
    };
    let replacements = Outcome {
        replacements: each()
            .map(|_| Replacement {
                field: 0,
                old: vec![name],
                new: vec![nothing],
            })
            .collect(),
        texts: Pool {
            ends: vec![0],
            bytes: Vec::new(),
        },
        ..Outcome::default()
    };
    for (mut outcome, what) in [
        (appends, "appends"),
        (writes, "writes"),
        (replacements, "replacements"),
    ] {
        workspace.load(request.clone(), 1).unwrap();
        workspace.view(0).unwrap();
        let result = workspace.apply(0, &outcome);
        assert_eq!(result, Err(OutcomeError::Pieces), "{what}");
        // A hundred are none too many.
        outcome.appends.truncate(100);
        outcome.writes.truncate(100);
        outcome.replacements.truncate(100);
        assert!(workspace.apply(0, &outcome).is_ok(), "{what}");
        assert!(workspace.splice().bytes != bytes, "{what}");
    }
}

#[test]
fn a_field_that_every_row_has_twice_is_written_once_in_each() {
    const SPANS: usize = 50_000;
    let fields = FIELDS.map(str::to_owned);
    let contract = StageContract::parse(&fields, &fields).unwrap();
    let stages = vec![contract.clone(), contract];
    let mut workspace = Workspace::new(Arc::new(Projection::new(stages, &[]).unwrap()));
    let request = Request::parse(Signal::Traces, many_spans(SPANS)).unwrap();
    workspace.load(request, 1).unwrap();
    for stage in 0..2 {
        workspace.view(stage).unwrap();
        let mut outcome = write(0, texts(1, workspace.pool_len(stage)));
        outcome.texts = Pool {
            ends: vec![3],
            bytes: b"new".to_vec(),
        };
        workspace.apply(stage, &outcome).unwrap();
    }
    let out = workspace.splice();
    assert_eq!(out.items, SPANS);
    assert!(!out.bytes.windows(5).any(|window| window == b"first"));
    let decoded = ExportTraceServiceRequest::decode(out.bytes).unwrap();
    let spans = &decoded.resource_spans[0].scope_spans[0].spans;
    assert!(spans.len() == SPANS && spans.iter().all(|span| span.name == "new"));
}
