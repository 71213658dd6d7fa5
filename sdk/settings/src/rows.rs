//! The settings of a JSON Schema as rows of a table.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a table is made of.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Keys and their lines.
    pub rows: Vec<(String, String)>,
    /// Keys that the README names outside of the table.
    pub named: Vec<String>,
    /// Keys without a doc comment.
    pub untold: Vec<String>,
}

/// The rows of a schema. What is below the keys `elsewhere` is only named. Keys that several others have in common stand below
/// the first of these in `order`.
pub(crate) fn rows(schema: &Value, order: &[&str], elsewhere: &[&str]) -> Rows {
    let mut walk = Walk {
        defs: schema.get("$defs").and_then(Value::as_object),
        order,
        elsewhere,
        homes: BTreeMap::new(),
        found: Rows::default(),
        open: Vec::new(),
    };
    walk.find_homes("", schema);
    walk.object("", schema);
    walk.found
}

struct Walk<'a> {
    defs: Option<&'a Map<String, Value>>,
    order: &'a [&'a str],
    elsewhere: &'a [&'a str],
    /// By type, the key below which its own keys stand; of several the first in the README.
    homes: BTreeMap<&'a str, String>,
    found: Rows,
    /// The types that are being looked into.
    open: Vec<&'a str>,
}

/// What a schema is, without what only says that there may be nothing.
#[derive(Clone, Copy)]
struct Shape<'a> {
    /// The name of its type, if it has one.
    name: Option<&'a str>,
    schema: &'a Value,
}

impl<'a> Walk<'a> {
    /// Follows references, and leaves null out.
    fn shape(&self, schema: &'a Value) -> Shape<'a> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            let found = self.defs.and_then(|defs| defs.get(name));
            return Shape {
                name: Some(name),
                schema: found.unwrap_or_else(|| panic!("{reference} is nowhere")),
            };
        }
        match &self.alternatives(schema)[..] {
            [only] => self.shape(only),
            _ => Shape { name: None, schema },
        }
    }

    /// What one of must hold.
    fn alternatives(&self, schema: &'a Value) -> Vec<&'a Value> {
        let any = schema.get("anyOf").and_then(Value::as_array);
        let is_null = |schema: &&Value| schema["type"] == "null";
        any.into_iter()
            .flatten()
            .filter(|schema| !is_null(schema))
            .collect()
    }

    /// What stands inside a key, and how its keys are written: an object's own, those of a list's or a mapping's entries.
    fn inside(&self, schema: &'a Value) -> Option<(Shape<'a>, &'static str)> {
        let shape = self.shape(schema);
        let entries = [("items", "[]"), ("additionalProperties", ".*")];
        if shape.schema.get("properties").is_some() {
            return Some((shape, ""));
        }
        for (key, suffix) in entries {
            if let Some(entry) = shape.schema.get(key).filter(|entry| entry.is_object()) {
                return self.inside(entry).map(|(inner, _)| (inner, suffix));
            }
        }
        let mut each = self.alternatives(shape.schema).into_iter();
        each.find_map(|schema| self.inside(schema))
    }

    fn properties(
        &self,
        schema: &'a Value,
    ) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        schema["properties"].as_object().into_iter().flatten()
    }

    /// Finds for each type the key below which its keys are shown.
    fn find_homes(&mut self, path: &str, schema: &'a Value) {
        let mut below = Vec::new();
        for (key, schema) in self.properties(schema) {
            let path = join(path, key);
            let inside = self.inside(schema);
            let Some((shape, suffix)) = inside.filter(|_| !self.elsewhere.contains(&path.as_str()))
            else {
                continue;
            };
            if let Some(name) = shape.name {
                let place = |path: &str| {
                    let known = |key: &&str| key.starts_with(path);
                    self.order.iter().position(known).unwrap_or(usize::MAX)
                };
                let home = self.homes.get(name);
                if home.is_none_or(|home| place(&path) < place(home)) {
                    self.homes.insert(name, path.clone());
                }
            }
            below.push((path, shape, suffix));
        }
        for (path, shape, suffix) in below {
            let is_home = |name| self.homes.get(name) == Some(&path);
            if shape.name.is_none_or(is_home) {
                self.find_homes(&format!("{path}{suffix}"), shape.schema);
            }
        }
    }

    fn object(&mut self, path: &str, object: &'a Value) {
        for (key, schema) in self.properties(object) {
            let path = join(path, key);
            let inside = self.inside(schema);
            let home = inside.and_then(|(shape, _)| self.homes.get(shape.name?).cloned());
            let is_elsewhere = self.elsewhere.contains(&path.as_str());
            let is_home = home.as_ref().is_none_or(|home| *home == path);
            let meaning = text(schema);
            // An object is told by its keys, unless there is more to say.
            let is_object = inside.is_some_and(|(_, suffix)| suffix.is_empty());
            if !(is_object && meaning.is_empty() && is_home) {
                if meaning.is_empty() {
                    self.found.untold.push(format!("`{path}`"));
                }
                let mut kind = self.kind(schema);
                if let (false, false, Some(home)) = (is_home, is_elsewhere, &home) {
                    kind = format!("{kind}, as `{home}`");
                }
                let is_required = object["required"]
                    .as_array()
                    .is_some_and(|keys| keys.iter().any(|it| it == key));
                let default = match is_required {
                    true => "required".to_owned(),
                    false => default(&schema["default"]),
                };
                let line = format!("| `{path}` | {kind} | {default} | {meaning} |\n");
                self.found
                    .rows
                    .push((path.clone(), line.replace("|  |", "| |")));
            }
            match inside {
                Some((shape, _)) if is_elsewhere => self.name_all(shape.schema),
                Some((shape, suffix)) if is_home => {
                    self.object(&format!("{path}{suffix}"), shape.schema);
                }
                _ => {}
            }
        }
    }

    /// Notes keys that the README has to name.
    fn name_all(&mut self, object: &'a Value) {
        for (key, schema) in self.properties(object) {
            if !self.found.named.contains(key) {
                self.found.named.push(key.clone());
            }
            if let Some((shape, _)) = self.inside(schema)
                && shape.name.is_none_or(|name| !self.open.contains(&name))
            {
                self.open.extend(shape.name);
                self.name_all(shape.schema);
            }
        }
    }

    /// The type of a value, in words.
    fn kind(&self, schema: &'a Value) -> String {
        let Shape { name, schema } = self.shape(schema);
        if name == Some("Duration") {
            return "duration".to_owned();
        }
        let each = schema["oneOf"].as_array();
        let each = each.map_or(std::slice::from_ref(schema), Vec::as_slice);
        let constants: Vec<&Value> = each
            .iter()
            .flat_map(|one| {
                one["enum"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .chain(one.get("const"))
            })
            .collect();
        if !constants.is_empty() {
            return codes(constants.into_iter());
        }
        let alternatives = self.alternatives(schema);
        if !alternatives.is_empty() {
            let kinds: Vec<String> = alternatives.iter().map(|it| self.kind(it)).collect();
            return kinds.join(" or ");
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null"),
            kind => Some(kind),
        };
        match kind.and_then(Value::as_str) {
            None => "any".to_owned(),
            Some("array") => match self.kind(&schema["items"]).as_str() {
                "any" | "object" => "list".to_owned(),
                entry if entry.starts_with('`') => format!("list of {entry}"),
                entry => format!("list of {}s", entry.replace(" or ", "s or ")),
            },
            Some("object") if schema["additionalProperties"].is_object() => "mapping".to_owned(),
            Some(kind) => kind.to_owned(),
        }
    }
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

/// The doc comment of a key, in one line.
fn text(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches('.').replace('|', "\\|")
}

fn default(value: &Value) -> String {
    match value {
        Value::Array(values) => codes(values.iter()),
        Value::Null | Value::Object(_) => String::new(),
        value => codes(std::iter::once(value)),
    }
}

fn codes<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    let codes = values.filter_map(|value| match value {
        // What is left out as well as written.
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(format!("`{text}`")),
        Value::Number(number) => Some(format!("`{}`", number.as_f64().unwrap_or_default())),
        value => Some(format!("`{value}`")),
    });
    codes.collect::<Vec<_>>().join(", ")
}
