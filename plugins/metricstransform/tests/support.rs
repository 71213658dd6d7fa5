//! What the tests share.

use serde_json::{Value as Json, json};
use spanmill_metricstransform::MetricsTransform;
use spanmill_sdk::testing::{Attr, Changed, DataPoint, Kit, Metric, Metrics};

/// A processor with these transforms.
pub fn kit(transforms: Json) -> Kit<MetricsTransform> {
    Kit::new(json!({ "transforms": transforms })).unwrap()
}

/// What one transform makes of metrics. Those that it does not say of are updates.
pub fn run(transform: Json, metrics: impl IntoIterator<Item = Metric>) -> Changed<Metric> {
    let mut transform = transform;
    if transform["action"].is_null() {
        transform["action"] = json!("update");
    }
    kit(json!([transform])).run(&Metrics::of(metrics))
}

/// A point with a whole number and labels.
pub fn point(value: i64, labels: &[(&str, &str)]) -> DataPoint {
    let point = DataPoint::int(value).times(1, 2);
    labels
        .iter()
        .fold(point, |point, (key, value)| point.attr(key, *value))
}

/// The labels of every point, in order of their keys.
pub fn labels(changed: &Changed<Metric>) -> Vec<Vec<(&str, &Attr)>> {
    let points = changed.left.points().map(|point| {
        let labels = point.attributes.iter();
        let mut labels: Vec<_> = labels.map(|(key, value)| (key.as_str(), value)).collect();
        labels.sort_by_key(|(key, _)| *key);
        labels
    });
    points.collect()
}
