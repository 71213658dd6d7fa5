//! What is wrong with settings, and what to do.

use serde_json::{Value as Json, json};
use spanmill_metricstransform::MetricsTransform;
use spanmill_sdk::testing::Kit;

fn error(settings: Json) -> String {
    let kit = Kit::<MetricsTransform>::new(settings);
    kit.err().unwrap().to_string()
}

#[test]
fn mistakes_of_transforms_are_named() {
    assert_eq!(error(json!({})), "/transforms: needs one at least");
    for (transform, message) in [
        (
            json!({"action": "update"}),
            "/transforms/0/include: is required: the name of a metric, or with match_type regexp a pattern; \
             /transforms/0/operations: does nothing; give operations or new_name",
        ),
        (
            json!({"include": "(", "match_type": "regexp", "new_name": "a", "experimental_match_labels": {"a/b": "["}}),
            "/transforms/0/action: is required: update; \
             /transforms/0/include: no valid regular expression: unclosed group; \
             /transforms/0/experimental_match_labels/a~1b: no valid regular expression: unclosed character class",
        ),
        (
            json!({"include": "a", "match_type": "glob", "action": "change", "new_name": "b", "submatch_case": "lower"}),
            "/transforms/0/match_type: must be strict or regexp; /transforms/0/action: must be update; \
             /transforms/0/submatch_case: is for the action combine; take it out",
        ),
        (
            json!({"include": "a", "action": "insert", "new_name": "b"}),
            "/transforms/0/action: insert copies metrics, and a plugin changes or drops those that are there; use update, \
             or a Collector for this transform",
        ),
        (
            json!({"include": "a", "action": "combine", "new_name": "b", "aggregation_type": "sum"}),
            "/transforms/0/action: combine makes one metric of several, and a plugin changes or drops those that are \
             there; use update, or a Collector for this transform",
        ),
    ] {
        assert_eq!(error(json!({"transforms": [transform]})), message);
    }
}

#[test]
fn mistakes_of_operations_are_named() {
    for (operation, message) in [
        (
            json!({}),
            "/action: is required: add_label, update_label, delete_label_value, toggle_scalar_data_type, \
             experimental_scale_value, aggregate_labels, aggregate_label_values",
        ),
        (
            json!({"action": "update_labels"}),
            "/action: there is no such operation; did you mean update_label?",
        ),
        (
            json!({"action": "add_label", "new_label": "a", "new_value": "", "label": "b"}),
            "/label: add_label takes no label; take it out; at/new_value: is required for add_label",
        ),
        (
            json!({"action": "update_label", "label": "a"}),
            ": update_label needs new_label or value_actions",
        ),
        (
            json!({"action": "update_label", "label": "a", "new_label": "a"}),
            "/new_label: is the label itself; take it out",
        ),
        (
            json!({"action": "delete_label_value"}),
            "/label: is required for delete_label_value; at/label_value: is required for delete_label_value",
        ),
        (
            json!({"action": "experimental_scale_value"}),
            "/experimental_scale: is required for experimental_scale_value",
        ),
        (
            json!({"action": "aggregate_labels", "label_set": [], "aggregation_type": "avg"}),
            "/aggregation_type: must be sum, mean, min, max, median or count",
        ),
    ] {
        let settings = json!({"transforms": [{"include": "a", "action": "update", "operations": [operation]}]});
        let place = "/transforms/0/operations/0";
        let message = format!("{place}{}", message.replace("; at", &format!("; {place}")));
        assert_eq!(error(settings), message);
    }
}
