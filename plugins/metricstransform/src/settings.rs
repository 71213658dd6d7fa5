//! The settings, as the Collector reads them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Which metrics are changed, and how; one after the other, at least one.
    #[serde(default)]
    pub(crate) transforms: Option<Vec<Transform>>,
}

/// Which metrics are changed, and how.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Transform {
    pub include: String,
    pub match_type: String,
    pub experimental_match_labels: Option<BTreeMap<String, String>>,
    pub action: String,
    pub new_name: String,
    pub group_resource_labels: Option<BTreeMap<String, String>>,
    pub aggregation_type: String,
    pub submatch_case: String,
    pub operations: Option<Vec<Operation>>,
}

/// One of the things that are done to a metric.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Operation {
    pub action: String,
    pub label: String,
    pub new_label: String,
    pub label_set: Option<Vec<String>>,
    pub aggregation_type: String,
    pub aggregated_values: Option<Vec<String>>,
    pub new_value: Option<String>,
    pub value_actions: Option<Vec<ValueAction>>,
    pub experimental_scale: f64,
    pub label_value: Option<String>,
}

/// A label's value, and what it becomes.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ValueAction {
    pub value: String,
    pub new_value: String,
}

impl Operation {
    /// The keys that are given but for `action`.
    pub(crate) fn given(&self) -> impl Iterator<Item = &'static str> {
        let keys = [
            ("label", !self.label.is_empty()),
            ("new_label", !self.new_label.is_empty()),
            ("label_set", self.label_set.is_some()),
            ("aggregation_type", !self.aggregation_type.is_empty()),
            ("aggregated_values", self.aggregated_values.is_some()),
            ("new_value", self.new_value.is_some()),
            ("value_actions", self.value_actions.is_some()),
            ("experimental_scale", self.experimental_scale != 0.0),
            ("label_value", self.label_value.is_some()),
        ];
        let given = keys.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(key, _)| key)
    }
}
