//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_ottl::ErrorMode;
use spanmill_sdk::{Context, PipelineSet, Pipelines, Problems, Signal, closest};

/// The component's section of the manifest.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The routes, tried in order; at least one.
    pub(crate) table: Vec<Item>,
    /// Where rows go that no route has moved; without any they are dropped, and counted.
    pub(crate) default_pipelines: Vec<String>,
    /// A condition that cannot be evaluated does not hold and is logged; the same, not logged; or the batch fails.
    #[cfg_attr(test, schemars(extend("default" = "propagate")))]
    pub(crate) error_mode: Option<ErrorMode>,
}

/// A route.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Item {
    /// What the condition is asked of, and what is sent: a row with all below it, or with `request` everything that came in
    /// one.
    #[cfg_attr(test, schemars(extend("enum" = ["", "resource", "span", "log", "metric", "datapoint", "request"], "default" = "resource")))]
    context: String,
    /// Instead of `condition`: `route() where` and a condition, or `route()`, which takes every row.
    statement: String,
    /// Which rows the route takes, in OTTL; with `request` a header compared with a text: `request["x-tenant"] == "acme"`.
    condition: String,
    /// Where they go: pipelines that have this connector as a receiver; at least one.
    pipelines: Vec<String>,
    /// Whether later routes and the default see the rows that this one has taken: with `copy` they do.
    #[cfg_attr(test, schemars(extend("enum" = ["", "move", "copy"], "default" = "move")))]
    action: String,
}

/// A route that was checked, but for its condition.
#[derive(Debug)]
pub(crate) struct Route {
    pub context: Context,
    /// Whether the condition is one on the request's headers.
    pub is_of_request: bool,
    /// None: it takes every row.
    pub condition: Option<String>,
    /// JSON pointer to the condition.
    pub path: String,
    /// At which column of that setting the condition begins.
    pub column: usize,
    pub pipelines: PipelineSet,
    pub is_copy: bool,
}

/// The context of requests.
const REQUEST: &str = "request";

/// The contexts that routes of a signal may be for, each behind the one above it.
fn contexts(signal: Signal) -> Vec<Context> {
    let own = signal.own().iter().copied();
    std::iter::once(Context::Resource).chain(own).collect()
}

impl Settings {
    /// The routes, in order; of what is wrong with them every mistake goes to `problems`.
    pub(crate) fn routes(&self, pipelines: &Pipelines, problems: &mut Problems) -> Vec<Route> {
        if self.table.is_empty() {
            problems.push("/table", "must have a route at least");
        }
        let mut routes = Vec::new();
        for (place, item) in self.table.iter().enumerate() {
            let path = format!("/table/{place}");
            let context = item.context(pipelines.signal(), &path, problems);
            let is_of_request = item.context == REQUEST;
            let condition = item.condition(&path, problems);
            let list = format!("{path}/pipelines");
            if item.pipelines.is_empty() {
                problems.push(list.clone(), "must name a pipeline at least");
            }
            let to = find(&item.pipelines, &list, pipelines, problems);
            let is_copy = match item.action.as_str() {
                "" | "move" => false,
                "copy" => true,
                _ => {
                    problems.push(format!("{path}/action"), "must be move or copy");
                    false
                }
            };
            if let (Some(context), Some((path, column, condition))) = (context, condition) {
                routes.push(Route {
                    context,
                    is_of_request,
                    condition,
                    path,
                    column,
                    pipelines: to,
                    is_copy,
                });
            }
        }
        routes
    }

    /// Where rows go that no route takes.
    pub(crate) fn default_set(
        &self,
        pipelines: &Pipelines,
        problems: &mut Problems,
    ) -> PipelineSet {
        find(
            &self.default_pipelines,
            "/default_pipelines",
            pipelines,
            problems,
        )
    }
}

impl Item {
    fn context(&self, signal: Signal, path: &str, problems: &mut Problems) -> Option<Context> {
        let path = format!("{path}/context");
        let known = contexts(signal);
        let named = match self.context.as_str() {
            "" | REQUEST => Some(&Context::Resource),
            name => known.iter().find(|context| context.prefix() == name),
        };
        if named.is_none() {
            let names: Vec<&str> = known.iter().map(|context| context.prefix()).collect();
            let names = names.join(", ");
            problems.push(
                path,
                format!("must be one of {names}, {REQUEST} for {signal}"),
            );
        }
        named.copied()
    }

    /// Where the condition stands, the column it begins at, and itself; `None` if it is wrong.
    fn condition(
        &self,
        path: &str,
        problems: &mut Problems,
    ) -> Option<(String, usize, Option<String>)> {
        match (self.condition.trim(), self.statement.trim()) {
            ("", _) if self.context == REQUEST => {
                problems.push(
                    path,
                    "must have a condition: that is what the context request takes",
                );
                None
            }
            ("", "") => {
                problems.push(path, "must have a condition or a statement");
                None
            }
            (_, "") => Some((format!("{path}/condition"), 0, Some(self.condition.clone()))),
            ("", _) => {
                let path = format!("{path}/statement");
                match split(&self.statement) {
                    Ok((column, condition)) => Some((path, column, condition)),
                    Err(why) => {
                        problems.push(path, why);
                        None
                    }
                }
            }
            _ => {
                problems.push(
                    path,
                    "must have either a condition or a statement, not both",
                );
                None
            }
        }
    }
}

/// Splits a statement: returns at which character its condition begins, and the condition if it has one.
fn split(statement: &str) -> Result<(usize, Option<String>), &'static str> {
    const OTHER: &str = "must be `route()` or `route() where` and a condition; edits belong into a processor of the \
                         pipeline that the rows go to";
    let compact = |text: &str| text.split_whitespace().collect::<String>();
    let close = statement.find(')').ok_or(OTHER)?;
    let (call, rest) = statement.split_at(close + 1);
    if compact(call) != "route()" {
        return Err(OTHER);
    }
    let condition = rest.trim_start();
    if condition.is_empty() {
        return Ok((0, None));
    }
    let condition = condition.strip_prefix("where").ok_or(OTHER)?;
    if !condition.starts_with(char::is_whitespace) && !condition.starts_with('(') {
        return Err(OTHER);
    }
    let begin = statement.len() - condition.len();
    let column = statement.get(..begin).unwrap_or("").chars().count();
    Ok((column, Some(condition.to_owned())))
}

/// The pipelines of some names.
fn find(
    names: &[String],
    path: &str,
    pipelines: &Pipelines,
    problems: &mut Problems,
) -> PipelineSet {
    let mut all = PipelineSet::NONE;
    for (place, name) in names.iter().enumerate() {
        match pipelines.find(name) {
            Some(pipeline) => all = all.with(pipeline),
            None => {
                let known = pipelines.names().iter().map(String::as_str);
                let message = match closest(name, known) {
                    Some(meant) => format!(
                        "no {} pipeline `{name}` has this connector as a receiver; did you mean `{meant}`?",
                        pipelines.signal()
                    ),
                    None => format!(
                        "no {} pipeline `{name}` has this connector as a receiver; name the connector under its receivers",
                        pipelines.signal()
                    ),
                };
                problems.push(format!("{path}/{place}"), message);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_statement_is_split_where_its_condition_begins() {
        use super::split;
        assert_eq!(split("route()"), Ok((0, None)));
        assert_eq!(split(" route ( ) "), Ok((0, None)));
        assert_eq!(
            split("route() where name == \"a\""),
            Ok((13, Some(" name == \"a\"".to_owned())))
        );
        for wrong in [
            "name == \"a\"",
            "route() whereabouts",
            "route() when name == \"a\"",
            "delete_key(attributes, \"a\") where name == \"a\"",
        ] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }
    spanmill_settings::settings_tests!(super::Settings);
}
