//! The settings, as the Collector reads them.

use serde::Deserialize;
use serde_json::Value;
use spanmill_ottl::ErrorMode;
use spanmill_sdk::{ConfigError, Context, Problems};

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    error_mode: Option<ErrorMode>,
    #[serde(default)]
    traces: Option<Traces>,
    #[serde(default)]
    trace_conditions: Option<Vec<Group>>,
    // Sections that mean nothing for traces; accepted only while they ask for nothing.
    #[serde(default)]
    spans: Value,
    #[serde(default)]
    metrics: Value,
    #[serde(default)]
    logs: Value,
    #[serde(default)]
    profiles: Value,
    #[serde(default)]
    metric_conditions: Value,
    #[serde(default)]
    log_conditions: Value,
    #[serde(default)]
    profile_conditions: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Traces {
    #[serde(default)]
    resource: Option<Vec<String>>,
    #[serde(default)]
    span: Option<Vec<String>>,
    #[serde(default)]
    spanevent: Option<Vec<String>>,
}

/// A line of `trace_conditions`.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a condition, or an object with `context`, `conditions` and `error_mode`"
)]
enum Group {
    Flat(String),
    Grouped(Grouped),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grouped {
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    conditions: Vec<String>,
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
    pub lines: Vec<Line>,
    pub error_mode: ErrorMode,
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

impl Settings {
    /// The conditions in the order in which they are evaluated.
    pub(crate) fn stages(self) -> Result<Vec<Stage>, ConfigError> {
        let mut problems = Problems::new();
        for (name, section) in [
            ("metrics", &self.metrics),
            ("logs", &self.logs),
            ("profiles", &self.profiles),
            ("metric_conditions", &self.metric_conditions),
            ("log_conditions", &self.log_conditions),
            ("profile_conditions", &self.profile_conditions),
        ] {
            if asks(section) {
                problems.push(
                    format!("/{name}"),
                    format!("{name} are not filtered yet, only traces are; take {name} out"),
                );
            }
        }
        if asks(&self.spans) {
            problems.push("/spans", "spans.include and spans.exclude are not supported; write conditions under traces.span");
        }
        let default = self.error_mode.unwrap_or_default();
        let mut stages = Vec::new();
        let traces = self.traces.unwrap_or_default();
        let mut older = Vec::new();
        for (name, context, conditions) in [
            ("resource", Context::Resource, traces.resource),
            ("span", Context::Span, traces.span),
            ("spanevent", Context::SpanEvent, traces.spanevent),
        ] {
            for (place, text) in conditions.into_iter().flatten().enumerate() {
                older.push(Line {
                    text,
                    path: format!("/traces/{name}/{place}"),
                    context: Some(context),
                });
            }
        }
        let groups = self.trace_conditions.unwrap_or_default();
        if !older.is_empty() && !groups.is_empty() {
            problems.push(
                "/trace_conditions",
                "use either traces or trace_conditions, not both",
            );
        }
        if !older.is_empty() {
            stages.push(Stage {
                lines: older,
                error_mode: default,
            });
        }
        groups_of(groups, default, &mut stages, &mut problems);
        problems.check()?;
        Ok(stages)
    }
}

fn groups_of(
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
            "/trace_conditions",
            "write either plain conditions or groups with a context, not both",
        );
    }
    let mut plain = Stage {
        lines: Vec::new(),
        error_mode: default,
    };
    for (place, group) in groups.into_iter().enumerate() {
        let path = format!("/trace_conditions/{place}");
        match group {
            Group::Flat(text) => plain.lines.push(Line {
                text,
                path,
                context: None,
            }),
            Group::Grouped(group) => {
                let context = match group.context.as_deref().map(str::to_lowercase).as_deref() {
                    None | Some("") => None,
                    Some("resource") => Some(Context::Resource),
                    Some("scope") => Some(Context::Scope),
                    Some("span") => Some(Context::Span),
                    Some("spanevent") => Some(Context::SpanEvent),
                    Some(_) => {
                        problems.push(
                            format!("{path}/context"),
                            "must be resource, scope, span or spanevent",
                        );
                        None
                    }
                };
                let lines = group
                    .conditions
                    .into_iter()
                    .enumerate()
                    .map(|(place, text)| Line {
                        text,
                        path: format!("{path}/conditions/{place}"),
                        context,
                    });
                stages.push(Stage {
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
