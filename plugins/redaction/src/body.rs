//! The bodies of log records: values of any kind, maps and arrays looked into.

use spanmill_sdk::{Batch, Cell, CellField, Contract, Outcome, Value, WriteField, nested};

use crate::keys::{KeyClass, Keys};
use crate::memo::{Fate, Memo, TextFate};
use crate::sanitize::Plan;
use crate::settings::Rules;
use crate::summary::{Event, Summary};

/// The bodies of a batch, and what was done to them.
#[derive(Debug)]
pub(crate) struct Bodies {
    read: CellField,
    write: WriteField,
    /// Values masked and removed in this batch.
    pub masked: u64,
    pub removed: u64,
}

/// What the body at hand is held against.
pub(crate) struct Body<'a> {
    pub rules: &'a Rules,
    pub memo: &'a mut Memo,
    pub keys: &'a Keys,
    /// What is done to texts.
    pub plan: Plan,
    pub keys_matter: bool,
    pub empty_is_clean: bool,
    /// `None`: nothing is said of it.
    pub summary: Option<&'a mut Summary>,
}

/// A new value.
enum Redacted {
    Text(Vec<u8>),
    Array(Vec<u8>),
    Map(Vec<u8>),
}

impl Redacted {
    fn value(&self) -> Value<'_> {
        match self {
            Redacted::Text(text) => Value::Text(std::str::from_utf8(text).unwrap_or("")),
            Redacted::Array(array) => Value::Array(array),
            Redacted::Map(map) => Value::Map(map),
        }
    }
}

/// What a whole body is called in the summary.
const WHOLE: &str = "body";

impl Bodies {
    pub(crate) fn new(contract: &mut Contract) -> Self {
        Bodies {
            read: contract.read_cells("log.body"),
            write: contract.write("log.body"),
            masked: 0,
            removed: 0,
        }
    }

    pub(crate) fn start(&mut self) {
        (self.masked, self.removed) = (0, 0);
    }

    /// Applies the rules to the body of a row.
    pub(crate) fn redact(
        &mut self,
        body: &mut Body<'_>,
        batch: &Batch<'_>,
        row: usize,
        outcome: &mut Outcome,
    ) {
        let (kind, bits) = batch.cells(self.read).cell(row);
        let value = Value::from_cell(kind, bits, &batch.texts);
        let cell = match value {
            Value::Absent | Value::Empty if body.empty_is_clean => return,
            Value::Text(_) => {
                match body
                    .memo
                    .fate(body.rules, batch, outcome, (kind, bits), body.plan)
                {
                    Fate::Masked(text) => {
                        body.note(Event::Masked, WHOLE);
                        self.masked += 1;
                        Cell::Text(text)
                    }
                    // The Collector says nothing of a body that is allowed as a whole.
                    Fate::Allowed | Fate::Clean => return,
                }
            }
            Value::Map(_) | Value::Array(_) => match self.nested(body, value, "") {
                Some(Redacted::Array(array)) => Cell::Array(outcome.bytes(&array)),
                Some(Redacted::Map(map)) => Cell::Map(outcome.bytes(&map)),
                Some(Redacted::Text(text)) => Cell::Text(outcome.bytes(&text)),
                None => return,
            },
            scalar => match body
                .memo
                .text_fate(body.rules, body.plan, &scalar.to_text())
            {
                TextFate::Masked(text) => {
                    let text = outcome.bytes(text);
                    body.note(Event::Masked, WHOLE);
                    self.masked += 1;
                    Cell::Text(text)
                }
                TextFate::Allowed | TextFate::Clean => return,
            },
        };
        outcome.set(self.write, row as u32, cell);
    }

    /// Applies the rules to a value inside a body; `None` if it stays as it is.
    fn nested(&mut self, body: &mut Body<'_>, value: Value<'_>, path: &str) -> Option<Redacted> {
        match value {
            Value::Map(map) => {
                let mut out = Vec::new();
                let mut changed = false;
                for (key, value) in nested::entries(map) {
                    let path = match path {
                        "" => key.to_owned(),
                        path => format!("{path}.{key}"),
                    };
                    let class = match body.keys_matter {
                        true => body.keys.class(body.rules, key),
                        false => KeyClass::Plain,
                    };
                    let new = match class {
                        KeyClass::Ignored => {
                            body.note(Event::Ignored, &path);
                            None
                        }
                        KeyClass::Redacted => {
                            body.note(Event::Redacted, &path);
                            self.removed += 1;
                            changed = true;
                            continue;
                        }
                        KeyClass::Blocked => {
                            body.note(Event::Masked, &path);
                            self.masked += 1;
                            // As the Collector does it: a value that is no text reads as an empty one.
                            let text = match value {
                                Value::Text(text) => text,
                                _ => "",
                            };
                            Some(Redacted::Text(body.rules.mask.whole(text).into_bytes()))
                        }
                        KeyClass::Plain => self.nested(body, value, &path),
                    };
                    changed |= new.is_some();
                    let value = new.as_ref().map_or(value, Redacted::value);
                    nested::push_entry(&mut out, key, &value);
                }
                changed.then_some(Redacted::Map(out))
            }
            Value::Array(array) => {
                let mut out = Vec::new();
                let mut changed = false;
                for (place, value) in nested::items(array).enumerate() {
                    let path = match path {
                        "" => format!("[{place}]"),
                        path => format!("{path}.[{place}]"),
                    };
                    let new = self.nested(body, value, &path);
                    changed |= new.is_some();
                    let value = new.as_ref().map_or(value, Redacted::value);
                    nested::push_item(&mut out, &value);
                }
                changed.then_some(Redacted::Array(out))
            }
            scalar => match body
                .memo
                .text_fate(body.rules, body.plan, &scalar.to_text())
            {
                TextFate::Clean => None,
                TextFate::Allowed => {
                    body.note(Event::Allowed, path);
                    None
                }
                TextFate::Masked(text) => {
                    let text = text.to_vec();
                    body.note(Event::Masked, path);
                    self.masked += 1;
                    Some(Redacted::Text(text))
                }
            },
        }
    }
}

impl Body<'_> {
    fn note(&mut self, event: Event, path: &str) {
        if let Some(summary) = &mut self.summary {
            summary.note_path(event, path);
        }
    }
}
