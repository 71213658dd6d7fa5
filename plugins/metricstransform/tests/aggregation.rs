//! Points that become one.

use serde_json::{Value as Json, json};
use spanmill_sdk::testing::{Attr, Changed, DataPoint, Metric, MetricType, Metrics, Number};

use crate::support::{kit, labels, point, run};

fn by_labels(set: Json, by: &str) -> Json {
    let operation = json!({"action": "aggregate_labels", "label_set": set, "aggregation_type": by});
    json!({"include": "m", "operations": [operation]})
}

fn ints(changed: &Changed<Metric>) -> Vec<i64> {
    let values = changed.left.points().map(|point| match point.value {
        Some(Number::Int(value)) => value,
        other => panic!("{other:?}"),
    });
    values.collect()
}

fn cpu() -> Metric {
    Metric::gauge("m")
        .point(point(1, &[("cpu", "0"), ("state", "user")]))
        .point(point(2, &[("state", "idle"), ("cpu", "0")]))
        .point(point(4, &[("cpu", "1"), ("state", "user")]))
        .point(point(9, &[("state", "idle"), ("cpu", "1")]))
}

#[test]
fn points_are_put_together_over_labels() {
    let (user, idle): (Attr, Attr) = ("user".into(), "idle".into());
    for (by, expected) in [
        ("sum", [5, 11]),
        ("mean", [2, 5]),
        ("min", [1, 2]),
        ("max", [4, 9]),
        ("median", [2, 5]),
        ("count", [2, 2]),
    ] {
        let changed = run(by_labels(json!(["state"]), by), [cpu()]);
        assert_eq!(ints(&changed), expected, "{by}");
        assert_eq!(labels(&changed), [[("state", &user)], [("state", &idle)]]);
    }
    let changed = run(by_labels(json!([]), "sum"), [cpu()]);
    assert_eq!(ints(&changed), [16]);
    assert_eq!(labels(&changed), [vec![]]);
    let changed = run(by_labels(json!(["cpu", "state", "none"]), "sum"), [cpu()]);
    assert_eq!(changed.item(0), &cpu(), "nothing to put together");
}

#[test]
fn points_of_different_times_stay_apart() {
    let at = |value, start, time| DataPoint::int(value).times(start, time);
    let points = |metric: Metric| {
        let points = [at(1, 10, 20), at(2, 5, 20), at(4, 10, 30), at(8, 10, 20)];
        points.into_iter().fold(metric, Metric::point)
    };
    let delta = Metric {
        aggregation_temporality: 1,
        ..Metric::sum("m")
    };
    let starts = |changed: &Changed<Metric>| -> Vec<u64> {
        changed
            .left
            .points()
            .map(|it| it.start_time_unix_nano)
            .collect()
    };
    // Of those put together, the earliest start counts; of deltas, those of another start are other points.
    let changed = run(by_labels(json!([]), "sum"), [points(Metric::sum("m"))]);
    assert_eq!(
        (ints(&changed), starts(&changed)),
        (vec![11, 4], vec![5, 10])
    );
    let changed = run(by_labels(json!([]), "sum"), [points(delta)]);
    assert_eq!(
        (ints(&changed), starts(&changed)),
        (vec![9, 2, 4], vec![10, 5, 10])
    );
}

#[test]
fn values_of_a_label_become_one() {
    let operation = json!({
        "action": "aggregate_label_values",
        "label": "state",
        "aggregated_values": ["user", "system"],
        "new_value": "used",
        "aggregation_type": "sum",
    });
    let metric = Metric::gauge("m")
        .point(point(1, &[("state", "user")]))
        // A value that is what the others become.
        .point(point(2, &[("state", "used")]))
        .point(point(4, &[("state", "idle")]))
        .point(point(8, &[("state", "system")]))
        .point(point(16, &[]));
    let changed = run(json!({"include": "m", "operations": [operation]}), [metric]);
    assert_eq!(ints(&changed), [11, 4, 16]);
    let (used, idle): (Attr, Attr) = ("used".into(), "idle".into());
    let expected = [vec![("state", &used)], vec![("state", &idle)], vec![]];
    assert_eq!(labels(&changed), expected);
}

#[test]
fn labels_are_equal_by_value_in_any_order() {
    let values: [Attr; 7] = [
        1.into(),
        1.0.into(),
        "1".into(),
        true.into(),
        1.5.into(),
        Attr::Array(vec![1.into()]),
        Attr::Array(vec![1.into()]),
    ];
    let points = values.map(|value| DataPoint::int(1).attr("gone", "x").attr("k", value));
    let metric = points.into_iter().fold(Metric::gauge("m"), Metric::point);
    let changed = run(by_labels(json!(["k"]), "count"), [metric]);
    assert_eq!(ints(&changed), [2, 1, 1, 1, 2]);
}

#[test]
fn later_operations_see_what_is_left() {
    let mut kit = kit(json!([{
        "include": "m",
        "action": "update",
        "operations": [
            {"action": "aggregate_labels", "label_set": ["state"], "aggregation_type": "sum"},
            {"action": "update_label", "label": "state", "new_label": "mode"},
            {"action": "add_label", "new_label": "cpu", "new_value": "all"},
            {"action": "delete_label_value", "label": "mode", "label_value": "idle"},
            {"action": "experimental_scale_value", "experimental_scale": 100},
            {"action": "toggle_scalar_data_type"},
        ],
    }]));
    let changed = kit.run(&Metrics::of([
        cpu(),
        Metric::gauge("other").point(point(1, &[])),
    ]));
    let (all, user): (Attr, Attr) = ("all".into(), "user".into());
    assert_eq!(
        labels(&changed),
        [vec![("cpu", &all), ("mode", &user)], vec![]]
    );
    let value = changed.left.points().next().unwrap().value;
    assert_eq!(value, Some(Number::Double(500.0)));
}

#[test]
fn what_is_no_number_is_not_put_together() {
    let operations = json!([
        {"action": "update_label", "label": "a", "new_label": "b"},
        {"action": "aggregate_labels", "label_set": ["b"], "aggregation_type": "sum"},
        {"action": "add_label", "new_label": "c", "new_value": "d"},
    ]);
    let transform = || json!({"include": "m", "operations": operations});
    let metric = |of: MetricType, keys: [&str; 2]| {
        let points = keys.map(|key| DataPoint::counted(1, 2.0).attr("a", key).attr("x", "y"));
        points.into_iter().fold(Metric::new("m", of), Metric::point)
    };
    let of = MetricType::Histogram;
    let (p, q, d, y): (Attr, Attr, Attr, Attr) = ("p".into(), "q".into(), "d".into(), "y".into());
    // Two points that would be one: nothing is done.
    let changed = run(transform(), [metric(of, ["p", "p"])]);
    assert_eq!(changed.item(0), &metric(of, ["p", "p"]));
    assert_eq!(changed.count("metrics_not_transformed"), 1);
    // Two that stay two are no matter.
    let changed = run(transform(), [metric(of, ["p", "q"])]);
    let expected = [vec![("b", &p), ("c", &d)], vec![("b", &q), ("c", &d)]];
    assert_eq!(labels(&changed), expected);
    assert!(changed.logs.is_empty());
    // As in the Collector, what is done to a summary ends there.
    let changed = run(transform(), [metric(MetricType::Summary, ["p", "q"])]);
    let expected = [vec![("b", &p), ("x", &y)], vec![("b", &q), ("x", &y)]];
    assert_eq!(labels(&changed), expected);
    assert!(
        changed.logs[0].1.contains("summaries cannot be aggregated"),
        "{:?}",
        changed.logs
    );
}

proptest::proptest! {
    /// However points are labelled, as many are left as there are labels that differ, and their values add up.
    #[test]
    fn sums_over_labels_are_those_of_the_points(
        points in proptest::collection::vec((-50i64..50, 0u8..3, 0u8..3), 0..20)
    ) {
        let metric = points.iter().fold(Metric::gauge("m"), |metric, (value, a, b)| {
            let (a, b) = (a.to_string(), b.to_string());
            metric.point(point(*value, &[("a", &a), ("b", &b)]))
        });
        let mut expected: Vec<(u8, i64)> = Vec::new();
        for (value, a, _) in &points {
            match expected.iter_mut().find(|(known, _)| known == a) {
                Some((_, sum)) => *sum += value,
                None => expected.push((*a, *value)),
            }
        }
        let changed = run(by_labels(json!(["a"]), "sum"), [metric]);
        let sums: Vec<i64> = expected.iter().map(|(_, sum)| *sum).collect();
        proptest::prop_assert_eq!(ints(&changed), sums);
    }
}
