//! The settings, as the Collector reads them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use spanmill_ottl::{
    ErrorMode, Statement, Written, misplaced, parse, parse_statement, unknown_editor,
    written_context,
};
use spanmill_sdk::{Context, Problems, Signal};

/// The component's section of the manifest.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A statement that fails on a row does nothing there and is logged, once a batch; the same, not logged; or the
    /// batch fails.
    #[cfg_attr(test, schemars(extend("default" = "ignore")))]
    error_mode: Option<ErrorMode>,
    /// Statements on spans, whose paths name their context: `resource`, `scope`, `span` or `spanevent`. They run for
    /// the deepest that one of them names. Or groups of them.
    trace_statements: Option<Vec<Group>>,
    /// The same: `resource`, `scope`, `metric`, `datapoint`.
    metric_statements: Option<Vec<Group>>,
    /// The same: `resource`, `scope`, `log`.
    log_statements: Option<Vec<Group>>,
    /// `ottl.functions.enableLambda` allows the functions that take lambdas, which are experimental in the Collector as
    /// well; there it is a gate of the command line.
    feature_gates: Vec<Gate>,
    /// Not supported: profiles are no signal of this version.
    profile_statements: Value,
    /// Not supported.
    flatten_data: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Gate {
    #[serde(rename = "ottl.functions.enableLambda")]
    Lambda,
}

/// A line of `trace_statements`, `metric_statements` or `log_statements`.
#[derive(Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(untagged))]
enum Group {
    Flat(String),
    Grouped(Grouped),
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(statement) => Ok(Group::Flat(statement)),
            // Of an enum that has no tag serde would not say what is wrong inside.
            group @ Value::Object(_) => {
                let grouped = Grouped::deserialize(group).map_err(D::Error::custom)?;
                Ok(Group::Grouped(grouped))
            }
            _ => Err(D::Error::custom(
                "expected a statement, or an object with `context`, `conditions`, `statements` and `error_mode`",
            )),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
struct Grouped {
    /// What the statements run for; paths need not name it then. Without it that is inferred from paths.
    context: Option<String>,
    /// One of them must hold.
    conditions: Vec<String>,
    /// Done one after the other.
    statements: Vec<String>,
    /// Without it that above.
    error_mode: Option<ErrorMode>,
}

/// Statements that run together, and where they stand.
#[derive(Debug)]
pub(crate) struct Stage {
    pub written: Written,
    /// JSON pointer of each condition.
    pub conditions: Vec<String>,
    /// JSON pointer of each statement.
    pub statements: Vec<String>,
}

/// The contexts that statements on a signal may be for.
fn contexts(signal: Signal) -> Vec<Context> {
    let mut contexts = signal.contexts().to_vec();
    contexts.retain(|context| *context != Context::SpanLink);
    contexts
}

impl Settings {
    /// Whether lambdas may be written.
    pub(crate) fn lambdas(&self) -> bool {
        self.feature_gates.contains(&Gate::Lambda)
    }

    /// The statements in the order in which they run.
    pub(crate) fn stages(self, problems: &mut Problems) -> Vec<Stage> {
        if !matches!(&self.profile_statements, Value::Null)
            && self
                .profile_statements
                .as_array()
                .is_none_or(|list| !list.is_empty())
        {
            problems.push(
                "/profile_statements",
                "profiles are not supported; take profile_statements out",
            );
        }
        if self.flatten_data {
            problems.push(
                "/flatten_data",
                "flatten_data is not supported: plugins cannot give log records a resource of their own; take it out",
            );
        }
        let default = self.error_mode.unwrap_or_default();
        let mut stages = Vec::new();
        for (signal, name, groups) in [
            (Signal::Traces, "trace_statements", self.trace_statements),
            (Signal::Metrics, "metric_statements", self.metric_statements),
            (Signal::Logs, "log_statements", self.log_statements),
        ] {
            let reader = Reader {
                signal,
                name,
                default,
            };
            reader.read(groups.unwrap_or_default(), &mut stages, problems);
        }
        stages
    }
}

/// Reads the statements on one signal.
struct Reader {
    signal: Signal,
    name: &'static str,
    default: ErrorMode,
}

impl Reader {
    fn read(&self, groups: Vec<Group>, stages: &mut Vec<Stage>, problems: &mut Problems) {
        let is_flat = |group: &Group| matches!(group, Group::Flat(_));
        let flat = groups.iter().filter(|group| is_flat(group)).count();
        if flat > 0 && flat < groups.len() {
            let message = "write either plain statements or groups of them, not both";
            return problems.push(format!("/{}", self.name), message);
        }
        let mut plain = Grouped::default();
        for (place, group) in groups.into_iter().enumerate() {
            match group {
                Group::Flat(statement) => plain.statements.push(statement),
                Group::Grouped(group) => {
                    let path = format!("/{}/{place}", self.name);
                    let statements = format!("{path}/statements");
                    stages.extend(self.stage(group, &path, &statements, problems));
                }
            }
        }
        if !plain.statements.is_empty() {
            let path = format!("/{}", self.name);
            stages.extend(self.stage(plain, &path, &path, problems));
        }
    }

    /// Whether statements name contexts that are not there, or editors; says so of each.
    fn misplaced(
        &self,
        statements: &[Statement],
        pointers: &[String],
        problems: &mut Problems,
    ) -> bool {
        let known = contexts(self.signal);
        let mut found = false;
        for (statement, pointer) in statements.iter().zip(pointers) {
            if let Some(error) = unknown_editor(statement).or_else(|| misplaced(statement, &known))
            {
                found = true;
                problems.push(pointer.clone(), error.to_string());
            }
        }
        found
    }

    /// A group, of what could be read; `None` if it is not known for what that runs.
    fn stage(
        &self,
        group: Grouped,
        path: &str,
        statements_path: &str,
        problems: &mut Problems,
    ) -> Option<Stage> {
        let mut conditions = Vec::new();
        let mut statements = Vec::new();
        let mut is_read = true;
        let (mut condition_pointers, mut statement_pointers) = (Vec::new(), Vec::new());
        for (place, text) in group.conditions.iter().enumerate() {
            let pointer = format!("{path}/conditions/{place}");
            match parse(text) {
                Ok(condition) => {
                    conditions.push(condition);
                    condition_pointers.push(pointer);
                }
                Err(error) => {
                    is_read = false;
                    problems.push(pointer, error.to_string());
                }
            }
        }
        for (place, text) in group.statements.iter().enumerate() {
            let pointer = format!("{statements_path}/{place}");
            match parse_statement(text) {
                Ok(statement) => {
                    statements.push(statement);
                    statement_pointers.push(pointer);
                }
                Err(error) => {
                    is_read = false;
                    problems.push(pointer, error.to_string());
                }
            }
        }
        let known = contexts(self.signal);
        let names: Vec<&str> = known.iter().map(|context| context.prefix()).collect();
        let wanted = group.context.unwrap_or_default().to_lowercase();
        let named = known
            .iter()
            .copied()
            .find(|context| context.prefix() == wanted);
        let context = match named {
            Some(context) => context,
            None if !wanted.is_empty() => {
                let message = match wanted.as_str() {
                    "exemplar" => "exemplars are not offered to plugins".to_owned(),
                    _ => format!("must be one of {}", names.join(", ")),
                };
                problems.push(format!("{path}/context"), message);
                return None;
            }
            None => match written_context(&statements, &conditions) {
                Some(context) if known.contains(&context) => context,
                _ if self.misplaced(&statements, &statement_pointers, problems) => return None,
                // What could not be read may say it.
                _ if !is_read => return None,
                Some(context) => {
                    let message = format!(
                        "{} do not have {} fields; the contexts are {}",
                        self.name,
                        context.prefix(),
                        names.join(", ")
                    );
                    problems.push(path, message);
                    return None;
                }
                None if statements.is_empty() => return None,
                None => {
                    let message = format!(
                        "no path tells the context of these statements: write one with it, such as `{}.attributes`, or name the `context` of their group",
                        names.last().unwrap_or(&"resource")
                    );
                    problems.push(statements_path, message);
                    return None;
                }
            },
        };
        Some(Stage {
            conditions: condition_pointers,
            statements: statement_pointers,
            written: Written {
                signal: self.signal,
                context,
                prefixed: named.is_none(),
                error_mode: group.error_mode.unwrap_or(self.default),
                name: path.trim_start_matches('/').to_owned(),
                conditions,
                statements,
            },
        })
    }
}
