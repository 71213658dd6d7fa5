//! As much of YAML and of JSON Schema as `openapi.yaml` uses, and stricter: what it leaves out is a mistake.

use std::cell::RefCell;
use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Reads YAML without anchors and tags.
pub(super) fn parse(text: &str) -> Value {
    let mut events = Vec::new();
    for event in Parser::new_from_str(text) {
        events.push(event.unwrap().0);
    }
    let mut events = events.into_iter().filter(|event| {
        !matches!(
            event,
            Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Nothing
        )
    });
    let first = events.next().unwrap();
    let value = node(first, &mut events);
    assert!(events.next().is_none(), "one document only");
    value
}

fn node<'a>(event: Event<'a>, rest: &mut impl Iterator<Item = Event<'a>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => match text.as_ref() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" | "~" | "" => Value::Null,
            plain => plain
                .parse::<u64>()
                .map_or_else(|_| Value::from(plain), Value::from),
        },
        Event::Scalar(text, ..) => Value::from(text.as_ref()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match rest.next().unwrap() {
                    Event::SequenceEnd => return Value::Array(items),
                    event => items.push(node(event, rest)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut entries = Map::new();
            loop {
                match rest.next().unwrap() {
                    Event::MappingEnd => return Value::Object(entries),
                    Event::Scalar(key, ..) => {
                        let event = rest.next().unwrap();
                        let before = entries.insert(key.to_string(), node(event, rest));
                        assert!(before.is_none(), "{key} stands there twice");
                    }
                    other => panic!("{other:?} is no key"),
                }
            }
        }
        other => panic!("{other:?}"),
    }
}

/// The document, which remembers what it was asked for.
pub(super) struct Document(pub Value, RefCell<BTreeSet<String>>);

impl Document {
    pub fn new(document: Value) -> Self {
        Self(document, RefCell::default())
    }

    /// Checks a value against a schema of `components`, by name.
    pub fn check(&self, schema: &str, value: &Value) {
        self.named(schema, value)
            .unwrap_or_else(|error| panic!("{schema}{error}"));
    }

    /// Schemas that no value was checked against.
    pub fn unseen(&self) -> Vec<String> {
        let schemas = self.0["components"]["schemas"].as_object().unwrap();
        let seen = self.1.borrow();
        schemas
            .keys()
            .filter(|name| !seen.contains(*name))
            .cloned()
            .collect()
    }

    /// The values of an enum.
    pub fn values(&self, schema: &str) -> Vec<Value> {
        let values = &self.0["components"]["schemas"][schema]["enum"];
        values.as_array().unwrap().clone()
    }

    fn named(&self, name: &str, value: &Value) -> Result<(), String> {
        self.1.borrow_mut().insert(name.to_owned());
        let schema = &self.0["components"]["schemas"][name];
        assert!(schema.is_object(), "there is no schema {name}");
        self.matches(schema, value)
    }

    fn matches(&self, schema: &Value, value: &Value) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            return self.named(name, value);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fitting = choices
                .iter()
                .filter(|choice| self.matches(choice, value).is_ok());
            return match fitting.count() {
                1 => Ok(()),
                fitting => Err(format!(": {fitting} choices fit {value}")),
            };
        }
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            one => vec![one.clone()],
        };
        if !kinds.contains(&Value::from(kind)) {
            return Err(format!(": {value} is not of {kinds:?}"));
        }
        if let Some(values) = schema["enum"].as_array()
            && !values.contains(value)
        {
            return Err(format!(": {value} is not one of {values:?}"));
        }
        match value {
            Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
                self.matches(&schema["items"], item)
                    .map_err(|error| format!("[{index}]{error}"))
            }),
            Value::Object(entries) => self.object(schema, entries),
            _ => Ok(()),
        }
    }

    fn object(&self, schema: &Value, entries: &Map<String, Value>) -> Result<(), String> {
        let Some(properties) = schema["properties"].as_object() else {
            // Keys that are data.
            assert!(!entries.is_empty(), "an example must have an entry");
            return entries
                .values()
                .try_for_each(|value| self.matches(&schema["additionalProperties"], value));
        };
        let required = schema["required"].as_array().unwrap();
        let required: BTreeSet<&str> = required.iter().map(|name| name.as_str().unwrap()).collect();
        let documented: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        let there: BTreeSet<&str> = entries.keys().map(String::as_str).collect();
        if there != documented || there != required {
            return Err(format!(
                ": has {there:?}, documented are {documented:?}, required {required:?}"
            ));
        }
        if schema["additionalProperties"] != false {
            return Err(": additionalProperties must be false".to_owned());
        }
        properties.iter().try_for_each(|(name, property)| {
            let described = property["description"].is_string() || property["$ref"].is_string();
            assert!(described, "{name} has no description");
            self.matches(property, &entries[name])
                .map_err(|error| format!(".{name}{error}"))
        })
    }
}
