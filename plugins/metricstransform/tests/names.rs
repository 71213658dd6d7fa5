//! Which metrics are meant, and their names.

use serde_json::json;
use spanmill_sdk::testing::{Metric, Metrics};

use crate::support::{kit, point, run};

fn gauges(names: &[&str]) -> Vec<Metric> {
    let gauge = |name: &&str| Metric::gauge(name).point(point(1, &[("host", "a")]));
    names.iter().map(gauge).collect()
}

#[test]
fn a_metric_is_renamed_by_its_name() {
    let changed = run(
        json!({"include": "cpu", "new_name": "system.$1.cpu"}),
        gauges(&["cpu", "cpu.user", "memory"]),
    );
    assert_eq!(
        changed.metric_names(),
        ["system.$1.cpu", "cpu.user", "memory"]
    );
}

#[test]
fn groups_of_a_pattern_are_put_into_the_name() {
    let transform = |new_name: &str| {
        let include = r"^system\.(?P<what>[a-z]+)\.(.*)$";
        json!({"include": include, "match_type": "regexp", "new_name": new_name})
    };
    let names = ["system.cpu.time", "system.disk.io", "other"];
    for (new_name, expected) in [
        ("${2}.of.$what", ["time.of.cpu", "io.of.disk", "other"]),
        ("$1$$", ["cpu$", "disk$", "other"]),
        ("fixed", ["fixed", "fixed", "other"]),
        // A name that nothing is left of is the new name as it is written.
        ("$nothing", ["$nothing", "$nothing", "other"]),
    ] {
        let changed = run(transform(new_name), gauges(&names));
        assert_eq!(changed.metric_names(), expected, "{new_name}");
    }
}

#[test]
fn later_transforms_see_what_earlier_ones_made() {
    let mut kit = kit(json!([
        {"include": "a", "action": "update", "new_name": "b"},
        {"include": "^b$", "match_type": "regexp", "action": "update", "new_name": "c"},
        {"include": "a", "action": "update", "new_name": "never"},
    ]));
    let changed = kit.run(&Metrics::of(gauges(&["a", "b", "c", "d"])));
    assert_eq!(changed.metric_names(), ["c", "c", "c", "d"]);
}

#[test]
fn a_metric_is_renamed_only_if_every_point_has_the_labels() {
    let transform = || {
        json!({
            "include": "m",
            "new_name": "n",
            "experimental_match_labels": {"host": "a", "zone": ""},
        })
    };
    let metric = |points: &[&[(&str, &str)]]| {
        let points = points.iter().map(|labels| point(1, labels));
        points.fold(Metric::gauge("m"), Metric::point)
    };
    for (points, name) in [
        (
            &[[("host", "a")].as_slice(), &[("host", "a"), ("x", "y")]][..],
            "n",
        ),
        (&[&[("host", "a")], &[("host", "b")]], "m"),
        (&[&[("host", "a"), ("zone", "z")]], "m"),
        // An empty value means a label that is not there, or is empty.
        (&[&[("host", "a"), ("zone", "")]], "n"),
        (&[&[]], "m"),
        (&[], "n"),
    ] {
        let changed = run(transform(), [metric(points)]);
        assert_eq!(changed.metric_names(), [name], "{points:?}");
    }
    let pattern = json!({
        "include": "m",
        "match_type": "regexp",
        "new_name": "n",
        "experimental_match_labels": {"host": "^(a|b)$"},
    });
    let changed = run(pattern, [metric(&[&[("host", "a")], &[("host", "b")]])]);
    assert_eq!(changed.metric_names(), ["n"]);
}

#[test]
fn only_what_is_needed_is_declared() {
    let rename = kit(json!([{"include": "a", "action": "update", "new_name": "b"}]));
    assert_eq!(rename.reads(), ["metric.name"]);
    assert_eq!(rename.writes(), ["metric.name"]);
    let labels = kit(json!([{
        "include": "a",
        "action": "update",
        "experimental_match_labels": {"host": "x"},
        "operations": [{"action": "add_label", "new_label": "env", "new_value": "prod"}],
    }]));
    assert_eq!(
        labels.reads(),
        [
            r#"datapoint.attributes["host"]"#,
            r#"datapoint.attributes["env"]"#,
            "metric.name"
        ]
    );
    assert_eq!(labels.writes(), [r#"datapoint.attributes["env"]"#]);
}
