//! Settings made into transforms, and what is wrong with them.

use spanmill_pattern::compile;
use spanmill_sdk::{Problems, closest};

use crate::aggregate::Aggregation;
use crate::rules::{Names, Operation, Question, Transform, Wanted};
use crate::settings;

/// Each action with the keys that it takes; those in front of the bar must be given.
const ACTIONS: [(&str, &str); 7] = [
    ("add_label", "new_label new_value |"),
    ("update_label", "label | new_label value_actions"),
    ("delete_label_value", "label label_value |"),
    ("toggle_scalar_data_type", "|"),
    ("experimental_scale_value", "experimental_scale |"),
    ("aggregate_labels", "label_set aggregation_type |"),
    (
        "aggregate_label_values",
        "label aggregated_values new_value aggregation_type |",
    ),
];

/// Notes mistakes at one place.
struct At<'a> {
    path: String,
    problems: &'a mut Problems,
}

impl At<'_> {
    fn wrong(&mut self, key: &str, message: impl Into<String>) {
        let path = match key {
            "" => self.path.clone(),
            key => format!("{}/{key}", self.path),
        };
        self.problems.push(path, message);
    }
}

/// The transforms, as far as they are right.
pub(crate) fn transforms(
    settings: &[settings::Transform],
    names: &mut Names,
    problems: &mut Problems,
) -> Vec<Transform> {
    let mut transforms = Vec::new();
    for (place, settings) in settings.iter().enumerate() {
        let mut at = At {
            path: format!("/transforms/{place}"),
            problems,
        };
        transforms.extend(transform(settings, names, &mut at));
    }
    transforms
}

fn transform(
    settings: &settings::Transform,
    names: &mut Names,
    at: &mut At<'_>,
) -> Option<Transform> {
    let is_pattern = match settings.match_type.as_str() {
        "" | "strict" => false,
        "regexp" => true,
        _ => {
            at.wrong("match_type", "must be strict or regexp");
            false
        }
    };
    check_action(settings, at);
    let mut wanted = |key: &str, text: &str| match (is_pattern, compile(text)) {
        (false, _) => Some(Wanted::Text(text.to_owned())),
        (true, Ok(pattern)) => Some(Wanted::Pattern(pattern)),
        (true, Err(error)) => {
            at.wrong(key, error.to_string());
            None
        }
    };
    let include = wanted("include", &settings.include);
    let mut labels = Vec::new();
    for (key, value) in settings.experimental_match_labels.iter().flatten() {
        let name = key.replace('~', "~0").replace('/', "~1");
        let wanted = wanted(&format!("experimental_match_labels/{name}"), value);
        labels.extend(wanted.map(|wanted| (names.label(key), Question::new(wanted))));
    }
    if settings.include.is_empty() {
        at.wrong(
            "include",
            "is required: the name of a metric, or with match_type regexp a pattern",
        );
    }
    let mut operations = Vec::new();
    for (place, settings) in settings.operations.iter().flatten().enumerate() {
        let mut at = At {
            path: format!("{}/operations/{place}", at.path),
            problems: &mut *at.problems,
        };
        operations.extend(operation(settings, names, &mut at));
    }
    if settings.new_name.is_empty() && settings.operations.iter().flatten().next().is_none() {
        at.wrong("operations", "does nothing; give operations or new_name");
    }
    Some(Transform {
        include: Question::new(include?),
        labels,
        new_name: settings.new_name.clone(),
        operations,
        said: false,
    })
}

fn check_action(settings: &settings::Transform, at: &mut At<'_>) {
    let instead = match settings.action.as_str() {
        "update" => None,
        "insert" => Some("copies metrics"),
        "combine" => Some("makes one metric of several"),
        "group" => Some("makes resources"),
        "" => {
            at.wrong("action", "is required: update");
            None
        }
        _ => {
            at.wrong("action", "must be update");
            None
        }
    };
    if let Some(what) = instead {
        at.wrong(
            "action",
            format!(
                "{} {what}, and a plugin changes or drops those that are there; use update, or a Collector for this transform",
                settings.action
            ),
        );
    }
    for (key, is_given, action) in [
        (
            "group_resource_labels",
            settings.group_resource_labels.is_some(),
            "group",
        ),
        (
            "aggregation_type",
            !settings.aggregation_type.is_empty(),
            "combine",
        ),
        (
            "submatch_case",
            !settings.submatch_case.is_empty(),
            "combine",
        ),
    ] {
        if is_given && settings.action != action {
            at.wrong(key, format!("is for the action {action}; take it out"));
        }
    }
}

fn operation(
    settings: &settings::Operation,
    names: &mut Names,
    at: &mut At<'_>,
) -> Option<Operation> {
    let action = settings.action.as_str();
    let Some((_, keys)) = ACTIONS.iter().find(|(known, _)| *known == action) else {
        let known = ACTIONS.map(|(known, _)| known);
        let message = match (action, closest(action, known)) {
            ("", _) => format!("is required: {}", known.join(", ")),
            (_, Some(meant)) => format!("there is no such operation; did you mean {meant}?"),
            (_, None) => format!("must be one of {}", known.join(", ")),
        };
        at.wrong("action", message);
        return None;
    };
    let (required, optional) = keys.split_once('|').unwrap_or((keys, ""));
    let given: Vec<&str> = settings.given().collect();
    let mut is_right = true;
    for key in required
        .split_whitespace()
        .filter(|key| !given.contains(key))
    {
        at.wrong(key, format!("is required for {action}"));
        is_right = false;
    }
    let mut taken = required
        .split_whitespace()
        .chain(optional.split_whitespace());
    for key in &given {
        if !taken.clone().any(|taken| taken == *key) {
            at.wrong(key, format!("{action} takes no {key}; take it out"));
            is_right = false;
        }
    }
    let aggregates = taken.any(|key| key == "aggregation_type");
    let by = Aggregation::named(&settings.aggregation_type);
    if aggregates && !settings.aggregation_type.is_empty() && by.is_none() {
        at.wrong(
            "aggregation_type",
            "must be sum, mean, min, max, median or count",
        );
        is_right = false;
    }
    if action == "update_label" && !is_update(settings, at) {
        is_right = false;
    }
    if action == "add_label" && settings.new_value.as_deref() == Some("") {
        at.wrong("new_value", "is required for add_label");
        is_right = false;
    }
    is_right.then(|| of(action, settings, names, by.unwrap_or(Aggregation::Sum)))
}

fn is_update(settings: &settings::Operation, at: &mut At<'_>) -> bool {
    let has_values = settings.value_actions.iter().flatten().next().is_some();
    if settings.new_label.is_empty() && !has_values {
        at.wrong("", "update_label needs new_label or value_actions");
        return false;
    }
    if settings.new_label == settings.label {
        at.wrong("new_label", "is the label itself; take it out");
        return false;
    }
    true
}

/// The operation of settings that are right.
fn of(
    action: &str,
    settings: &settings::Operation,
    names: &mut Names,
    by: Aggregation,
) -> Operation {
    let versioned = |text: &str| text.replace("{{version}}", env!("CARGO_PKG_VERSION"));
    let new_value = versioned(settings.new_value.as_deref().unwrap_or_default());
    match action {
        "add_label" => Operation::AddLabel {
            label: names.label(&settings.new_label),
            text: names.text(&new_value),
        },
        "update_label" => {
            let new_label = Some(&settings.new_label).filter(|label| !label.is_empty());
            let values = settings.value_actions.iter().flatten();
            Operation::UpdateLabel {
                label: names.label(&settings.label),
                new_label: new_label.map(|label| names.label(label)),
                // Of one value the last counts.
                values: values
                    .rev()
                    .map(|it| (it.value.clone(), names.text(&versioned(&it.new_value))))
                    .collect(),
            }
        }
        "delete_label_value" => Operation::DeleteLabelValue {
            label: names.label(&settings.label),
            value: settings.label_value.clone().unwrap_or_default(),
        },
        "toggle_scalar_data_type" => Operation::ToggleScalarDataType,
        "experimental_scale_value" => Operation::ScaleValue(settings.experimental_scale),
        "aggregate_labels" => {
            let kept = settings.label_set.iter().flatten();
            Operation::AggregateLabels {
                kept: kept.map(|label| names.label(label)).collect(),
                by,
            }
        }
        _ => Operation::AggregateLabelValues {
            label: names.label(&settings.label),
            values: settings.aggregated_values.clone().unwrap_or_default(),
            text: names.text(&new_value),
            by,
        },
    }
}
