//! What connectors make of a batch: routes, and records.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use proptest::prelude::*;
use prost::Message;
use spanmill_otlp::{
    CellColumn, Context, Joined, Outcome, OutcomeError, Pool, Projection, RecordColumn, RecordPlan,
    Records, Request, Routes, Signal, StageContract, Workspace, Write,
};

use super::requests;

fn workspace(contract: StageContract, request: &ExportTraceServiceRequest) -> Workspace {
    let mut workspace = Workspace::new(Arc::new(Projection::new(vec![contract], &[]).unwrap()));
    let bytes = request.encode_to_vec();
    let request = Request::parse(Signal::Traces, bytes.into()).unwrap();
    workspace.load(request, 1).unwrap();
    workspace.view(0).unwrap();
    workspace
}

/// The names of all spans.
fn names(request: &ExportTraceServiceRequest) -> Vec<String> {
    let scopes = request.resource_spans.iter().flat_map(|it| &it.scope_spans);
    let spans = scopes.flat_map(|it| &it.spans);
    spans.map(|span| span.name.clone()).collect()
}

/// For each span the row of its resource, and of its scope.
fn parents(request: &ExportTraceServiceRequest) -> Vec<(usize, usize)> {
    let mut rows = Vec::new();
    let mut scope = 0;
    for (resource, it) in request.resource_spans.iter().enumerate() {
        for it in &it.scope_spans {
            rows.extend(it.spans.iter().map(|_| (resource, scope)));
            scope += 1;
        }
    }
    rows
}

/// Anything that a plugin could answer, right or wrong; indices mostly within the pool.
fn any_columns() -> impl Strategy<Value = Vec<RecordColumn>> {
    let index = || prop_oneof![4 => 0u32..6, 1 => Just(u32::MAX), 1 => any::<u32>()];
    let cells = || {
        let kinds = prop::collection::vec(0u8..11, 0..4);
        let bits = prop::collection::vec(index().prop_map(u64::from), 0..4);
        (kinds, bits).prop_map(|(kinds, bits)| CellColumn { kinds, bits })
    };
    let column = prop_oneof![
        prop::collection::vec(any::<u32>(), 2..4).prop_map(RecordColumn::Narrow),
        prop::collection::vec(any::<u64>(), 2..4).prop_map(RecordColumn::Wide),
        prop::collection::vec(any::<u64>(), 3..6).prop_map(RecordColumn::TraceId),
        prop::collection::vec(index(), 2..4).prop_map(RecordColumn::Text),
        cells().prop_map(RecordColumn::Cells),
        (
            prop::collection::vec(0u32..4, 2..4),
            prop::collection::vec(index(), 0..4),
            cells()
        )
            .prop_map(|(ends, keys, values)| RecordColumn::Attributes {
                ends,
                keys,
                values
            }),
        Just(RecordColumn::Other),
    ];
    prop::collection::vec(column, 5)
}

/// Columns of the right cases, with values that may be wrong.
fn fitting_columns() -> impl Strategy<Value = Vec<RecordColumn>> {
    let texts = || prop::collection::vec(prop_oneof![4 => 0u32..6, 1 => Just(u32::MAX)], 2);
    let list = (
        prop_oneof![Just(vec![0, 2]), Just(vec![1, 2]), Just(vec![2, 1])],
        texts(),
        prop::collection::vec(0u8..10, 2),
        prop::collection::vec(0u64..6, 2),
    );
    (
        texts(),
        prop::collection::vec(any::<u64>(), 2),
        prop::collection::vec(any::<u32>(), 2),
        prop::collection::vec(any::<u64>(), 4),
        list,
    )
        .prop_map(|(texts, times, numbers, ids, (ends, keys, kinds, bits))| {
            vec![
                RecordColumn::Text(texts),
                RecordColumn::Wide(times),
                RecordColumn::Narrow(numbers),
                RecordColumn::TraceId(ids),
                RecordColumn::Attributes {
                    ends,
                    keys,
                    values: CellColumn { kinds, bits },
                },
            ]
        })
}

proptest! {
    #[test]
    fn what_is_taken_of_any_records_is_a_request(
        request in requests::requests(),
        columns in prop_oneof![any_columns(), fitting_columns()],
        resources in prop_oneof![4 => Just(vec![0, 0]), 1 => prop::collection::vec(0u32..3, 0..4)],
        texts in prop::collection::vec(prop_oneof!["[a-z]{0,3}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..4)], 0..4),
    ) {
        let contract = StageContract::parse(&["span.name".to_owned()], &[]).unwrap();
        let workspace = workspace(contract, &request);
        let mut pool = Pool::default();
        for text in &texts {
            pool.bytes.extend_from_slice(text);
            pool.ends.push(pool.bytes.len() as u32);
        }
        let records = Records { texts: pool, rows: 2, resources, columns };
        let mut out = Vec::new();
        match workspace.records(0, &plan(), &records, &mut out) {
            Ok(made) => {
                let request = Request::parse(Signal::Logs, out.clone().into()).unwrap();
                prop_assert_eq!(request.item_count(), made);
                prop_assert!(ExportLogsServiceRequest::decode(out.as_slice()).is_ok());
            }
            Err(_) => prop_assert!(out.is_empty()),
        }
    }

    #[test]
    fn each_pipeline_gets_its_rows(
        request in requests::requests(),
        sets in prop::collection::vec(0u64..8, 60),
        level in 0usize..3,
        is_single: bool,
    ) {
        let workspace = workspace(StageContract::default(), &request);
        let parents = parents(&request);
        let scopes: usize = request.resource_spans.iter().map(|it| it.scope_spans.len()).sum();
        let (context, rows) = [
            (Context::Resource, request.resource_spans.len()),
            (Context::Scope, scopes),
            (Context::Span, parents.len()),
        ][level];
        let sets = if is_single { sets[..1].to_vec() } else { sets[..rows].to_vec() };
        let set_of = |span: usize| {
            let row = [parents[span].0, parents[span].1, span][level];
            if is_single { sets[0] } else { sets[row] }
        };
        let mut onto: Vec<Joined> = (0..3).map(|_| Joined::new(request.encode_to_vec().into())).collect();
        let routes = Routes { context, pipelines: sets.clone() };
        let routed = workspace.route(&routes, &mut onto).unwrap();
        let all = names(&request);
        let none = (0..all.len()).filter(|span| set_of(*span) == 0).count();
        prop_assert_eq!(routed.dropped_items, none);
        for (pipeline, joined) in onto.into_iter().enumerate() {
            let spliced = joined.finish();
            let expected: Vec<String> = (0..all.len())
                .filter(|span| set_of(*span) >> pipeline & 1 == 1)
                .map(|span| all[span].clone())
                .collect();
            prop_assert_eq!(spliced.items, expected.len());
            prop_assert_eq!(routed.items[pipeline], expected.len());
            let found = ExportTraceServiceRequest::decode(spliced.bytes).unwrap();
            prop_assert_eq!(names(&found), expected);
        }
    }

    #[test]
    fn a_record_carries_over_its_resource_as_edited(request in requests::requests(), is_edited: bool) {
        let resources = request.resource_spans.len();
        let writes = [r#"resource.attributes["edited"]"#.to_owned()];
        let contract = StageContract::parse(&["span.name".to_owned()], &writes).unwrap();
        let mut workspace = workspace(contract, &request);
        if is_edited {
            let outcome = Outcome {
                texts: Pool { ends: vec![1], bytes: b"x".to_vec() },
                writes: vec![Write {
                    field: 0,
                    rows: Vec::new(),
                    values: CellColumn { kinds: vec![1], bits: vec![u64::from(workspace.pool_len(0))] },
                }],
                ..Outcome::default()
            };
            workspace.apply(0, &outcome).unwrap();
        }
        workspace.view(0).unwrap();
        let rows = 2 * resources as u32;
        let text = workspace.pool_len(0);
        let records = Records {
            texts: Pool { ends: vec![4, 7], bytes: b"bodykey".to_vec() },
            rows,
            resources: (0..rows).map(|row| row / 2).collect(),
            columns: vec![
                RecordColumn::Text(vec![text; rows as usize]),
                RecordColumn::Wide((0..u64::from(rows)).collect()),
                RecordColumn::Narrow(vec![17; rows as usize]),
                RecordColumn::TraceId((0..u64::from(rows)).flat_map(|row| [0, row]).collect()),
                RecordColumn::Attributes {
                    ends: (1..=rows).collect(),
                    keys: vec![text + 1; rows as usize],
                    values: CellColumn { kinds: vec![3; rows as usize], bits: vec![5; rows as usize] },
                },
            ],
        };
        let mut out = Vec::new();
        let made = workspace.records(0, &plan(), &records, &mut out).unwrap();
        prop_assert_eq!(made, rows as usize);
        let left = ExportTraceServiceRequest::decode(workspace.splice().bytes).unwrap();
        let found = ExportLogsServiceRequest::decode(out.as_slice()).unwrap();
        prop_assert_eq!(found.resource_logs.len(), resources);
        for (row, (logs, spans)) in found.resource_logs.iter().zip(&left.resource_spans).enumerate() {
            prop_assert_eq!(&logs.resource, &spans.resource);
            prop_assert_eq!(&logs.schema_url, &spans.schema_url);
            let scope = &logs.scope_logs[0];
            prop_assert_eq!(&scope.scope.as_ref().unwrap().name, "made");
            prop_assert_eq!(scope.log_records.len(), 2);
            let record = &scope.log_records[1];
            let number = 2 * row as u64 + 1;
            prop_assert_eq!(record.time_unix_nano, number);
            prop_assert_eq!(record.severity_number, 17);
            prop_assert_eq!(&record.trace_id, &u128::from(number).to_be_bytes().to_vec());
            let body = record.body.as_ref().unwrap().value.clone();
            prop_assert_eq!(body, Some(Value::StringValue("body".to_owned())));
            prop_assert_eq!(&record.attributes[0].key, "key");
        }
    }
}

fn plan() -> RecordPlan {
    let fields = [
        "log.body",
        "log.time_unix_nano",
        "log.severity_number",
        "log.trace_id",
        "log.attributes",
    ];
    let fields = fields.map(str::to_owned);
    RecordPlan::new(Signal::Logs, &fields, "made".to_owned(), String::new()).unwrap()
}

#[test]
fn a_router_breaks_the_contract_by_a_row_too_many_or_a_pipeline_that_is_not_there() {
    let request = ExportTraceServiceRequest {
        resource_spans: vec![Default::default()],
    };
    let workspace = workspace(StageContract::default(), &request);
    let route = |context, pipelines: Vec<u64>| {
        let mut onto = [
            Joined::new(Default::default()),
            Joined::new(Default::default()),
        ];
        let routes = Routes { context, pipelines };
        workspace.route(&routes, &mut onto).map(drop)
    };
    assert_eq!(route(Context::Resource, vec![3]), Ok(()));
    assert_eq!(
        route(Context::Resource, vec![1, 1]),
        Err(OutcomeError::Length {
            what: "routes.pipelines",
            got: 2,
            want: 1
        })
    );
    assert_eq!(
        route(Context::Resource, vec![5]),
        Err(OutcomeError::Route {
            row: 0,
            pipeline: 2,
            pipelines: 2
        })
    );
    for context in [Context::Log, Context::SpanEvent, Context::DataPoint] {
        assert!(matches!(
            route(context, vec![1]),
            Err(OutcomeError::RouteContext(_))
        ));
    }
}

#[test]
fn records_break_the_contract_by_forbidden_texts_lengths_and_kinds() {
    let span = opentelemetry_proto::tonic::trace::v1::Span {
        name: "secret".to_owned(),
        ..Default::default()
    };
    let scope = opentelemetry_proto::tonic::trace::v1::ScopeSpans {
        spans: vec![span],
        ..Default::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![opentelemetry_proto::tonic::trace::v1::ResourceSpans {
            scope_spans: vec![scope],
            ..Default::default()
        }],
    };
    let reader = StageContract::parse(&["span.name".to_owned()], &[]).unwrap();
    let projection = Projection::new(vec![reader, StageContract::default()], &[]).unwrap();
    let mut workspace = Workspace::new(Arc::new(projection));
    let parsed = Request::parse(Signal::Traces, request.encode_to_vec().into()).unwrap();
    workspace.load(parsed, 1).unwrap();
    for stage in 0..2 {
        workspace.view(stage).unwrap();
    }
    let fields = ["log.body".to_owned(), "log.severity_number".to_owned()];
    let plan = RecordPlan::new(Signal::Logs, &fields, String::new(), String::new()).unwrap();
    let make = |stage: usize, resources: Vec<u32>, columns: Vec<RecordColumn>| {
        let records = Records {
            rows: 1,
            resources,
            columns,
            ..Records::default()
        };
        let mut out = Vec::new();
        let made = workspace.records(stage, &plan, &records, &mut out);
        assert_eq!(made.is_err(), out.is_empty());
        made
    };
    let body = || RecordColumn::Text(vec![0]);
    let severity = || RecordColumn::Narrow(vec![9]);
    assert_eq!(make(0, vec![0], vec![body(), severity()]), Ok(1));
    // The other stage does not read the span's name.
    assert_eq!(
        make(1, vec![0], vec![body(), severity()]),
        Err(OutcomeError::Text(0))
    );
    assert_eq!(
        make(0, vec![1], vec![body(), severity()]),
        Err(OutcomeError::Order("records.resources"))
    );
    assert!(matches!(
        make(0, vec![0], vec![body()]),
        Err(OutcomeError::Length { .. })
    ));
    assert!(matches!(
        make(0, vec![0], vec![body(), RecordColumn::Narrow(vec![9, 9])]),
        Err(OutcomeError::Length { .. })
    ));
    assert!(matches!(
        make(0, vec![0], vec![severity(), severity()]),
        Err(OutcomeError::Column { .. })
    ));
    let odd = CellColumn {
        kinds: vec![99],
        bits: vec![0],
    };
    assert!(matches!(
        make(0, vec![0], vec![RecordColumn::Cells(odd), severity()]),
        Err(OutcomeError::Kind { kind: 99, .. })
    ));
}

#[test]
fn records_have_the_fields_of_their_signal() {
    let plan = |signal, fields: &[&str]| {
        let fields: Vec<String> = fields.iter().map(|&it| it.to_owned()).collect();
        RecordPlan::new(signal, &fields, String::new(), String::new())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(plan(Signal::Logs, &["log.body", "log.attributes"]), Ok(()));
    assert_eq!(
        plan(
            Signal::Traces,
            &["span.status.message", "span.span_id", "span.flags"]
        ),
        Ok(())
    );
    for (signal, fields) in [
        (Signal::Metrics, &["datapoint.value"][..]),
        (Signal::Logs, &["span.name"]),
        (Signal::Traces, &["spanevent.name"]),
        (Signal::Logs, &["resource.attributes"]),
        (Signal::Logs, &["log.encoded_size"]),
        (Signal::Logs, &["log.body", "log.body"]),
        (Signal::Logs, &["log.attributes", r#"log.attributes["a"]"#]),
        (Signal::Logs, &["log.colour"]),
    ] {
        assert!(plan(signal, fields).is_err(), "{signal} {fields:?}");
    }
}
