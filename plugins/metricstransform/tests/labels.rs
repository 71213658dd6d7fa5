//! Labels that are added, renamed and given other values, and points that go by a label.

use serde_json::{Value as Json, json};
use spanmill_sdk::Context;
use spanmill_sdk::testing::{Attr, DataPoint, Metric, MetricType};

use crate::support::{labels, point, run};

/// The same operation in a list of one that reads labels by key, and in one that reads all of them.
fn both(operation: Json, match_labels: Json) -> [Json; 2] {
    let by_key = json!({
        "include": "m",
        "experimental_match_labels": match_labels,
        "operations": [operation],
    });
    let mut whole = by_key.clone();
    let nothing = json!({"action": "aggregate_label_values", "label": "none", "aggregated_values": [], "new_value": "",
        "aggregation_type": "sum"});
    let operations = whole["operations"].as_array_mut().unwrap();
    operations.push(nothing);
    [by_key, whole]
}

fn gauge(points: impl IntoIterator<Item = DataPoint>) -> Metric {
    points.into_iter().fold(Metric::gauge("m"), Metric::point)
}

#[test]
fn a_label_is_added_where_it_is_not() {
    let operation =
        json!({"action": "add_label", "new_label": "v", "new_value": "now {{version}}"});
    for transform in both(operation, Json::Null) {
        let points = [point(1, &[("a", "x")]), point(2, &[("v", "sent")])];
        let changed = run(
            transform,
            [gauge(points), Metric::gauge("other").point(point(1, &[]))],
        );
        let version = Attr::from(format!("now {}", env!("CARGO_PKG_VERSION")));
        let (x, sent) = ("x".into(), "sent".into());
        let expected = [vec![("a", &x), ("v", &version)], vec![("v", &sent)], vec![]];
        assert_eq!(labels(&changed), expected);
    }
}

#[test]
fn a_label_is_renamed_and_its_values_are_replaced() {
    let operation = json!({
        "action": "update_label",
        "label": "state",
        "new_label": "mode",
        "value_actions": [
            {"value": "idle", "new_value": "first"},
            {"value": "idle", "new_value": "-"},
            {"value": "-", "new_value": "never twice"},
        ],
    });
    for transform in both(operation, Json::Null) {
        let points = [
            point(1, &[("state", "idle"), ("mode", "overwritten"), ("k", "v")]),
            point(2, &[("state", "user")]),
            point(3, &[("k", "v")]),
            DataPoint::int(4).attr("state", 7),
        ];
        let changed = run(transform, [gauge(points)]);
        let (dash, user, v, seven) = ("-".into(), "user".into(), "v".into(), 7.into());
        let expected = [
            vec![("k", &v), ("mode", &dash)],
            vec![("mode", &user)],
            vec![("k", &v)],
            vec![("mode", &seven)],
        ];
        assert_eq!(labels(&changed), expected);
    }
}

#[test]
fn values_are_replaced_only_in_points_that_are_meant() {
    let operation = json!({
        "action": "update_label",
        "label": "state",
        "value_actions": [{"value": "a", "new_value": "b"}],
    });
    for transform in both(operation, json!({"host": "x"})) {
        let points = [
            point(1, &[("host", "x"), ("state", "a")]),
            point(2, &[("host", "y"), ("state", "a")]),
        ];
        let changed = run(transform, [gauge(points)]);
        let states: Vec<_> = changed
            .left
            .points()
            .map(|it| it.get("state").cloned())
            .collect();
        assert_eq!(states, [Some("b".into()), Some("a".into())]);
    }
}

#[test]
fn points_go_by_the_value_of_a_label() {
    let operation =
        json!({"action": "delete_label_value", "label": "state", "label_value": "idle"});
    let points = || {
        [
            point(1, &[("state", "idle")]),
            point(2, &[("state", "user")]),
            point(3, &[]),
        ]
    };
    for transform in both(operation.clone(), Json::Null) {
        let changed = run(transform, [gauge(points())]);
        assert_eq!(changed.dropped(Context::DataPoint), [0]);
    }
    // Not where a point is not meant; and a metric that has lost all of its points goes.
    let only = json!({"include": "m", "experimental_match_labels": {"state": "idle"}, "operations": [operation]});
    assert_eq!(
        run(only.clone(), [gauge(points())]).left.points().count(),
        3
    );
    let idle = gauge([point(1, &[("state", "idle")])]);
    assert_eq!(
        run(only, [idle, Metric::gauge("other")]).metric_names(),
        ["other"]
    );
    // What is no text reads as an empty one.
    let empty = json!({"action": "delete_label_value", "label": "state", "label_value": ""});
    let transform = json!({"include": "m", "operations": [empty]});
    let changed = run(
        transform,
        [gauge([DataPoint::int(1).attr("state", 5), point(2, &[])])],
    );
    assert_eq!(changed.dropped(Context::DataPoint), [0]);
}

#[test]
fn points_of_every_type_have_labels() {
    let types = [
        MetricType::Sum,
        MetricType::Histogram,
        MetricType::ExponentialHistogram,
        MetricType::Summary,
    ];
    let metrics = types.map(|of| Metric::new("m", of).point(DataPoint::default().attr("a", "x")));
    let operation = json!({"action": "update_label", "label": "a", "new_label": "b"});
    let changed = run(json!({"include": "m", "operations": [operation]}), metrics);
    let x = "x".into();
    assert_eq!(labels(&changed), vec![vec![("b", &x)]; 4]);
}
