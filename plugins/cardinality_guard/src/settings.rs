//! The settings.

use serde::Deserialize;
use spanmill_sdk::{ConfigError, Context, Problems};
use spanmill_settings::Duration;

use crate::trie::NODE_BYTES;
use crate::values::VALUE_BYTES;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Guards the names of spans; `{}` takes the defaults.
    pub(crate) span_names: Option<SpanNames>,
    /// The attributes that are guarded; none but these are read.
    pub(crate) attributes: Option<Vec<Attribute>>,
    /// For those above that give none.
    pub(crate) limit: u32,
    /// A value that was not used for so long has its place no more.
    pub(crate) window: Duration,
    /// What stands for values beyond the limit.
    pub(crate) overflow_value: String,
    /// How many values a segment of a template may have.
    pub(crate) max_segment_values: u32,
    /// For what is learned; at most 1024.
    pub(crate) memory_mib: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            span_names: None,
            attributes: None,
            limit: 1000,
            window: Duration(24 * 3600 * SECOND),
            overflow_value: "other".to_owned(),
            max_segment_values: 100,
            memory_mib: 16,
        }
    }
}

const SECOND: i64 = 1_000_000_000;

/// How the names of spans are guarded.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SpanNames {
    /// How many distinct names, as templates, within `window`; without it that below.
    limit: Option<u32>,
    /// Makes templates of them.
    templates: bool,
}

impl Default for SpanNames {
    fn default() -> Self {
        SpanNames {
            limit: None,
            templates: true,
        }
    }
}

/// How an attribute is guarded.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Attribute {
    /// Required.
    key: String,
    /// Whose attributes: of spans, log records and data points (`item`), or of their resources.
    context: Level,
    /// How many distinct values within `window`, those of all signals and services together; without it that below.
    limit: Option<u32>,
    /// Makes templates of texts before they count.
    templates: bool,
}

/// Whose attribute it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// A span, log record or data point.
    #[default]
    Item,
    Resource,
}

impl Level {
    /// The contexts that it means.
    pub(crate) fn contexts(self) -> &'static [Context] {
        match self {
            Level::Item => &[Context::Span, Context::Log, Context::DataPoint],
            Level::Resource => &[Context::Resource],
        }
    }
}

/// What is guarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    SpanNames,
    Attribute(Level, String),
}

impl Subject {
    /// As log lines call it, and as it is known after a swap.
    pub(crate) fn name(&self) -> String {
        match self {
            Subject::SpanNames => "span names".to_owned(),
            Subject::Attribute(Level::Item, key) => format!("attribute {key}"),
            Subject::Attribute(Level::Resource, key) => format!("resource attribute {key}"),
        }
    }
}

/// One thing that is guarded, and how.
#[derive(Debug)]
pub(crate) struct Rule {
    pub subject: Subject,
    pub limit: usize,
    pub templates: bool,
}

/// What all rules have in common.
#[derive(Debug)]
pub(crate) struct Common {
    /// In seconds.
    pub window: u64,
    pub overflow_value: String,
    pub max_segment_values: u32,
    /// For the templates of one rule.
    pub most_nodes: usize,
}

impl Settings {
    /// The rules, checked.
    pub(crate) fn rules(self) -> Result<(Vec<Rule>, Common), ConfigError> {
        let mut problems = Problems::new();
        let mut rules = Vec::new();
        let limits = |limit: Option<u32>, path: String, problems: &mut Problems| {
            if limit == Some(0) {
                problems.push(path, "must be 1 at least");
            }
            limit.unwrap_or(self.limit) as usize
        };
        limits(Some(self.limit), "/limit".to_owned(), &mut problems);
        if let Some(names) = &self.span_names {
            rules.push(Rule {
                subject: Subject::SpanNames,
                limit: limits(names.limit, "/span_names/limit".to_owned(), &mut problems),
                templates: names.templates,
            });
        }
        for (place, attribute) in self.attributes.iter().flatten().enumerate() {
            let path = format!("/attributes/{place}");
            let subject = Subject::Attribute(attribute.context, attribute.key.clone());
            if attribute.key.is_empty() {
                problems.push(format!("{path}/key"), "is required");
            } else if rules.iter().any(|rule: &Rule| rule.subject == subject) {
                problems.push(format!("{path}/key"), "is guarded already; take it out");
            }
            rules.push(Rule {
                subject,
                limit: limits(attribute.limit, format!("{path}/limit"), &mut problems),
                templates: attribute.templates,
            });
        }
        if rules.is_empty() {
            problems.push(
                "",
                "guards nothing; give span_names (`{}` will do) or attributes",
            );
        }
        if self.window.0 < SECOND {
            problems.push("/window", "must be 1s at least");
        }
        if self.overflow_value.is_empty() {
            problems.push("/overflow_value", "must not be empty");
        }
        if self.max_segment_values == 0 {
            problems.push("/max_segment_values", "must be 1 at least");
        }
        // Tables double, so half of them may be empty.
        let values: usize = rules.iter().map(|rule| rule.limit * VALUE_BYTES * 2).sum();
        let memory = self.memory_mib as usize * 1024 * 1024;
        if values > memory / 2 {
            problems.push(
                "/memory_mib",
                format!(
                    "the values within the limits take up to {} MiB, and may have half of it; raise it or lower the limits",
                    values.div_ceil(1 << 20)
                ),
            );
        }
        if self.memory_mib > 1024 {
            problems.push("/memory_mib", "must be 1024 at most");
        }
        problems.check()?;
        let tries = rules.iter().filter(|rule| rule.templates).count().max(1);
        let common = Common {
            window: (self.window.0 / SECOND) as u64,
            overflow_value: self.overflow_value,
            max_segment_values: self.max_segment_values,
            most_nodes: (memory - values) / tries / NODE_BYTES,
        };
        Ok((rules, common))
    }
}
