//! Which rows take verdicts, what goes with them, and one workspace for batches of every signal in turn.

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use proptest::prelude::*;
use prost::Message;
use spanmill_otlp::{
    Context, Outcome, OutcomeError, Projection, Request, Signal, StageContract, Verdicts,
    Workspace, Write,
};

use crate::edits::cells;
use crate::export::{Export, spans};
use crate::seen::{Seen, columns, lists};
use crate::{log_requests, metric_requests, requests};

fn workspace(reads: &[&str], writes: &[&str], stages: usize) -> Workspace {
    let owned = |paths: &[&str]| -> Vec<String> { paths.iter().map(|&path| path.into()).collect() };
    let contract = StageContract::parse(&owned(reads), &owned(writes)).unwrap();
    let projection = Projection::new(vec![contract; stages], &[]).unwrap();
    Workspace::new(Arc::new(projection))
}

fn verdicts(context: Context, rows: Vec<u8>) -> Outcome {
    Outcome {
        verdicts: vec![Verdicts { context, rows }],
        ..Outcome::default()
    }
}

#[test]
fn rows_of_the_batch_take_verdicts_but_for_resources_and_scopes() {
    let everything = [
        "spanevent.name",
        "spanlink.flags",
        "log.body",
        "metric.name",
        "datapoint.flags",
    ];
    let mut workspace = workspace(&everything, &[], 1);
    for signal in Signal::ALL {
        let request = Request::parse(signal, Bytes::new()).unwrap();
        workspace.load(request, 1).unwrap();
        workspace.view(0).unwrap();
        for context in Context::ALL {
            let takes = signal.contexts().contains(&context)
                && !matches!(context, Context::Resource | Context::Scope);
            let expected = match takes {
                true => Ok(()),
                false => Err(OutcomeError::VerdictContext(context.prefix())),
            };
            let result = workspace.apply(0, &verdicts(context, Vec::new()));
            assert_eq!(result.map(drop), expected, "{signal} {context:?}");
        }
    }
}

#[test]
fn a_plugin_without_a_table_of_events_or_links_drops_none() {
    let mut workspace = workspace(&["span.name"], &[], 1);
    let request = Request::parse(Signal::Traces, Bytes::new()).unwrap();
    workspace.load(request, 1).unwrap();
    workspace.view(0).unwrap();
    for context in [Context::SpanEvent, Context::SpanLink] {
        let refused = workspace.apply(0, &verdicts(context, Vec::new()));
        let expected = OutcomeError::VerdictContext(context.prefix());
        assert_eq!(refused.unwrap_err(), expected);
    }
}

#[test]
fn links_are_dropped_and_edited() {
    let mut request = requests::one_span();
    let link = |flags| Link {
        flags,
        ..Link::default()
    };
    let span = &mut request.resource_spans[0].scope_spans[0].spans[0];
    span.links = vec![link(1), link(2), link(3)];
    let mut workspace = workspace(&["spanlink.flags"], &["spanlink.attributes[\"k\"]"], 2);
    let parsed = Request::parse(Signal::Traces, request.encode_to_vec().into()).unwrap();
    workspace.load(parsed, 1).unwrap();
    workspace.view(0).unwrap();
    let mut outcome = verdicts(Context::SpanLink, vec![0, 1, 0]);
    outcome.writes = vec![Write {
        field: 0,
        rows: Vec::new(),
        values: cells([(3, 7)]),
    }];
    let applied = workspace.apply(0, &outcome).unwrap();
    assert_eq!(applied.dropped_items, 0);
    let left = columns(&workspace.view(1).unwrap(), Context::SpanLink);
    assert_eq!(left, [Seen::Narrow(vec![1, 3])]);
    let out = ExportTraceServiceRequest::decode(workspace.splice().bytes).unwrap();
    let links = &spans(&out).next().unwrap().links;
    let flags: Vec<(u32, usize)> = links
        .iter()
        .map(|link| (link.flags, link.attributes.len()))
        .collect();
    assert_eq!(flags, [(1, 1), (3, 1)]);
}

/// A request of some signal.
#[derive(Clone, Debug)]
enum AnyRequest {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

fn any_requests() -> impl Strategy<Value = AnyRequest> {
    prop_oneof![
        requests::requests().prop_map(AnyRequest::Traces),
        log_requests::requests().prop_map(AnyRequest::Logs),
        metric_requests::requests().prop_map(AnyRequest::Metrics),
    ]
}

/// Shows a batch to a stage that reads resources alone; then drops every item in a second, and fails unless nothing is left
/// but what had none from the beginning.
fn goes_through<E: Export>(workspace: &mut Workspace, request: &E) {
    let bytes = Bytes::from(request.encode_to_vec());
    for drops in [false, true] {
        let parsed = Request::parse(E::SIGNAL, bytes.clone()).unwrap();
        workspace.load(parsed, 1).unwrap();
        let view = workspace.view(0).unwrap();
        let shown: Vec<Context> = view.tables.iter().map(|table| table.context).collect();
        let above = [Context::Resource, Context::Scope];
        let expected = above.iter().chain(E::SIGNAL.own());
        assert_eq!(shown, expected.copied().collect::<Vec<_>>());
        assert_eq!(
            columns(&view, Context::Resource),
            [lists(request.resources().iter())]
        );
        let items = request.items().len();
        if drops {
            let all = verdicts(E::SIGNAL.item(), vec![1; items]);
            assert_eq!(workspace.apply(0, &all).unwrap().dropped_items, items);
            assert_eq!(workspace.item_count(), 0);
            let view = workspace.view(1).unwrap();
            let mut rows = view.tables.iter();
            let rows = rows.find(|table| table.context == E::SIGNAL.item());
            assert_eq!(rows.unwrap().rows, 0);
        }
        let out = workspace.splice();
        match drops && items > 0 {
            true => assert_eq!(E::decode(out.bytes).unwrap().items().len(), 0),
            false => assert_eq!(out.bytes, bytes),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_workspace_takes_batches_of_every_signal(batches in prop::collection::vec(any_requests(), 1..6)) {
        let mut workspace = workspace(&["resource.attributes"], &[], 2);
        for batch in &batches {
            match batch {
                AnyRequest::Traces(request) => goes_through(&mut workspace, request),
                AnyRequest::Logs(request) => goes_through(&mut workspace, request),
                AnyRequest::Metrics(request) => goes_through(&mut workspace, request),
            }
        }
    }
}
