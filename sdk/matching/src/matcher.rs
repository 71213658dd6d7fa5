//! Which items `include` and `exclude` mean: spans, log records, or the data points of metrics. Every property given must
//! match; of a property's list, one entry.

use serde_json::Value as Json;
use spanmill_actions::Constant;
use spanmill_pattern::{RegexSet, compile, compile_set};
use spanmill_sdk::{
    ABSENT, AttributeField, Batch, CellField, Context, Contract, NarrowField, Problems, Signal,
    TextField, Value, Values, nested,
};

use crate::settings::{KeyValue, Match};

const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// Texts, of which one must match.
#[derive(Debug)]
enum Texts {
    Strict(Vec<String>),
    Patterns(RegexSet),
}

impl Texts {
    fn matches(&self, text: &str) -> bool {
        match self {
            Texts::Strict(texts) => texts.iter().any(|known| known == text),
            Texts::Patterns(patterns) => patterns.is_match(text),
        }
    }
}

/// What an attribute must be.
#[derive(Debug)]
enum Expected {
    There,
    Text(Texts),
    /// Anything but a text.
    Value(Constant),
}

#[derive(Debug)]
enum Property {
    Text(TextField, Texts),
    Service(AttributeField, Texts),
    Kind(NarrowField, Texts),
    Attribute(AttributeField, Expected),
    Body(CellField, Texts),
    /// The least severity number, and whether none at all matches.
    Severity(NarrowField, u32, bool),
}

/// The items of a signal that some properties describe.
#[derive(Debug)]
pub(crate) struct Matcher {
    item: Context,
    /// Each with the context whose rows it is asked of.
    properties: Vec<(Context, Property)>,
    mask: Vec<u8>,
    above: Vec<u8>,
    /// Answers by pool index: 0 no, 1 yes, 2 not asked.
    answers: Vec<u8>,
}

impl Matcher {
    /// The matcher of a signal; `None` if it matches every item.
    pub(crate) fn new(
        settings: &Match,
        path: &str,
        signal: Signal,
        contract: &mut Contract,
        problems: &mut Problems,
    ) -> Option<Self> {
        let item = signal.item();
        let strict = settings.match_type == "strict";
        if !matches!(settings.match_type.as_str(), "strict" | "regexp") {
            problems.push(format!("{path}/match_type"), "must be strict or regexp");
        }
        if strict {
            for (place, kind) in settings.span_kinds.iter().enumerate() {
                if !KINDS[1..].contains(&kind.as_str()) {
                    problems.push(
                        format!("{path}/span_kinds/{place}"),
                        format!("must be one of {}", KINDS[1..].join(", ")),
                    );
                }
            }
        }
        let mut properties = Vec::new();
        let texts = |name: &str, list: &[String], problems: &mut Problems| {
            if strict {
                return Texts::Strict(list.to_vec());
            }
            for (place, pattern) in list.iter().enumerate() {
                if let Err(error) = compile(pattern) {
                    problems.push(format!("{path}/{name}/{place}"), error.to_string());
                }
            }
            Texts::Patterns(compile_set(list).unwrap_or_else(|_| RegexSet::empty()))
        };
        if !settings.services.is_empty() {
            let service = contract.read_attribute(Context::Resource, "service.name");
            let services = texts("services", &settings.services, problems);
            properties.push((Context::Resource, Property::Service(service, services)));
        }
        for (name, list, context, field) in [
            (
                "span_names",
                &settings.span_names,
                Context::Span,
                "span.name",
            ),
            (
                "log_severity_texts",
                &settings.log_severity_texts,
                Context::Log,
                "log.severity_text",
            ),
            (
                "metric_names",
                &settings.metric_names,
                Context::Metric,
                "metric.name",
            ),
        ] {
            if !list.is_empty() {
                let field = contract.read_text(field);
                let texts = texts(name, list, problems);
                properties.push((context, Property::Text(field, texts)));
            }
        }
        if !settings.log_bodies.is_empty() {
            let body = contract.read_cells("log.body");
            let bodies = texts("log_bodies", &settings.log_bodies, problems);
            properties.push((Context::Log, Property::Body(body, bodies)));
        }
        if let Some(severity) = &settings.log_severity_number {
            let number = contract.read_narrow("log.severity_number");
            let property = Property::Severity(number, severity.min, severity.match_undefined);
            properties.push((Context::Log, property));
        }
        if !settings.span_kinds.is_empty() {
            let kind = contract.read_narrow("span.kind");
            let kinds = texts("span_kinds", &settings.span_kinds, problems);
            properties.push((Context::Span, Property::Kind(kind, kinds)));
        }
        for (place, library) in settings.libraries.iter().enumerate() {
            let name = contract.read_text("scope.name");
            let names = texts(
                &format!("libraries/{place}/name"),
                std::slice::from_ref(&library.name),
                problems,
            );
            properties.push((Context::Scope, Property::Text(name, names)));
            if let Some(version) = &library.version {
                let field = contract.read_text("scope.version");
                let versions = texts(
                    &format!("libraries/{place}/version"),
                    std::slice::from_ref(version),
                    problems,
                );
                properties.push((Context::Scope, Property::Text(field, versions)));
            }
        }
        for (list, name, context) in [
            (&settings.resources, "resources", Context::Resource),
            (&settings.attributes, "attributes", item),
        ] {
            for (place, wanted) in list.iter().enumerate() {
                let path = format!("{path}/{name}/{place}");
                let Some(expected) = expected(wanted, strict, &path, problems) else {
                    continue;
                };
                // The Collector checks the resources of a filter for metrics, and asks no metric about them.
                if signal != Signal::Metrics {
                    let field = contract.read_attribute(context, &wanted.key);
                    properties.push((context, Property::Attribute(field, expected)));
                }
            }
        }
        (!properties.is_empty()).then(|| Matcher {
            item,
            properties,
            mask: Vec::new(),
            above: Vec::new(),
            answers: Vec::new(),
        })
    }

    /// For each item, 1 if it is meant, else 0.
    pub(crate) fn mask(&mut self, batch: &Batch<'_>) -> &[u8] {
        let Matcher {
            item,
            properties,
            mask,
            above,
            answers,
        } = self;
        mask.clear();
        mask.resize(batch.rows(*item), 1);
        for (context, property) in properties {
            if context == item {
                property.ask(batch, answers, mask);
            } else {
                above.clear();
                above.resize(batch.rows(*context), 1);
                property.ask(batch, answers, above);
                spread(batch, *context, above, *item, mask);
            }
        }
        mask
    }
}

impl Property {
    /// Takes out of a mask the rows that do not have the property.
    fn ask(&self, batch: &Batch<'_>, answers: &mut Vec<u8>, mask: &mut [u8]) {
        match self {
            Property::Text(field, texts) => {
                matching(batch, batch.text(*field), texts, answers, mask)
            }
            Property::Kind(field, texts) => {
                let known = KINDS.map(|kind| u8::from(texts.matches(kind)));
                let unknown = u8::from(texts.matches(""));
                for (mask, &kind) in mask.iter_mut().zip(batch.narrow(*field)) {
                    *mask &= known.get(kind as usize).copied().unwrap_or(unknown);
                }
            }
            Property::Service(field, texts) => {
                let names = batch.attribute(*field);
                for (row, mask) in mask.iter_mut().enumerate() {
                    *mask &= u8::from(match names.get(row, &batch.texts) {
                        Value::Absent => texts.matches("<nil-service-name>"),
                        name => texts.matches(&name.to_text()),
                    });
                }
            }
            Property::Attribute(field, expected) => {
                check(batch, batch.attribute(*field), expected, answers, mask);
            }
            Property::Body(field, texts) => {
                let bodies = batch.cells(*field);
                for (row, mask) in mask.iter_mut().enumerate() {
                    let body = bodies.get(row, &batch.texts);
                    *mask &= u8::from(texts.matches(&body.to_text()));
                }
            }
            Property::Severity(field, least, undefined) => {
                for (mask, &number) in mask.iter_mut().zip(batch.narrow(*field)) {
                    *mask &= u8::from(match number {
                        0 => *undefined,
                        number => number >= *least,
                    });
                }
            }
        }
    }
}

fn expected(
    wanted: &KeyValue,
    strict: bool,
    path: &str,
    problems: &mut Problems,
) -> Option<Expected> {
    if wanted.key.is_empty() {
        problems.push(format!("{path}/key"), "is required");
        return None;
    }
    Some(match &wanted.value {
        Json::Null => Expected::There,
        Json::String(text) if strict => Expected::Text(Texts::Strict(vec![text.clone()])),
        Json::String(pattern) => match compile_set(std::slice::from_ref(pattern)) {
            Ok(set) => Expected::Text(Texts::Patterns(set)),
            Err(error) => {
                problems.push(format!("{path}/value"), error.to_string());
                return None;
            }
        },
        _ if !strict => {
            problems.push(
                format!("{path}/value"),
                "must be a string when match_type is regexp",
            );
            return None;
        }
        value => Expected::Value(Constant::new(value)?),
    })
}

/// Asks of each distinct text once.
fn matching(
    batch: &Batch<'_>,
    indices: &[u32],
    texts: &Texts,
    answers: &mut Vec<u8>,
    mask: &mut [u8],
) {
    answers.clear();
    answers.resize(batch.texts.len(), 2);
    let empty = u8::from(texts.matches(""));
    for (mask, &index) in mask.iter_mut().zip(indices) {
        *mask &= match answers.get_mut(index as usize) {
            Some(answer) => {
                if *answer == 2 {
                    *answer = u8::from(texts.matches(batch.texts.get(index)));
                }
                *answer
            }
            None => empty,
        };
    }
}

fn check(
    batch: &Batch<'_>,
    values: Values<'_>,
    expected: &Expected,
    answers: &mut Vec<u8>,
    mask: &mut [u8],
) {
    if let (Values::Text(indices), Expected::Text(texts)) = (values, expected) {
        matching(batch, indices, texts, answers, mask);
        for (mask, _) in mask
            .iter_mut()
            .zip(indices)
            .filter(|(_, index)| **index == ABSENT)
        {
            *mask = 0;
        }
        return;
    }
    for (row, mask) in mask.iter_mut().enumerate() {
        *mask &= u8::from(match (expected, values.get(row, &batch.texts)) {
            (_, Value::Absent) => false,
            (Expected::There, _) => true,
            (Expected::Text(texts), Value::Text(text)) => texts.matches(text),
            // A pattern is matched against numbers and bools too.
            (Expected::Text(Texts::Patterns(set)), value @ (Value::Bool(_) | Value::Int(_))) => {
                set.is_match(&value.to_text())
            }
            (Expected::Text(Texts::Patterns(set)), Value::Double(number)) => {
                set.is_match(&decimal(number))
            }
            (Expected::Value(wanted), value) => nested::equal(wanted.value(), value),
            _ => false,
        });
    }
}

/// A double as a pattern sees it: never with an exponent.
fn decimal(number: f64) -> String {
    match number {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        number => number.to_string(),
    }
}

/// Spreads answers for the rows of a context over the items below them.
fn spread(batch: &Batch<'_>, context: Context, above: &[u8], item: Context, mask: &mut [u8]) {
    let chain = std::iter::successors(Some(item), |below| below.parent());
    let parents: Vec<&[u32]> = chain
        .take_while(|below| *below != context)
        .map(|below| batch.parents(below))
        .collect();
    for (row, mask) in (0u32..).zip(mask) {
        let row = parents.iter().fold(row, |row, parents| {
            parents.get(row as usize).copied().unwrap_or(ABSENT)
        });
        *mask &= above.get(row as usize).copied().unwrap_or(0);
    }
}
