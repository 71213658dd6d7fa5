//! The settings, as the Collector reads them.

use serde::Deserialize;
use serde_json::Value;
use spanmill_pattern::{Finder, RegexSet, compile, compile_set};
use spanmill_sdk::{ConfigError, Problems};

use crate::mask::Mask;
use crate::summary::Detail;

/// The component's section of the manifest. It may hold a secret, so it is not `Debug`.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub(crate) allow_all_keys: bool,
    pub(crate) allowed_keys: Option<Vec<String>>,
    pub(crate) ignored_keys: Option<Vec<String>>,
    ignored_key_patterns: Option<Vec<String>>,
    blocked_key_patterns: Option<Vec<String>>,
    blocked_values: Option<Vec<String>>,
    allowed_values: Option<Vec<String>>,
    pub(crate) redact_all_types: bool,
    hash_function: String,
    hmac_key: String,
    summary: String,
    url_sanitizer: Value,
    db_sanitizer: Value,
}

/// What the settings say, compiled.
pub(crate) struct Rules {
    pub ignored_keys: RegexSet,
    pub blocked_keys: RegexSet,
    pub allowed_values: RegexSet,
    pub blocked: Vec<Finder>,
    pub mask: Mask,
    pub detail: Detail,
}

/// Whether a sanitizer is switched on anywhere in its section.
fn enabled(section: &Value) -> bool {
    match section {
        Value::Object(entries) => entries.iter().any(|(key, value)| {
            (key == "enabled" && *value == Value::Bool(true)) || enabled(value)
        }),
        _ => false,
    }
}

fn set(name: &str, patterns: Option<&Vec<String>>, problems: &mut Problems) -> RegexSet {
    let patterns = patterns.map(Vec::as_slice).unwrap_or_default();
    let mut valid = true;
    for (place, pattern) in patterns.iter().enumerate() {
        if let Err(error) = compile(pattern) {
            valid = false;
            problems.push(format!("/{name}/{place}"), error.to_string());
        }
    }
    match compile_set(patterns) {
        Ok(set) => set,
        Err(error) => {
            if valid {
                problems.push(format!("/{name}"), error.to_string());
            }
            RegexSet::empty()
        }
    }
}

impl Settings {
    pub(crate) fn rules(&self) -> Result<Rules, ConfigError> {
        let mut problems = Problems::new();
        for (name, section) in [
            ("url_sanitizer", &self.url_sanitizer),
            ("db_sanitizer", &self.db_sanitizer),
        ] {
            if enabled(section) {
                problems.push(
                    format!("/{name}"),
                    format!("{name} is not supported; take it out, or mask by blocked_values"),
                );
            }
        }
        let mask =
            Mask::new(&self.hash_function, &self.hmac_key).unwrap_or_else(|(path, message)| {
                problems.push(path, message);
                Mask::Stars
            });
        let detail = match self.summary.as_str() {
            "" | "silent" => Detail::Silent,
            "info" => Detail::Info,
            "debug" => Detail::Debug,
            _ => {
                problems.push("/summary", "must be debug, info or silent");
                Detail::Silent
            }
        };
        let mut blocked = Vec::new();
        for (place, pattern) in self.blocked_values.iter().flatten().enumerate() {
            match Finder::new(pattern) {
                Ok(finder) => blocked.push(finder),
                Err(error) => {
                    problems.push(format!("/blocked_values/{place}"), error.to_string());
                }
            }
        }
        let rules = Rules {
            ignored_keys: set(
                "ignored_key_patterns",
                self.ignored_key_patterns.as_ref(),
                &mut problems,
            ),
            blocked_keys: set(
                "blocked_key_patterns",
                self.blocked_key_patterns.as_ref(),
                &mut problems,
            ),
            allowed_values: set(
                "allowed_values",
                self.allowed_values.as_ref(),
                &mut problems,
            ),
            blocked,
            mask,
            detail,
        };
        problems.check()?;
        Ok(rules)
    }
}
