//! Columns and edits of metrics and their points, against decoded structs.

pub mod points;

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, ResourceMetrics, ScopeMetrics, number_data_point,
};
use proptest::prelude::*;
use prost::Message;
use spanmill_otlp::{
    Append, Batch, BatchView, Context, Joined, Outcome, Projection, Removal, Replacement, Request,
    Signal, StageContract, Verdicts, Workspace, Write,
};

use self::points::{Fields, Point, points, retain};
use crate::choices::{Choices, any_value, choices, replace, set, text};
use crate::edits::{cells, text_index};
use crate::export::{Export, metrics};
use crate::metric_requests::requests;
use crate::seen::{Cell, Seen, columns, lists, parents};

const READS: [&str; 28] = [
    "metric.metadata",
    "metric.name",
    "metric.description",
    "metric.unit",
    "metric.type",
    "metric.aggregation_temporality",
    "metric.is_monotonic",
    "datapoint.attributes",
    "datapoint.start_time_unix_nano",
    "datapoint.time_unix_nano",
    "datapoint.flags",
    "datapoint.count",
    "datapoint.zero_count",
    "datapoint.value",
    "datapoint.sum",
    "datapoint.min",
    "datapoint.max",
    "datapoint.scale",
    "datapoint.zero_threshold",
    "datapoint.positive.offset",
    "datapoint.negative.offset",
    "datapoint.bucket_counts",
    "datapoint.explicit_bounds",
    "datapoint.positive.bucket_counts",
    "datapoint.negative.bucket_counts",
    "datapoint.quantile_values",
    "resource.attributes",
    "scope.name",
];
const WRITES: [&str; 14] = [
    "datapoint.attributes",
    "datapoint.attributes[\"k1\"]",
    "datapoint.value",
    "datapoint.flags",
    "datapoint.start_time_unix_nano",
    "datapoint.time_unix_nano",
    "metric.name",
    "metric.unit",
    "metric.description",
    "metric.aggregation_temporality",
    "metric.is_monotonic",
    "metric.metadata[\"k1\"]",
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

fn parsed(request: &ExportMetricsServiceRequest) -> Request {
    Request::parse(Signal::Metrics, request.encode_to_vec().into()).unwrap()
}

/// Type, temporality, and whether it is monotonic.
fn data(metric: &Metric) -> (u32, u32, u32) {
    match &metric.data {
        None => (0, 0, 0),
        Some(Data::Gauge(_)) => (1, 0, 0),
        Some(Data::Sum(sum)) => (
            2,
            sum.aggregation_temporality as u32,
            u32::from(sum.is_monotonic),
        ),
        Some(Data::Histogram(data)) => (3, data.aggregation_temporality as u32, 0),
        Some(Data::ExponentialHistogram(data)) => (4, data.aggregation_temporality as u32, 0),
        Some(Data::Summary(_)) => (5, 0, 0),
    }
}

/// Fails unless the columns of metrics and points are those of a request.
fn check(view: &BatchView<'_>, request: &ExportMetricsServiceRequest) {
    let texts = |field: &dyn Fn(&Metric) -> &String| {
        Seen::Texts(metrics(request).map(|it| field(it).clone()).collect())
    };
    let narrow =
        |field: &dyn Fn(&Metric) -> u32| Seen::Narrow(metrics(request).map(field).collect());
    let of_metrics = vec![
        lists(metrics(request).map(|metric| &metric.metadata)),
        texts(&|metric| &metric.name),
        texts(&|metric| &metric.description),
        texts(&|metric| &metric.unit),
        narrow(&|metric| data(metric).0),
        narrow(&|metric| data(metric).1),
        narrow(&|metric| data(metric).2),
    ];
    for (path, (seen, expected)) in READS
        .iter()
        .zip(columns(view, Context::Metric).iter().zip(&of_metrics))
    {
        assert_eq!(seen, expected, "{path}");
    }
    let all: Vec<Point> = metrics(request).flat_map(points).collect();
    let wide = |field: &dyn Fn(&Point) -> u64| Seen::Wide(all.iter().map(field).collect());
    let mut of_points = vec![
        lists(all.iter().map(|point| &point.attributes)),
        wide(&|point| point.times.0),
        wide(&|point| point.times.1),
        Seen::Narrow(all.iter().map(|point| point.flags).collect()),
        wide(&|point| point.counts.0),
        wide(&|point| point.counts.1),
    ];
    for at in 0..13 {
        let cells = all
            .iter()
            .map(|point| -> Cell { point.numbers[at].clone() });
        of_points.push(Seen::Cells(cells.collect()));
    }
    let paths = READS.iter().skip(of_metrics.len());
    let seen = columns(view, Context::DataPoint);
    assert_eq!(seen.len(), of_points.len());
    for (path, (seen, expected)) in paths.zip(seen.iter().zip(&of_points)) {
        assert_eq!(seen, expected, "{path}");
    }
    let above = (0u32..).zip(metrics(request));
    let above = above.flat_map(|(row, metric)| points(metric).into_iter().map(move |_| row));
    assert_eq!(parents(view, Context::DataPoint), above.collect::<Vec<_>>());
    assert_eq!((view.signal, view.tables.len()), (Signal::Metrics, 4));
}

/// Fails unless the rows above metrics are those of a request. A stage sees them even when nothing below is left.
fn check_above(view: &BatchView<'_>, request: &ExportMetricsServiceRequest) {
    let resources = request.resource_metrics.iter();
    let scopes = resources.clone().flat_map(|it| &it.scope_metrics);
    let above = (0u32..).zip(scopes.clone());
    let above = above.flat_map(|(row, scope)| scope.metrics.iter().map(move |_| row));
    assert_eq!(parents(view, Context::Metric), above.collect::<Vec<_>>());
    let none = Vec::new();
    let resources = resources.map(|it| it.resource.as_ref().map_or(&none, |it| &it.attributes));
    assert_eq!(columns(view, Context::Resource), [lists(resources)]);
    let names = scopes.map(|it| {
        it.scope
            .as_ref()
            .map_or(String::new(), |it| it.name.clone())
    });
    assert_eq!(
        columns(view, Context::Scope),
        [Seen::Texts(names.collect())]
    );
}

/// The choices as an outcome over columns.
fn outcome(choices: &Choices, view: &BatchView<'_>) -> Outcome {
    let mut out = Outcome::default();
    let base = view.texts.ends.len() as u64;
    out.texts.bytes = b"newprod****".to_vec();
    out.texts.ends = vec![3, 7, 11];
    let (new, prod, stars) = ((1, base), (1, base + 1), (1, base + 2));
    let (metrics, points) = (view.tables[2].rows as usize, view.tables[3].rows as usize);
    for (context, matter, rows) in [
        (Context::Metric, 0, metrics),
        (Context::DataPoint, 1, points),
    ] {
        let drops = (0..rows).map(|row| u8::from(choices.pick(matter, row, 3) == 0));
        out.verdicts.push(Verdicts {
            context,
            rows: drops.collect(),
        });
    }
    let mut write = |field, rows: Vec<u32>, value| {
        if !rows.is_empty() {
            out.writes.push(Write {
                field,
                rows,
                values: cells([value]),
            });
        }
    };
    write(1, choices.rows(2, points, 3), (3, 7));
    for (kind, value) in [(0, (0, 0)), (1, (3, 5)), (2, (4, 2.5f64.to_bits()))] {
        let chosen = |row: &u32| choices.pick(3, *row as usize, 7) == kind;
        write(2, (0..points as u32).filter(chosen).collect(), value);
    }
    write(3, choices.rows(4, points, 3), (3, 1));
    write(4, choices.rows(4, points, 4), (3, 76));
    write(5, choices.rows(4, points, 5), (3, 77));
    write(6, choices.rows(5, metrics, 3), new);
    write(7, choices.rows(5, metrics, 4), (0, 0));
    write(8, choices.rows(5, metrics, 5), new);
    write(9, choices.rows(6, metrics, 3), (3, 2));
    write(10, choices.rows(6, metrics, 4), (3, 9));
    write(11, choices.rows(6, metrics, 5), (3, 1));
    if choices.pick(7, 0, 2) == 0 {
        for field in [12, 13] {
            out.writes.push(Write {
                field,
                rows: Vec::new(),
                values: cells([prod]),
            });
        }
        // Of every row, whether it has the field or not.
        out.writes.push(Write {
            field: 9,
            rows: Vec::new(),
            values: cells([(3, 1)]),
        });
    }
    if let Some(old) = text_index(view, "v1") {
        for field in [0, 6, 8] {
            out.replacements.push(Replacement {
                field,
                old: vec![old],
                new: vec![stars.1 as u32],
            });
        }
    }
    let Seen::Lists(entries) = &columns(view, Context::DataPoint)[0] else {
        panic!("attributes");
    };
    let keys = entries.iter().flatten().map(|(key, _)| key);
    let removed = (0u32..)
        .zip(keys)
        .filter(|(at, key)| *key != "k1" && choices.pick(8, *at as usize, 4) == 0);
    out.removals = vec![Removal {
        field: 0,
        entries: removed.map(|(at, _)| at).collect(),
    }];
    let appended = choices.rows(9, points, 3);
    out.appends = vec![Append {
        field: 0,
        keys: vec![base as u32; appended.len()],
        values: cells(appended.iter().map(|_| (2, 1))),
        rows: appended,
    }];
    out
}

/// Where the reference is.
#[derive(Default)]
struct At {
    metric: usize,
    point: usize,
    entry: usize,
}

/// The choices on decoded structs.
fn reference(choices: &Choices, request: &mut ExportMetricsServiceRequest) {
    let mut at = At::default();
    let all = choices.pick(7, 0, 2) == 0;
    request
        .resource_metrics
        .retain_mut(|resource: &mut ResourceMetrics| {
            if all {
                let resource = resource.resource.get_or_insert_default();
                set(&mut resource.attributes, "env", Some(text("prod")));
            }
            let had = resource.scope_metrics.len();
            resource
                .scope_metrics
                .retain_mut(|scope: &mut ScopeMetrics| {
                    if all {
                        scope.scope.get_or_insert_default().name = "prod".into();
                    }
                    let had = scope.metrics.len();
                    scope
                        .metrics
                        .retain_mut(|metric| edit(choices, metric, all, &mut at));
                    had == 0 || !scope.metrics.is_empty()
                });
            had == 0 || !resource.scope_metrics.is_empty()
        });
}

/// Edits a metric; returns whether it stays.
fn edit(choices: &Choices, metric: &mut Metric, all: bool, at: &mut At) -> bool {
    let row = at.metric;
    at.metric += 1;
    for text in [&mut metric.name, &mut metric.description] {
        if text == "v1" {
            *text = "****".into();
        }
    }
    if choices.pick(5, row, 3) == 0 {
        metric.name = "new".into();
    }
    if choices.pick(5, row, 4) == 0 {
        metric.unit.clear();
    }
    if choices.pick(5, row, 5) == 0 {
        metric.description = "new".into();
    }
    let temporality = match choices.pick(6, row, 3) {
        _ if all => Some(1),
        0 => Some(2),
        _ => None,
    };
    match (&mut metric.data, temporality) {
        (Some(Data::Sum(data)), Some(new)) => data.aggregation_temporality = new,
        (Some(Data::Histogram(data)), Some(new)) => data.aggregation_temporality = new,
        (Some(Data::ExponentialHistogram(data)), Some(new)) => data.aggregation_temporality = new,
        _ => {}
    }
    if let (Some(Data::Sum(data)), 0) = (&mut metric.data, choices.pick(6, row, 4)) {
        data.is_monotonic = true;
    }
    if choices.pick(6, row, 5) == 0 {
        set(&mut metric.metadata, "k1", Some(Value::IntValue(1)));
    }
    let had = points(metric).len();
    retain(metric, |point| edit_point(choices, point, at));
    choices.pick(0, row, 3) != 0 && (had == 0 || !points(metric).is_empty())
}

/// Edits a point; returns whether it stays.
fn edit_point(choices: &Choices, point: Fields<'_>, at: &mut At) -> bool {
    let row = at.point;
    at.point += 1;
    replace(point.attributes, "v1", "****");
    point.attributes.retain(|attribute| {
        let entry = at.entry;
        at.entry += 1;
        attribute.key == "k1" || choices.pick(8, entry, 4) != 0
    });
    if choices.pick(2, row, 3) == 0 {
        set(point.attributes, "k1", Some(Value::IntValue(7)));
    }
    match (point.value, choices.pick(3, row, 7)) {
        (Some(value), 0) => *value = None,
        (Some(value), 1) => *value = Some(number_data_point::Value::AsInt(5)),
        (Some(value), 2) => *value = Some(number_data_point::Value::AsDouble(2.5)),
        _ => {}
    }
    if choices.pick(4, row, 3) == 0 {
        *point.flags = 1;
    }
    if choices.pick(4, row, 4) == 0 {
        *point.start = 76;
    }
    if choices.pick(4, row, 5) == 0 {
        *point.time = 77;
    }
    if choices.pick(9, row, 3) == 0 {
        point.attributes.push(KeyValue {
            key: "new".into(),
            value: any_value(Value::BoolValue(true)),
            ..Default::default()
        });
    }
    choices.pick(1, row, 3) != 0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_of_bytes_equal_edits_of_structs(
        batches in prop::collection::vec(requests(), 1..3),
        stages in prop::collection::vec(choices(10), 0..4),
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
                let before = expected.items().len();
                let applied = workspace.apply(stage, &outcome).unwrap();
                reference(choices, &mut expected);
                prop_assert_eq!(applied.dropped_items, before - expected.items().len());
            }
            let out = workspace.splice();
            let decoded = ExportMetricsServiceRequest::decode(out.bytes.clone()).unwrap();
            prop_assert_eq!(&decoded, &expected);
            prop_assert_eq!(expected.items().len(), out.items);
            if stages.is_empty() {
                prop_assert_eq!(out.bytes, bytes);
            } else {
                Request::parse(Signal::Metrics, out.bytes).unwrap();
            }
        }
    }

    #[test]
    fn a_batch_in_parts_is_edited_part_by_part(
        request in requests(),
        choices in choices(10),
        about in 1usize..400,
    ) {
        let mut workspace = workspace(1);
        let bytes = Bytes::from(request.encode_to_vec());
        let batch = Batch::in_parts(Signal::Metrics, bytes, about).unwrap();
        let mut out = Joined::new(batch.bytes().clone());
        let mut expected = ExportMetricsServiceRequest::default();
        for part in batch.parts() {
            let mut edited = ExportMetricsServiceRequest::decode(part.bytes().clone()).unwrap();
            workspace.load_next(part, &out, 1).unwrap();
            let outcome = outcome(&choices, &workspace.view(0).unwrap());
            workspace.apply(0, &outcome).unwrap();
            workspace.splice_onto(&mut out);
            reference(&choices, &mut edited);
            expected.resource_metrics.extend(edited.resource_metrics);
        }
        let out = out.finish();
        prop_assert_eq!(ExportMetricsServiceRequest::decode(out.bytes).unwrap(), expected);
    }
}
