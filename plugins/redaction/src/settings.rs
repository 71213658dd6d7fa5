//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_pattern::{Finder, RegexSet, compile, compile_set};
use spanmill_sdk::{ConfigError, Problems};

use crate::mask::Mask;
use crate::sanitize::{DatabaseSettings, Sanitizers, UrlSettings};
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
    url_sanitizer: UrlSettings,
    db_sanitizer: DatabaseSettings,
}

/// What the settings say, compiled.
pub(crate) struct Rules {
    pub ignored_keys: RegexSet,
    pub blocked_keys: RegexSet,
    pub allowed_values: RegexSet,
    pub blocked: Vec<Finder>,
    pub mask: Mask,
    pub detail: Detail,
    pub sanitizers: Sanitizers,
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
    pub(crate) fn rules(&mut self) -> Result<Rules, ConfigError> {
        let mut problems = Problems::new();
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
            sanitizers: Sanitizers::new(
                std::mem::take(&mut self.url_sanitizer),
                std::mem::take(&mut self.db_sanitizer),
            ),
        };
        problems.check()?;
        Ok(rules)
    }
}
