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
    /// No key is removed.
    pub(crate) allow_all_keys: bool,
    /// Keys that stay; with none, every attribute goes.
    pub(crate) allowed_keys: Option<Vec<String>>,
    /// Keys that pass untouched.
    pub(crate) ignored_keys: Option<Vec<String>>,
    /// The same, by regular expression.
    ignored_key_patterns: Option<Vec<String>>,
    /// Regular expressions: keys whose value is masked as a whole.
    blocked_key_patterns: Option<Vec<String>>,
    /// Regular expressions: what matches in a value is masked.
    blocked_values: Option<Vec<String>>,
    /// Regular expressions: values that match are not masked.
    allowed_values: Option<Vec<String>>,
    /// Looks at values that are no strings too, as text; without it such a value reads as an empty string.
    pub(crate) redact_all_types: bool,
    /// Masks with the hash of what matched instead of `****`.
    #[cfg_attr(test, schemars(extend("enum" = ["", "md5", "sha1", "sha3", "hmac-sha256", "hmac-sha512"])))]
    hash_function: String,
    /// The key of the `hmac` functions: at least 32 or 64 bytes.
    hmac_key: String,
    /// Leaves `redaction.{redacted,masked,allowed}.count` and `redaction.ignored.count` behind; `debug` adds
    /// `redaction.{redacted,masked,allowed}.keys`.
    #[cfg_attr(test, schemars(extend("enum" = ["", "silent", "info", "debug"], "default" = "silent")))]
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
