//! Requests as nobody's SDK writes them: fields in odd places, or twice, or unknown.

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use prost::Message;
use spanmill_otlp::{
    Context, Outcome, Projection, Request, Signal, StageContract, Verdicts, Workspace, Write,
};

use crate::edits::cells;
use crate::export::{agrees_with_prost, logs, metrics, points};
use crate::metrics::points as points_of;
use crate::seen::{Seen, columns};

/// A field that holds bytes.
fn nest(number: u8, inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(number) << 3 | 2, &mut out);
    prost::encoding::encode_varint(inner.len() as u64, &mut out);
    out.extend_from_slice(inner);
    out
}

/// A request with one row in one scope.
fn request(row: &[u8]) -> Vec<u8> {
    nest(1, &nest(2, &nest(2, row)))
}

fn refusal(signal: Signal, bytes: Vec<u8>) -> Option<&'static str> {
    let parsed = Request::parse(signal, bytes.into());
    parsed.err().map(|malformed| malformed.what)
}

/// An attribute.
fn pair(key: &str, value: &[u8]) -> Vec<u8> {
    [nest(1, key.as_bytes()), nest(2, value)].concat()
}

const TEXT: &[u8] = b"\x0a\x01v";
const LIST: &[u8] = b"\x2a\x02\x0a\x00";
const MAP: &[u8] = b"\x32\x00";

#[test]
fn what_decoders_read_in_different_ways_is_refused() {
    let twice = |value: &[u8]| [nest(2, value), nest(2, TEXT)].concat();
    let body = |value: &[u8]| nest(5, value);
    let empty_points = nest(1, b"");
    let cases = [
        (Signal::Traces, nest(9, &twice(b""))),
        (Signal::Traces, nest(9, &twice(TEXT))),
        (Signal::Logs, nest(6, &twice(MAP))),
        (Signal::Logs, [body(TEXT), body(b"")].concat()),
        (Signal::Logs, [body(MAP), body(MAP)].concat()),
        (Signal::Logs, body(&[LIST, LIST].concat())),
        (Signal::Logs, body(&[MAP, TEXT, MAP].concat())),
        (
            Signal::Metrics,
            [nest(5, &empty_points), nest(5, b"")].concat(),
        ),
        (
            Signal::Metrics,
            [nest(5, &empty_points), nest(7, b"")].concat(),
        ),
        (Signal::Metrics, nest(12, &twice(TEXT))),
        (Signal::Metrics, nest(11, &nest(1, &nest(7, &twice(TEXT))))),
    ];
    for (signal, row) in cases {
        let what = refusal(signal, request(&row)).unwrap_or_default();
        assert!(what.contains("twice"), "{signal} {row:?}: {what}");
    }
    // Of two simple values every decoder takes the last.
    for value in [[TEXT, LIST].concat(), [b"\x18\x01", TEXT].concat()] {
        assert_eq!(refusal(Signal::Logs, request(&body(&value))), None);
    }
}

#[test]
fn ids_of_log_records_and_exemplars_have_the_length_that_otlp_gives_them() {
    // Of a number's point, a histogram's and an exponential histogram's.
    let exemplars = [(5, 5), (9, 8), (10, 11)];
    for length in [0, 1, 7, 8, 9, 15, 16, 17, 200] {
        for (right, log, exemplar) in [(16, 9, 5), (8, 10, 4)] {
            let id = |number| nest(number, &vec![1; length]);
            let mut rows = vec![(Signal::Logs, id(log))];
            for (data, field) in exemplars {
                let point = nest(field, &id(exemplar));
                rows.push((Signal::Metrics, nest(data, &nest(1, &point))));
            }
            for (signal, row) in rows {
                match (
                    refusal(signal, request(&row)),
                    length == 0 || length == right,
                ) {
                    (None, true) => {}
                    (Some(what), false) => assert!(what.contains("another length"), "{what}"),
                    (what, _) => panic!("{signal}, {length} bytes: {what:?}"),
                }
            }
        }
    }
}

#[test]
fn lists_of_numbers_may_be_packed_or_not() {
    let histogram = |point: &[u8]| request(&nest(9, &nest(1, point)));
    let exponential = |buckets: &[u8]| request(&nest(10, &nest(1, &nest(8, buckets))));
    let one = [0x31, 1, 0, 0, 0, 0, 0, 0, 0];
    for (bytes, is_right) in [
        (histogram(&nest(6, &[0; 16])), true),
        (histogram(&nest(6, &[0; 15])), false),
        (histogram(&one), true),
        (
            histogram(&[&one[..], &nest(6, &[0; 8]), &one].concat()),
            true,
        ),
        (histogram(&[0x30, 1]), false),
        (exponential(&nest(2, &[1, 0x80, 1])), true),
        (exponential(&nest(2, &[1, 0x80])), false),
        (exponential(&[0x10, 1, 0x10, 2]), true),
        (exponential(&[0x11, 0, 0, 0, 0, 0, 0, 0, 0]), false),
    ] {
        assert_eq!(
            refusal(Signal::Metrics, bytes.clone()).is_none(),
            is_right,
            "{bytes:?}"
        );
        agrees_with_prost::<ExportMetricsServiceRequest>(bytes);
    }
}

#[test]
fn nesting_ends_where_decoders_end_it() {
    for depth in 40..55 {
        // Two messages a level.
        let mut value = TEXT.to_vec();
        for _ in 0..depth {
            value = nest(5, &nest(1, &value));
        }
        agrees_with_prost::<ExportTraceServiceRequest>(request(&nest(9, &nest(2, &value))));
        agrees_with_prost::<ExportLogsServiceRequest>(request(&nest(5, &value)));
        agrees_with_prost::<ExportLogsServiceRequest>(request(&nest(6, &nest(2, &value))));
        for (data, attributes) in [(5, 7), (7, 7), (9, 9), (10, 1), (11, 7)] {
            let point = nest(attributes, &nest(2, &value));
            let row = nest(data, &nest(1, &point));
            agrees_with_prost::<ExportMetricsServiceRequest>(request(&row));
        }
        let exemplar = nest(5, &nest(7, &nest(2, &value)));
        agrees_with_prost::<ExportMetricsServiceRequest>(request(&nest(5, &nest(1, &exemplar))));
        agrees_with_prost::<ExportMetricsServiceRequest>(request(&nest(12, &nest(2, &value))));
    }
}

/// A workspace for one stage, and a request in it.
fn loaded(signal: Signal, bytes: Vec<u8>, reads: &[&str], writes: &[&str]) -> Workspace {
    let strings =
        |paths: &[&str]| -> Vec<String> { paths.iter().map(|&path| path.into()).collect() };
    let contract = StageContract::parse(&strings(reads), &strings(writes)).unwrap();
    let projection = Projection::new(vec![contract], &[]).unwrap();
    let mut workspace = Workspace::new(Arc::new(projection));
    let request = Request::parse(signal, bytes.into()).unwrap();
    workspace.load(request, 1).unwrap();
    workspace
}

/// Writes one value a field to every row.
fn written(mut workspace: Workspace, values: &[(u8, u64)]) -> Bytes {
    workspace.view(0).unwrap();
    let writes = values.iter().zip(0..).map(|(&value, field)| Write {
        field,
        rows: Vec::new(),
        values: cells([value]),
    });
    let outcome = Outcome {
        writes: writes.collect(),
        ..Outcome::default()
    };
    workspace.apply(0, &outcome).unwrap();
    workspace.splice().bytes
}

#[test]
fn attributes_of_every_context_are_found_wherever_they_stand() {
    let rows = [
        (Signal::Logs, Context::Log, 6, Vec::new()),
        (Signal::Metrics, Context::DataPoint, 7, vec![1, 5]),
        (Signal::Metrics, Context::DataPoint, 7, vec![1, 7]),
        (Signal::Metrics, Context::DataPoint, 9, vec![1, 9]),
        (Signal::Metrics, Context::DataPoint, 1, vec![1, 10]),
        (Signal::Metrics, Context::DataPoint, 7, vec![1, 11]),
        (Signal::Metrics, Context::Metric, 12, Vec::new()),
    ];
    for (signal, context, number, around) in rows {
        let plain = |key: &str| nest(number, &pair(key, TEXT));
        let odd = nest(number, &pair("odd", LIST));
        let swapped = nest(number, &[nest(2, TEXT), nest(1, b"swapped")].concat());
        let inner = pair("long tag", TEXT);
        // The tag takes two bytes where one would do, which decoders take.
        let long_tag = [&[number << 3 | 2 | 0x80, 0, inner.len() as u8], &inner[..]].concat();
        let other = nest(60, b"unknown");
        let groups: [(&[&Vec<u8>], &[&str]); 3] = [
            (
                &[&plain("a"), &other, &plain("b"), &odd, &plain("c")],
                &["a", "b", "odd", "c"],
            ),
            (
                &[&long_tag, &plain("a"), &swapped],
                &["long tag", "a", "swapped"],
            ),
            (
                &[&other, &swapped, &plain("a"), &odd],
                &["swapped", "a", "odd"],
            ),
        ];
        for (fields, expected) in groups {
            let mut row = fields
                .iter()
                .copied()
                .flatten()
                .copied()
                .collect::<Vec<u8>>();
            for field in &around {
                row = nest(*field, &row);
            }
            let path = format!("{}.{}", context.prefix(), context.attributes());
            let mut workspace = loaded(signal, request(&row), &[&path], &[]);
            let Seen::Lists(lists) = &columns(&workspace.view(0).unwrap(), context)[0] else {
                panic!("attributes");
            };
            let keys: Vec<&str> = lists[0].iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(keys, expected, "{context:?} {around:?}");
        }
    }
}

#[test]
fn a_value_sent_twice_is_cleared_whole() {
    // A decoder takes the last; once that is written, the first must not show through.
    let secret = [
        &[4 << 3 | 1][..],
        &6.0f64.to_le_bytes(),
        &[6 << 3 | 1],
        &9u64.to_le_bytes(),
    ];
    let point = secret.concat();
    for data in [5, 7] {
        let bytes = request(&nest(data, &nest(1, &point)));
        for (value, expected) in [
            ((0, 0), None),
            ((3, 5), Some(number_data_point::Value::AsInt(5))),
            ((4, 0), Some(number_data_point::Value::AsDouble(0.0))),
        ] {
            let workspace = loaded(Signal::Metrics, bytes.clone(), &[], &["datapoint.value"]);
            let out = written(workspace, &[value]);
            let decoded = ExportMetricsServiceRequest::decode(out.clone()).unwrap();
            let metric = metrics(&decoded).next().unwrap();
            let mut seen = None;
            points_of::retain(&mut metric.clone(), |point| {
                seen = point.value.map(|value| *value);
                true
            });
            assert_eq!(seen, Some(expected));
            assert!(!out.windows(8).any(|window| window == 6.0f64.to_le_bytes()));
        }
    }
    let texts = [nest(3, b"secret"), nest(3, b"last")].concat();
    let workspace = loaded(Signal::Logs, request(&texts), &[], &["log.severity_text"]);
    let out = written(workspace, &[(0, 0)]);
    assert_eq!(
        logs(&ExportLogsServiceRequest::decode(out.clone()).unwrap()).count(),
        1
    );
    assert!(!out.windows(6).any(|window| window == b"secret"));
}

#[test]
fn what_holds_the_points_is_edited_wherever_its_fields_stand() {
    let point = nest(1, &nest(60, b"of point"));
    let unknown = nest(60, b"of data");
    let temporality = [0x10, 1, 0x10, 2];
    let orders = [
        [&point[..], &temporality, &unknown].concat(),
        [&temporality[..], &point, &unknown, &point].concat(),
        [&unknown[..], &point].concat(),
        Vec::new(),
    ];
    for body in orders {
        for field in [7, 9, 10] {
            let row = [nest(field, &body), nest(60, b"of metric")].concat();
            let paths = [
                "metric.aggregation_temporality",
                "metric.is_monotonic",
                "metric.name",
            ];
            let workspace = loaded(Signal::Metrics, request(&row), &[], &paths);
            let out = written(workspace, &[(3, 1), (3, 1), (0, 0)]);
            let decoded = ExportMetricsServiceRequest::decode(out.clone()).unwrap();
            let metric = metrics(&decoded).next().unwrap();
            let before = ExportMetricsServiceRequest::decode(&request(&row)[..]).unwrap();
            assert_eq!(
                points(metric).len(),
                points(metrics(&before).next().unwrap()).len()
            );
            let mut workspace = loaded(Signal::Metrics, out.to_vec(), &paths, &[]);
            let seen = columns(&workspace.view(0).unwrap(), Context::Metric);
            assert_eq!(seen[0], Seen::Narrow(vec![1]));
            assert_eq!(seen[1], Seen::Narrow(vec![u32::from(field == 7)]));
            for unknown in ["of point", "of data", "of metric"] {
                let count = |bytes: &[u8]| {
                    let windows = bytes.windows(unknown.len());
                    windows
                        .filter(|window| *window == unknown.as_bytes())
                        .count()
                };
                assert_eq!(count(&out), count(&row), "{unknown}");
            }
        }
        // A gauge has none of these fields, and none is put into it.
        let row = nest(5, &body);
        let paths = ["metric.aggregation_temporality", "metric.is_monotonic"];
        let workspace = loaded(Signal::Metrics, request(&row), &[], &paths);
        assert_eq!(written(workspace, &[(3, 1), (3, 1)]), request(&row));
    }
}

#[test]
fn a_number_that_is_a_field_of_other_metrics_is_none() {
    // Temporality and monotonicity have these numbers in a sum; elsewhere one or both are unknown fields.
    let temporality = [0x11, 1, 0, 0, 0, 0, 0, 0, 0];
    let monotonic = [0x19, 1, 0, 0, 0, 0, 0, 0, 0];
    let paths = ["metric.aggregation_temporality", "metric.is_monotonic"];
    for (field, body) in [
        (5, [temporality, monotonic].concat()),
        (11, [temporality, monotonic].concat()),
        (9, [&[0x10, 2][..], &monotonic].concat()),
        (10, [&[0x10, 2][..], &monotonic, &[0x18, 1]].concat()),
    ] {
        let bytes = request(&nest(field, &body));
        agrees_with_prost::<ExportMetricsServiceRequest>(bytes.clone());
        let mut workspace = loaded(Signal::Metrics, bytes, &paths, &[]);
        let seen = columns(&workspace.view(0).unwrap(), Context::Metric);
        let temporality = if matches!(field, 9 | 10) { 2 } else { 0 };
        assert_eq!(
            seen,
            [Seen::Narrow(vec![temporality]), Seen::Narrow(vec![0])],
            "{field}"
        );
    }
}

#[test]
fn a_resource_or_scope_that_stands_behind_its_rows_goes_with_the_last_of_them() {
    let log = nest(2, &nest(3, b"text"));
    let scope = nest(2, &[&log[..], &nest(1, &nest(1, b"name"))].concat());
    let bytes = nest(1, &[&scope[..], &nest(1, b"")].concat());
    let paths = ["scope.name", "resource.attributes[\"k\"]"];
    let mut workspace = loaded(Signal::Logs, bytes.repeat(2), &[], &paths);
    workspace.view(0).unwrap();
    let writes = (0..2).map(|field| Write {
        field,
        rows: Vec::new(),
        values: cells([[(0, 0), (3, 1)][field as usize]]),
    });
    let outcome = Outcome {
        writes: writes.collect(),
        verdicts: vec![Verdicts {
            context: Context::Log,
            rows: vec![1, 0],
        }],
        ..Outcome::default()
    };
    workspace.apply(0, &outcome).unwrap();
    let out = ExportLogsServiceRequest::decode(workspace.splice().bytes).unwrap();
    let [
        ResourceLogs {
            resource,
            scope_logs,
            ..
        },
    ] = &out.resource_logs[..]
    else {
        panic!("{out:?}");
    };
    let [
        ScopeLogs {
            scope, log_records, ..
        },
    ] = &scope_logs[..]
    else {
        panic!("{out:?}");
    };
    assert_eq!(resource.as_ref().unwrap().attributes.len(), 1);
    assert_eq!(scope.as_ref().unwrap().name, "");
    let expected = LogRecord {
        severity_text: "text".into(),
        ..LogRecord::default()
    };
    assert_eq!(*log_records, [expected]);
}
