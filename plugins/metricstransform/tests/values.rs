//! Values that are scaled, and whose type changes.

use serde_json::json;
use spanmill_sdk::Level;
use spanmill_sdk::testing::{DataPoint, Metric, MetricType, Number};

use crate::support::{point, run};

fn values(changed: &spanmill_sdk::testing::Changed<Metric>) -> Vec<Option<Number>> {
    changed.left.points().map(|point| point.value).collect()
}

#[test]
fn values_are_scaled_in_their_type() {
    let scale = json!({"action": "experimental_scale_value", "experimental_scale": 0.5});
    let metric = Metric::sum("m")
        .point(DataPoint::int(7))
        .point(DataPoint::int(-7))
        .point(DataPoint::double(7.0))
        .point(DataPoint::default());
    let changed = run(json!({"include": "m", "operations": [scale]}), [metric]);
    let int = |value| Some(Number::Int(value));
    assert_eq!(
        values(&changed),
        [int(3), int(-3), Some(Number::Double(3.5)), None]
    );
}

#[test]
fn only_points_that_are_meant_are_scaled() {
    let scale = json!({"action": "experimental_scale_value", "experimental_scale": 10});
    let metric = Metric::gauge("m")
        .point(point(1, &[("a", "x")]))
        .point(point(2, &[]));
    let labels = json!({"a": "x"});
    let transform =
        json!({"include": "m", "experimental_match_labels": labels, "operations": [scale]});
    let changed = run(transform, [metric]);
    assert_eq!(
        values(&changed),
        [Some(Number::Int(10)), Some(Number::Int(2))]
    );
}

#[test]
fn the_type_of_values_is_toggled() {
    let toggle = json!({"action": "toggle_scalar_data_type"});
    let metric = Metric::gauge("m")
        .point(DataPoint::int(7))
        .point(DataPoint::double(-2.9));
    let histogram = Metric::histogram("m").point(DataPoint::counted(2, 3.0));
    let changed = run(
        json!({"include": "m", "operations": [toggle]}),
        [metric, histogram.clone()],
    );
    assert_eq!(
        values(&changed)[..2],
        [Some(Number::Double(7.0)), Some(Number::Int(-2))]
    );
    assert_eq!(changed.item(1), &histogram);
}

#[test]
fn a_histogram_that_cannot_be_scaled_is_not_renamed_either() {
    let scale = json!({"action": "experimental_scale_value", "experimental_scale": 0.001});
    let transform = json!({"include": "ms", "new_name": "s", "operations": [scale]});
    let of = |of: MetricType| Metric::new("ms", of).point(DataPoint::counted(2, 3.0));
    let histograms = [
        of(MetricType::Histogram),
        of(MetricType::ExponentialHistogram),
    ];
    let gauge = Metric::gauge("ms").point(DataPoint::int(5000));
    let changed = run(transform, histograms.into_iter().chain([gauge]));
    assert_eq!(changed.metric_names(), ["ms", "ms", "s"]);
    assert_eq!(changed.count("metrics_not_transformed"), 2);
    let expected = "transform 0 is not for all metrics that it names: a plugin cannot scale histograms; it is left out \
                    for them";
    assert_eq!(changed.logs, [(Level::Warn, expected.to_owned())]);
}
