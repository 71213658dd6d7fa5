//! Actions as they are written in the settings, and what is wrong with them.

use serde::Deserialize;
use serde_json::Value as Json;
use spanmill_pattern::{Regex, compile};
use spanmill_sdk::{Contract, Level, Problems, Value, nested};

use crate::action::{Action, Constant, Keys, Kind, Source, Target};
use crate::request::RequestValue;

/// One entry of `actions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ActionConfig {
    /// The attribute. Required, but for `delete` and `hash`, where a `pattern` may stand instead or beside.
    key: String,
    /// Required: `insert` (if not there), `update` (if there), `upsert`, `delete`, `hash` (SHA-256), `extract` or `convert`.
    action: String,
    /// The value to put.
    value: Json,
    /// Put this if there is no other value.
    default_value: Json,
    /// Put another attribute's value.
    from_attribute: String,
    /// Put what is known of the request: `metadata.x-tenant` is a header, whose values are joined by `;`, as is a name alone, and
    /// `client.address` the sender's IP address. The receiver has to keep headers (`include_metadata`).
    from_context: String,
    /// `extract`: its named groups become attributes; `delete`, `hash`: keys that match.
    pattern: String,
    /// What `convert` makes of the value: `string`, `int` or `double`.
    converted_type: String,
}

impl Constant {
    /// The value that the settings give; `None` for null.
    pub fn new(value: &Json) -> Option<Constant> {
        Some(match value {
            Json::Null => return None,
            Json::String(text) => Constant::Text(text.clone()),
            Json::Bool(flag) => Constant::Bool(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Constant::Int(number),
                None => Constant::Double(number.as_f64().unwrap_or(0.0)),
            },
            Json::Array(items) => {
                let mut encoded = Vec::new();
                for item in items {
                    let item = Constant::new(item);
                    let value = item.as_ref().map_or(Value::Empty, Constant::value);
                    nested::push_item(&mut encoded, &value);
                }
                Constant::Array(encoded)
            }
            Json::Object(entries) => {
                let mut encoded = Vec::new();
                for (key, entry) in entries {
                    let entry = Constant::new(entry);
                    let value = entry.as_ref().map_or(Value::Empty, Constant::value);
                    nested::push_entry(&mut encoded, key, &value);
                }
                Constant::Map(encoded)
            }
        })
    }

    /// The value as telemetry has it.
    pub fn value(&self) -> Value<'_> {
        match self {
            Constant::Text(text) => Value::Text(text),
            Constant::Bool(flag) => Value::Bool(*flag),
            Constant::Int(number) => Value::Int(*number),
            Constant::Double(number) => Value::Double(*number),
            Constant::Array(array) => Value::Array(array),
            Constant::Map(map) => Value::Map(map),
        }
    }
}

impl ActionConfig {
    /// The action, with its keys numbered; `None` after a problem.
    pub(crate) fn compile(
        &self,
        path: &str,
        keys: &mut Keys,
        contract: &mut Contract,
        problems: &mut Problems,
    ) -> Option<Action> {
        let mut valid = true;
        let mut problem = |field: &str, message: String| {
            valid = false;
            problems.push(format!("{path}{field}"), message);
        };
        let action = self.action.to_lowercase();
        let by_pattern = matches!(action.as_str(), "delete" | "hash");
        if self.key.is_empty() && !by_pattern {
            problem("/key", "is required".to_owned());
        }
        if self.key.is_empty() && by_pattern && self.pattern.is_empty() {
            problem("", format!("{action} needs a key or a pattern"));
        }
        let takes_value = matches!(action.as_str(), "insert" | "update" | "upsert");
        for (field, given, taken) in [
            ("value", !self.value.is_null(), takes_value),
            (
                "from_attribute",
                !self.from_attribute.is_empty(),
                takes_value,
            ),
            (
                "from_context",
                !self.from_context.is_empty(),
                takes_value || by_pattern,
            ),
            // The Collector reads it for these actions only, and lets it stand elsewhere.
            (
                "pattern",
                !self.pattern.is_empty(),
                by_pattern || action == "extract",
            ),
            (
                "converted_type",
                !self.converted_type.is_empty(),
                action == "convert",
            ),
        ] {
            if given && !taken {
                problem(
                    &format!("/{field}"),
                    format!("{action} takes no {field}; take it out"),
                );
            }
        }
        if !self.default_value.is_null() && !takes_value {
            let message = format!("{path}/default_value: {action} takes none; it has no effect");
            spanmill_sdk::log(Level::Warn, &message);
        }
        let regex = match (self.pattern.is_empty(), compile(&self.pattern)) {
            (true, _) => None,
            (false, Ok(regex)) => Some(regex),
            (false, Err(error)) => {
                problem("/pattern", error.to_string());
                None
            }
        };
        let kind = match action.as_str() {
            "insert" | "update" | "upsert" => {
                let nothing = self.value.is_null()
                    && self.from_attribute.is_empty()
                    && self.from_context.is_empty();
                if nothing && self.default_value.is_null() {
                    problem(
                        "",
                        format!(
                            "{action} needs a value, from_attribute, from_context or default_value"
                        ),
                    );
                }
                let given = [
                    !self.value.is_null(),
                    !self.from_attribute.is_empty(),
                    !self.from_context.is_empty(),
                ];
                if given.into_iter().filter(|given| *given).count() > 1 {
                    let message = "value, from_attribute and from_context exclude each other; give one of them";
                    problem("", message.to_owned());
                }
                let context = match RequestValue::new(&self.from_context, contract) {
                    Ok(context) => context,
                    Err(message) => {
                        problem("/from_context", message);
                        None
                    }
                };
                let source = Source {
                    value: Constant::new(&self.value),
                    from: (!self.from_attribute.is_empty())
                        .then(|| keys.number(&self.from_attribute)),
                    context,
                    default: Constant::new(&self.default_value),
                };
                Kind::Put {
                    source,
                    insert: action != "update",
                    update: action != "insert",
                }
            }
            "delete" => Kind::Delete(regex),
            "hash" => Kind::Hash(regex),
            "extract" => {
                if self.pattern.is_empty() {
                    problem(
                        "/pattern",
                        "extract needs a pattern with named groups".to_owned(),
                    );
                }
                match regex.map(|regex| groups(regex, keys)).transpose() {
                    Ok(extract) => extract?,
                    Err(message) => {
                        problem("/pattern", message);
                        return None;
                    }
                }
            }
            "convert" => Kind::Convert(match self.converted_type.as_str() {
                "string" => Target::Text,
                "int" => Target::Int,
                "double" => Target::Double,
                _ => {
                    problem(
                        "/converted_type",
                        "must be string, int or double".to_owned(),
                    );
                    return None;
                }
            }),
            "" => {
                problem(
                    "/action",
                    "is required: insert, update, upsert, delete, hash, extract or convert"
                        .to_owned(),
                );
                return None;
            }
            _ => {
                problem(
                    "/action",
                    "must be insert, update, upsert, delete, hash, extract or convert".to_owned(),
                );
                return None;
            }
        };
        valid.then(|| Action {
            key: (!self.key.is_empty()).then(|| keys.number(&self.key)),
            kind,
        })
    }
}

/// The keys that a pattern's groups name.
fn groups(regex: Regex, keys: &mut Keys) -> Result<Kind, String> {
    let names: Option<Vec<usize>> = regex
        .capture_names()
        .skip(1)
        .map(|name| name.map(|name| keys.number(name)))
        .collect();
    match names {
        Some(names) if names.is_empty() => {
            Err("contains no named group; write (?P<key>...)".to_owned())
        }
        Some(targets) => Ok(Kind::Extract {
            regex,
            targets,
            memo: Vec::new(),
            found: Vec::new(),
        }),
        None => Err(
            "every group must have a name; write (?P<key>...), or (?:...) for one without"
                .to_owned(),
        ),
    }
}
