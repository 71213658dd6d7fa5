//! Columns and edits of log records, against decoded structs.

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use proptest::prelude::*;
use prost::Message;
use spanmill_otlp::{
    Append, Batch, BatchView, Context, Joined, Outcome, Projection, Removal, Replacement, Request,
    Signal, StageContract, Verdicts, Workspace, Write,
};

use crate::choices::{Choices, any_value, choices, replace, set, text};
use crate::columns::cell;
use crate::edits::{cells, text_index};
use crate::export::logs;
use crate::log_requests::requests;
use crate::seen::{Seen, columns, lists, parents, span_id, trace_id};

const READS: [&str; 13] = [
    "log.attributes",
    "log.time_unix_nano",
    "log.observed_time_unix_nano",
    "log.severity_number",
    "log.severity_text",
    "log.body",
    "log.dropped_attributes_count",
    "log.flags",
    "log.trace_id",
    "log.span_id",
    "log.event_name",
    "resource.attributes",
    "scope.name",
];
const WRITES: [&str; 10] = [
    "log.attributes",
    "log.attributes[\"k1\"]",
    "log.body",
    "log.severity_number",
    "log.severity_text",
    "log.time_unix_nano",
    "log.observed_time_unix_nano",
    "log.event_name",
    "resource.attributes[\"env\"]",
    "scope.name",
];

fn workspace(stages: usize) -> Workspace {
    let strings =
        |paths: &[&str]| -> Vec<String> { paths.iter().map(|&path| path.into()).collect() };
    let contract = StageContract::parse(&strings(&READS), &strings(&WRITES)).unwrap();
    let projection = Projection::new(vec![contract; stages], &[]).unwrap();
    Workspace::new(Arc::new(projection))
}

fn parsed(request: &ExportLogsServiceRequest) -> Request {
    Request::parse(Signal::Logs, request.encode_to_vec().into()).unwrap()
}

/// Fails unless the columns of log records are those of a request.
fn check(view: &BatchView<'_>, request: &ExportLogsServiceRequest) {
    let of = |field: &dyn Fn(&LogRecord) -> u64| logs(request).map(field).collect::<Vec<_>>();
    let narrow =
        |field: &dyn Fn(&LogRecord) -> u32| Seen::Narrow(logs(request).map(field).collect());
    let texts =
        |field: &dyn Fn(&LogRecord) -> String| Seen::Texts(logs(request).map(field).collect());
    let body = |log: &LogRecord| match &log.body {
        None => (0, 0, Vec::new()),
        body => cell(body),
    };
    let expected = [
        lists(logs(request).map(|log| &log.attributes)),
        Seen::Wide(of(&|log| log.time_unix_nano)),
        Seen::Wide(of(&|log| log.observed_time_unix_nano)),
        narrow(&|log| log.severity_number as u32),
        texts(&|log| log.severity_text.clone()),
        Seen::Cells(logs(request).map(body).collect()),
        narrow(&|log| log.dropped_attributes_count),
        narrow(&|log| log.flags),
        Seen::TraceIds(logs(request).map(|log| trace_id(&log.trace_id)).collect()),
        Seen::Wide(of(&|log| span_id(&log.span_id))),
        texts(&|log| log.event_name.clone()),
    ];
    let seen = columns(view, Context::Log);
    assert_eq!(seen.len(), expected.len());
    for (path, (seen, expected)) in READS.iter().zip(seen.iter().zip(&expected)) {
        assert_eq!(seen, expected, "{path}");
    }
}

/// Fails unless the rows above are those of a request. A stage sees them even when nothing below is left.
fn check_above(view: &BatchView<'_>, request: &ExportLogsServiceRequest) {
    let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
    let above = (0u32..).zip(scopes.clone());
    let above = above.flat_map(|(row, scope)| scope.log_records.iter().map(move |_| row));
    assert_eq!(parents(view, Context::Log), above.collect::<Vec<_>>());
    let none = Vec::new();
    let resources = request.resource_logs.iter();
    let resources = resources.map(|r| r.resource.as_ref().map_or(&none, |it| &it.attributes));
    assert_eq!(columns(view, Context::Resource), [lists(resources)]);
    let names = scopes.map(|s| s.scope.as_ref().map_or(String::new(), |it| it.name.clone()));
    assert_eq!(
        columns(view, Context::Scope),
        [Seen::Texts(names.collect())]
    );
    assert_eq!(view.signal, Signal::Logs);
    assert_eq!(view.tables.len(), 3);
}

/// The choices as an outcome over columns.
fn outcome(choices: &Choices, view: &BatchView<'_>) -> Outcome {
    let mut out = Outcome::default();
    let base = view.texts.ends.len() as u64;
    out.texts.bytes = b"newprod****".to_vec();
    out.texts.ends = vec![3, 7, 11];
    let (new, prod, stars) = ((1, base), (1, base + 1), (1, base + 2));
    let rows = view.tables[2].rows as usize;
    let drops = (0..rows).map(|row| u8::from(choices.pick(0, row, 4) == 0));
    out.verdicts = vec![Verdicts {
        context: Context::Log,
        rows: drops.collect(),
    }];
    let mut write = |field, rows: Vec<u32>, value| {
        if !rows.is_empty() {
            out.writes.push(Write {
                field,
                rows,
                values: cells([value]),
            });
        }
    };
    write(1, choices.rows(1, rows, 3), (3, 7));
    for (kind, value) in [
        (0, (0, 0)),
        (1, new),
        (2, (8, 0)),
        (3, (4, 1.5f64.to_bits())),
    ] {
        let chosen = |row: &u32| choices.pick(2, *row as usize, 8) == kind;
        write(2, (0..rows as u32).filter(chosen).collect(), value);
    }
    write(3, choices.rows(3, rows, 3), (3, 17));
    write(4, choices.rows(3, rows, 5), new);
    write(5, choices.rows(4, rows, 4), (3, 77));
    write(6, choices.rows(4, rows, 3), (3, 78));
    write(7, choices.rows(5, rows, 3), (0, 0));
    if choices.pick(6, 0, 2) == 0 {
        for field in [8, 9] {
            out.writes.push(Write {
                field,
                rows: Vec::new(),
                values: cells([prod]),
            });
        }
    }
    if let Some(old) = text_index(view, "v1") {
        for field in [0, 2, 4] {
            out.replacements.push(Replacement {
                field,
                old: vec![old],
                new: vec![stars.1 as u32],
            });
        }
    }
    let Seen::Lists(entries) = &columns(view, Context::Log)[0] else {
        panic!("attributes");
    };
    let keys = entries.iter().flatten().map(|(key, _)| key);
    let removed = (0u32..)
        .zip(keys)
        .filter(|(at, key)| *key != "k1" && choices.pick(7, *at as usize, 4) == 0);
    out.removals = vec![Removal {
        field: 0,
        entries: removed.map(|(at, _)| at).collect(),
    }];
    let appended = choices.rows(8, rows, 3);
    out.appends = vec![Append {
        field: 0,
        keys: vec![base as u32; appended.len()],
        values: cells(appended.iter().map(|_| (2, 1))),
        rows: appended,
    }];
    out
}

/// The choices on decoded structs.
fn reference(choices: &Choices, request: &mut ExportLogsServiceRequest) {
    let (mut row, mut entry) = (0, 0);
    let all = choices.pick(6, 0, 2) == 0;
    request
        .resource_logs
        .retain_mut(|resource: &mut ResourceLogs| {
            if all {
                let resource = resource.resource.get_or_insert_default();
                set(&mut resource.attributes, "env", Some(text("prod")));
            }
            let had = resource.scope_logs.len();
            resource.scope_logs.retain_mut(|scope: &mut ScopeLogs| {
                if all {
                    scope.scope.get_or_insert_default().name = "prod".into();
                }
                let had = scope.log_records.len();
                scope.log_records.retain_mut(|log| {
                    let this = row;
                    row += 1;
                    edit(choices, log, this, &mut entry);
                    choices.pick(0, this, 4) != 0
                });
                had == 0 || !scope.log_records.is_empty()
            });
            had == 0 || !resource.scope_logs.is_empty()
        });
}

fn edit(choices: &Choices, log: &mut LogRecord, row: usize, entry: &mut usize) {
    replace(&mut log.attributes, "v1", "****");
    if log.body == any_value(text("v1")) {
        log.body = any_value(text("****"));
    }
    if log.severity_text == "v1" {
        log.severity_text = "****".into();
    }
    log.attributes.retain(|attribute| {
        let at = *entry;
        *entry += 1;
        attribute.key == "k1" || choices.pick(7, at, 4) != 0
    });
    if choices.pick(1, row, 3) == 0 {
        set(&mut log.attributes, "k1", Some(Value::IntValue(7)));
    }
    match choices.pick(2, row, 8) {
        0 => log.body = None,
        1 => log.body = any_value(text("new")),
        2 => log.body = Some(AnyValue { value: None }),
        3 => log.body = any_value(Value::DoubleValue(1.5)),
        _ => {}
    }
    if choices.pick(3, row, 3) == 0 {
        log.severity_number = 17;
    }
    if choices.pick(3, row, 5) == 0 {
        log.severity_text = "new".into();
    }
    if choices.pick(4, row, 4) == 0 {
        log.time_unix_nano = 77;
    }
    if choices.pick(4, row, 3) == 0 {
        log.observed_time_unix_nano = 78;
    }
    if choices.pick(5, row, 3) == 0 {
        log.event_name.clear();
    }
    if choices.pick(8, row, 3) == 0 {
        log.attributes.push(KeyValue {
            key: "new".into(),
            value: any_value(Value::BoolValue(true)),
            ..Default::default()
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_of_bytes_equal_edits_of_structs(
        batches in prop::collection::vec(requests(), 1..3),
        stages in prop::collection::vec(choices(9), 0..4),
    ) {
        let mut workspace = workspace(stages.len() + 1);
        for request in &batches {
            let bytes = Bytes::from(request.encode_to_vec());
            workspace.load(parsed(request), 1).unwrap();
            let mut expected = request.clone();
            for (stage, choices) in stages.iter().enumerate() {
                let view = workspace.view(stage).unwrap();
                check(&view, &expected);
                if stage == 0 {
                    check_above(&view, request);
                }
                let outcome = outcome(choices, &view);
                let before = logs(&expected).count();
                let applied = workspace.apply(stage, &outcome).unwrap();
                reference(choices, &mut expected);
                prop_assert_eq!(applied.dropped_items, before - logs(&expected).count());
            }
            let out = workspace.splice();
            let decoded = ExportLogsServiceRequest::decode(out.bytes.clone()).unwrap();
            prop_assert_eq!(&decoded, &expected);
            prop_assert_eq!(logs(&expected).count(), out.items);
            if stages.is_empty() {
                prop_assert_eq!(out.bytes, bytes);
            } else {
                Request::parse(Signal::Logs, out.bytes).unwrap();
            }
        }
    }

    #[test]
    fn a_batch_in_parts_is_edited_part_by_part(
        request in requests(),
        choices in choices(9),
        about in 1usize..400,
    ) {
        let mut workspace = workspace(1);
        let batch = Batch::in_parts(Signal::Logs, request.encode_to_vec().into(), about).unwrap();
        let mut out = Joined::new(batch.bytes().clone());
        let mut expected = ExportLogsServiceRequest::default();
        for part in batch.parts() {
            let mut edited = ExportLogsServiceRequest::decode(part.bytes().clone()).unwrap();
            workspace.load_next(part, &out, 1).unwrap();
            let outcome = outcome(&choices, &workspace.view(0).unwrap());
            workspace.apply(0, &outcome).unwrap();
            workspace.splice_onto(&mut out);
            reference(&choices, &mut edited);
            expected.resource_logs.extend(edited.resource_logs);
        }
        let out = out.finish();
        prop_assert_eq!(ExportLogsServiceRequest::decode(out.bytes).unwrap(), expected);
    }
}
