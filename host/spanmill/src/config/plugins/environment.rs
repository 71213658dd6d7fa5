//! `plugins.<type>.environment`: variables of the host's environment, and facts of its machine, that a plugin is given.

use spanmill_manifest::{Diagnostics, Lookup, Section};

use super::spec::PluginEnvironment;
use crate::machine;

/// What `resourcedetection` reads: what platforms put into the environment, and what is known of the machine.
const OF_DETECTION: &[&str] = &[
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_RESOURCE",
    "HEROKU_DYNO_ID",
    "HEROKU_APP_ID",
    "HEROKU_APP_NAME",
    "HEROKU_RELEASE_CREATED_AT",
    "HEROKU_RELEASE_VERSION",
    "HEROKU_SLUG_COMMIT",
    "AWS_REGION",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
];

/// Reads it. Variables that are not set are left out; `SPANMILL_*` stands for all facts.
pub(super) fn read(
    section: &mut Section<'_>,
    env: Lookup<'_>,
    out: &mut Diagnostics,
) -> Option<PluginEnvironment> {
    let names = section.texts("environment", out)?;
    Some(values(names.iter().map(String::as_str), env))
}

/// What a built-in plugin is given without being named under `plugins:`.
pub(super) fn of_built_in(kind: &str, env: Lookup<'_>) -> PluginEnvironment {
    match kind {
        "resourcedetection" => values(OF_DETECTION.iter().copied().chain(["SPANMILL_*"]), env),
        _ => PluginEnvironment::default(),
    }
}

fn values<'n>(names: impl Iterator<Item = &'n str>, env: Lookup<'_>) -> PluginEnvironment {
    let mut values: Vec<(String, String)> = Vec::new();
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    for name in names {
        if name.starts_with(machine::PREFIX) {
            let facts = machine::facts().into_iter();
            let wanted = facts.filter(|(fact, _)| name == "SPANMILL_*" || *fact == name);
            values.extend(wanted.map(owned));
        } else if let Some(value) = env(name) {
            values.push((name.to_owned(), value));
        }
    }
    values.sort();
    values.dedup_by(|one, other| one.0 == other.0);
    PluginEnvironment(values.into())
}
