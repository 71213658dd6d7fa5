//! Which spans `include` and `exclude` mean. Every property given must match; of a property's list, one entry.

use serde_json::Value as Json;
use spanmill_actions::Constant;
use spanmill_pattern::{RegexSet, compile, compile_set};
use spanmill_sdk::{
    ABSENT, AttributeField, Batch, Context, Contract, NarrowField, Problems, TextField, Value,
    Values, nested,
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
    /// A text field; `true`: of the scope.
    Text(TextField, bool, Texts),
    Service(AttributeField, Texts),
    Kind(NarrowField, Texts),
    Attribute(AttributeField, Expected),
    Resource(AttributeField, Expected),
}

/// The spans that some properties describe.
#[derive(Debug)]
pub(crate) struct Matcher {
    properties: Vec<Property>,
    mask: Vec<u8>,
    above: Vec<u8>,
    /// Answers by pool index: 0 no, 1 yes, 2 not asked.
    answers: Vec<u8>,
}

impl Matcher {
    pub(crate) fn new(
        settings: &Match,
        path: &str,
        contract: &mut Contract,
        problems: &mut Problems,
    ) -> Self {
        let strict = settings.match_type == "strict";
        if !matches!(settings.match_type.as_str(), "strict" | "regexp") {
            problems.push(format!("{path}/match_type"), "must be strict or regexp");
        }
        for (name, value) in [
            ("log_bodies", &settings.log_bodies),
            ("log_severity_texts", &settings.log_severity_texts),
            ("log_severity_number", &settings.log_severity_number),
            ("metric_names", &settings.metric_names),
        ] {
            if !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()) {
                problems.push(
                    format!("{path}/{name}"),
                    format!("{name} has no meaning for spans; take it out"),
                );
            }
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
            properties.push(Property::Service(
                service,
                texts("services", &settings.services, problems),
            ));
        }
        if !settings.span_names.is_empty() {
            let name = contract.read_text("span.name");
            properties.push(Property::Text(
                name,
                false,
                texts("span_names", &settings.span_names, problems),
            ));
        }
        if !settings.span_kinds.is_empty() {
            let kind = contract.read_narrow("span.kind");
            properties.push(Property::Kind(
                kind,
                texts("span_kinds", &settings.span_kinds, problems),
            ));
        }
        for (place, library) in settings.libraries.iter().enumerate() {
            let name = contract.read_text("scope.name");
            let names = texts(
                &format!("libraries/{place}/name"),
                std::slice::from_ref(&library.name),
                problems,
            );
            properties.push(Property::Text(name, true, names));
            if let Some(version) = &library.version {
                let field = contract.read_text("scope.version");
                let versions = texts(
                    &format!("libraries/{place}/version"),
                    std::slice::from_ref(version),
                    problems,
                );
                properties.push(Property::Text(field, true, versions));
            }
        }
        for (list, name, context) in [
            (&settings.resources, "resources", Context::Resource),
            (&settings.attributes, "attributes", Context::Span),
        ] {
            for (place, wanted) in list.iter().enumerate() {
                let path = format!("{path}/{name}/{place}");
                let Some(expected) = expected(wanted, strict, &path, problems) else {
                    continue;
                };
                let field = contract.read_attribute(context, &wanted.key);
                properties.push(match context {
                    Context::Resource => Property::Resource(field, expected),
                    _ => Property::Attribute(field, expected),
                });
            }
        }
        if properties.is_empty() {
            problems.push(
                path,
                "needs services, span_names, span_kinds, attributes, resources or libraries",
            );
        }
        Matcher {
            properties,
            mask: Vec::new(),
            above: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// For each span, 1 if it is meant, else 0.
    pub(crate) fn mask(&mut self, batch: &Batch<'_>) -> &[u8] {
        let Matcher {
            properties,
            mask,
            above,
            answers,
        } = self;
        mask.clear();
        mask.resize(batch.rows(Context::Span), 1);
        for property in properties {
            match property {
                Property::Text(field, false, texts) => {
                    matching(batch, batch.text(*field), texts, answers, mask)
                }
                Property::Text(field, true, texts) => {
                    above.clear();
                    above.resize(batch.rows(Context::Scope), 1);
                    matching(batch, batch.text(*field), texts, answers, above);
                    spread(batch, above, mask, false);
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
                    above.clear();
                    above.extend((0..batch.rows(Context::Resource)).map(|row| {
                        u8::from(match names.get(row, &batch.texts) {
                            Value::Absent => texts.matches("<nil-service-name>"),
                            name => texts.matches(&name.to_text()),
                        })
                    }));
                    spread(batch, above, mask, true);
                }
                Property::Attribute(field, expected) => {
                    check(batch, batch.attribute(*field), expected, answers, mask);
                }
                Property::Resource(field, expected) => {
                    above.clear();
                    above.resize(batch.rows(Context::Resource), 1);
                    check(batch, batch.attribute(*field), expected, answers, above);
                    spread(batch, above, mask, true);
                }
            }
        }
        mask
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

/// Spreads answers for scopes, or for resources, over the spans.
fn spread(batch: &Batch<'_>, above: &[u8], mask: &mut [u8], resources: bool) {
    let scopes = batch.parents(Context::Scope);
    for (mask, &scope) in mask.iter_mut().zip(batch.parents(Context::Span)) {
        let row = if resources {
            scopes.get(scope as usize).copied().unwrap_or(ABSENT)
        } else {
            scope
        };
        *mask &= above.get(row as usize).copied().unwrap_or(0);
    }
}
