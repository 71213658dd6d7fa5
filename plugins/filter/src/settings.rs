//! The settings, as the Collector reads them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use spanmill_ottl::ErrorMode;
use spanmill_sdk::{ConfigError, Context, Problems, Signal};

/// The component's section of the manifest.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A condition that cannot be evaluated does not hold and is logged; the same, not logged; or the batch fails.
    #[cfg_attr(test, schemars(extend("default" = "ignore")))]
    error_mode: Option<ErrorMode>,
    traces: Option<Traces>,
    logs: Option<Logs>,
    metrics: Option<Metrics>,
    /// Instead of `traces`: conditions whose paths name their context (`span.name`, `resource.attributes["k"]`); the
    /// deepest one named decides what is dropped. Or groups of them.
    trace_conditions: Option<Vec<Group>>,
    /// The same for logs.
    log_conditions: Option<Vec<Group>>,
    /// The same for metrics.
    metric_conditions: Option<Vec<Group>>,
    /// `ottl.functions.enableLambda` allows the functions that take lambdas, which are experimental in the Collector as
    /// well; there it is a gate of the command line.
    feature_gates: Vec<Gate>,
    /// The Collector's older section, which is an error; use `traces`.
    spans: Value,
    /// Not supported: profiles are no signal of this version.
    profiles: Value,
    /// Not supported: profiles are no signal of this version.
    profile_conditions: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Gate {
    #[serde(rename = "ottl.functions.enableLambda")]
    Lambda,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
struct Traces {
    /// Conditions: any that holds drops all spans of the resource.
    resource: Option<Vec<String>>,
    /// Conditions: any that holds drops the span.
    span: Option<Vec<String>>,
    /// Conditions: any that holds drops the event; its span stays.
    spanevent: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
struct Logs {
    /// Conditions: any that holds drops all log records of the resource.
    resource: Option<Vec<String>>,
    /// Conditions: any that holds drops the log record.
    log_record: Option<Vec<String>>,
    /// The Collector's older filters, which are an error; use conditions.
    include: Value,
    /// The Collector's older filters, which are an error; use conditions.
    exclude: Value,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
struct Metrics {
    /// Conditions: any that holds drops all metrics of the resource.
    resource: Option<Vec<String>>,
    /// Conditions: any that holds drops the metric.
    metric: Option<Vec<String>>,
    /// Conditions: any that holds drops the data point, and the metric with its last.
    datapoint: Option<Vec<String>>,
    /// The Collector's older filters, which are an error; use conditions.
    include: Value,
    /// The Collector's older filters, which are an error; use conditions.
    exclude: Value,
    /// Of those filters; without effect.
    #[serde(rename = "regexp")]
    _regexp: Value,
}

/// A line of `trace_conditions`, `log_conditions` or `metric_conditions`.
#[derive(Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(untagged))]
enum Group {
    Flat(String),
    Grouped(Grouped),
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(condition) => Ok(Group::Flat(condition)),
            // Of an enum that has no tag serde would not say what is wrong inside.
            group @ Value::Object(_) => {
                let grouped = Grouped::deserialize(group).map_err(D::Error::custom)?;
                Ok(Group::Grouped(grouped))
            }
            _ => Err(D::Error::custom(
                "expected a condition, or an object with `context`, `conditions` and `error_mode`",
            )),
        }
    }
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Grouped {
    /// What the group's conditions are asked of; paths need not name it then. For traces `resource`, `scope`, `span`,
    /// `spanevent`, for logs `resource`, `scope`, `log`, for metrics `resource`, `scope`, `metric`, `datapoint`.
    #[serde(default)]
    context: Option<String>,
    /// Any that holds drops it.
    #[serde(default)]
    conditions: Vec<String>,
    /// Without it that above.
    #[serde(default)]
    error_mode: Option<ErrorMode>,
}

/// One condition, and where it stands.
#[derive(Debug)]
pub(crate) struct Line {
    pub text: String,
    /// JSON pointer.
    pub path: String,
    /// The context it is for; none: inferred from its paths.
    pub context: Option<Context>,
}

/// Conditions that are evaluated together.
#[derive(Debug)]
pub(crate) struct Stage {
    pub signal: Signal,
    pub lines: Vec<Line>,
    pub error_mode: ErrorMode,
}

/// What the settings say of one signal.
struct Section {
    signal: Signal,
    /// Where lists of conditions stand, and those lists: each with its name and context.
    name: &'static str,
    lists: Vec<(&'static str, Context, Option<Vec<String>>)>,
    /// Where groups stand instead, and those.
    groups_name: &'static str,
    groups: Option<Vec<Group>>,
}

/// Whether a section asks for something.
fn asks(section: &Value) -> bool {
    match section {
        Value::Null => false,
        Value::Array(items) => items.iter().any(asks),
        Value::Object(entries) => entries.values().any(asks),
        _ => true,
    }
}

/// The contexts that conditions of a signal may be for.
pub(crate) fn contexts(signal: Signal) -> Vec<Context> {
    let mut contexts = signal.contexts().to_vec();
    contexts.retain(|context| *context != Context::SpanLink);
    contexts
}

impl Settings {
    /// Whether lambdas may be written.
    pub(crate) fn lambdas(&self) -> bool {
        self.feature_gates.contains(&Gate::Lambda)
    }

    /// The conditions in the order in which they are evaluated.
    pub(crate) fn stages(self) -> Result<Vec<Stage>, ConfigError> {
        let mut problems = Problems::new();
        for (name, section) in [
            ("profiles", &self.profiles),
            ("profile_conditions", &self.profile_conditions),
        ] {
            if asks(section) {
                let message = format!("{name} are not supported; take {name} out");
                problems.push(format!("/{name}"), message);
            }
        }
        let traces = self.traces.unwrap_or_default();
        let logs = self.logs.unwrap_or_default();
        let metrics = self.metrics.unwrap_or_default();
        for (path, section, instead) in [
            ("/spans", &self.spans, "traces.span"),
            ("/logs/include", &logs.include, "logs.log_record"),
            ("/logs/exclude", &logs.exclude, "logs.log_record"),
            ("/metrics/include", &metrics.include, "metrics.metric"),
            ("/metrics/exclude", &metrics.exclude, "metrics.metric"),
        ] {
            if asks(section) {
                let message = format!(
                    "include and exclude are not supported; write conditions under {instead}"
                );
                problems.push(path, message);
            }
        }
        let default = self.error_mode.unwrap_or_default();
        let mut stages = Vec::new();
        let sections = [
            Section {
                signal: Signal::Traces,
                name: "traces",
                lists: vec![
                    ("resource", Context::Resource, traces.resource),
                    ("span", Context::Span, traces.span),
                    ("spanevent", Context::SpanEvent, traces.spanevent),
                ],
                groups_name: "trace_conditions",
                groups: self.trace_conditions,
            },
            Section {
                signal: Signal::Logs,
                name: "logs",
                lists: vec![
                    ("resource", Context::Resource, logs.resource),
                    ("log_record", Context::Log, logs.log_record),
                ],
                groups_name: "log_conditions",
                groups: self.log_conditions,
            },
            Section {
                signal: Signal::Metrics,
                name: "metrics",
                lists: vec![
                    ("resource", Context::Resource, metrics.resource),
                    ("metric", Context::Metric, metrics.metric),
                    ("datapoint", Context::DataPoint, metrics.datapoint),
                ],
                groups_name: "metric_conditions",
                groups: self.metric_conditions,
            },
        ];
        for section in sections {
            let Section {
                signal,
                name,
                lists,
                groups_name,
                groups,
            } = section;
            let mut lines = Vec::new();
            for (list, context, conditions) in lists {
                for (place, text) in conditions.into_iter().flatten().enumerate() {
                    lines.push(Line {
                        text,
                        path: format!("/{name}/{list}/{place}"),
                        context: Some(context),
                    });
                }
            }
            let groups = groups.unwrap_or_default();
            if !lines.is_empty() && !groups.is_empty() {
                let message = format!("use either {name} or {groups_name}, not both");
                problems.push(format!("/{groups_name}"), message);
            }
            if !lines.is_empty() {
                stages.push(Stage {
                    signal,
                    lines,
                    error_mode: default,
                });
            }
            groups_of(
                signal,
                groups_name,
                groups,
                default,
                &mut stages,
                &mut problems,
            );
        }
        problems.check()?;
        Ok(stages)
    }
}

fn groups_of(
    signal: Signal,
    name: &str,
    groups: Vec<Group>,
    default: ErrorMode,
    stages: &mut Vec<Stage>,
    problems: &mut Problems,
) {
    let flat = groups
        .iter()
        .filter(|group| matches!(group, Group::Flat(_)))
        .count();
    if flat > 0 && flat < groups.len() {
        problems.push(
            format!("/{name}"),
            "write either plain conditions or groups with a context, not both",
        );
    }
    let mut plain = Stage {
        signal,
        lines: Vec::new(),
        error_mode: default,
    };
    for (place, group) in groups.into_iter().enumerate() {
        let path = format!("/{name}/{place}");
        match group {
            Group::Flat(text) => plain.lines.push(Line {
                text,
                path,
                context: None,
            }),
            Group::Grouped(group) => {
                let wanted = group.context.unwrap_or_default().to_lowercase();
                let known = contexts(signal);
                let context = known.iter().find(|context| context.prefix() == wanted);
                if context.is_none() && !wanted.is_empty() {
                    let known: Vec<&str> = known.iter().map(|context| context.prefix()).collect();
                    let message = format!("must be one of {}", known.join(", "));
                    problems.push(format!("{path}/context"), message);
                }
                let lines = group
                    .conditions
                    .into_iter()
                    .enumerate()
                    .map(|(place, text)| Line {
                        text,
                        path: format!("{path}/conditions/{place}"),
                        context: context.copied(),
                    });
                stages.push(Stage {
                    signal,
                    lines: lines.collect(),
                    error_mode: group.error_mode.unwrap_or(default),
                });
            }
        }
    }
    if !plain.lines.is_empty() {
        stages.push(plain);
    }
}
