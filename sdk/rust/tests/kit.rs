//! The test kit keeps the contract's rules, and the glue between traits and wire carries every edit.

use serde_json::json;
use spanmill_sdk::testing::{Attr, Event, Kit, Span, Spans};
use spanmill_sdk::{
    AttributeField, Batch, Cell, ConfigError, Context, Contract, Counter, ListField, Outcome,
    PluginError, Processor, TextField, Value, Values, WriteField,
};

/// Does every kind of edit once.
struct Editor {
    name: TextField,
    list: ListField,
    one: AttributeField,
    write_name: WriteField,
    write_list: WriteField,
    write_status: WriteField,
    write_state: WriteField,
    write_team: WriteField,
    edits: Counter,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {
    #[serde(default)]
    #[allow(dead_code)]
    label: String,
}

impl Processor for Editor {
    type Config = Nothing;

    fn configure(_: Nothing, contract: &mut Contract) -> Result<Self, ConfigError> {
        Ok(Editor {
            name: contract.read_text("span.name"),
            list: contract.read_attributes(Context::Span),
            one: contract.read_attribute(Context::Resource, "team"),
            write_name: contract.write("span.name"),
            write_list: contract.write_attributes(Context::Span),
            write_status: contract.write("span.status.code"),
            write_state: contract.write("span.trace_state"),
            write_team: contract.write_attribute(Context::Resource, "team"),
            edits: contract.counter("edits"),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let list = batch.attributes(self.list);
        let masked = outcome.text("****");
        let seen = outcome.text("seen");
        for row in 0..batch.rows(Context::Span) {
            for entry in list.entries(row) {
                match batch.texts.get(list.keys[entry]) {
                    "remove" => outcome.remove_entry(self.write_list, entry as u32),
                    "count" => outcome.set_entry(self.write_list, entry as u32, Cell::Int(7)),
                    "secret" => {
                        if let Value::Text(_) = list.values.get(entry, &batch.texts) {
                            outcome.replace(
                                self.write_list,
                                list.values.bits[entry] as u32,
                                masked,
                            );
                        }
                    }
                    _ => {}
                }
            }
            outcome.append(self.write_list, row as u32, seen, Cell::Bool(true));
        }
        if let Some(&name) = batch.text(self.name).first() {
            outcome.set(self.write_name, 0, Cell::Text(masked));
            outcome.replace(self.write_name, name, seen);
        }
        outcome.set_all(self.write_status, Cell::Int(1));
        // The last one at a place counts.
        outcome.set_texts(self.write_state, &[1, 0, 1], &[masked, seen, seen]);
        outcome.set(self.write_state, 0, Cell::Text(masked));
        assert!(matches!(batch.attribute(self.one), Values::Text(_)));
        outcome.set(self.write_team, 0, Cell::Absent);
        outcome.set(self.write_team, 1, Cell::Text(seen));
        outcome.drop_row(Context::Span, 2);
        self.edits.add(3);
        Ok(())
    }
}

fn spans() -> Spans {
    Spans::new()
        .resource([("team", "a"), ("host", "h")])
        .span(
            Span::new("one")
                .attr("remove", "x")
                .attr("secret", "p")
                .attr("count", 1),
        )
        .span(
            Span::new("two")
                .attr("other", "p")
                .attr("list", Attr::Array(vec![Attr::Int(1)])),
        )
        .resource([("host", "h")])
        .scope("lib", "1")
        .span(Span::new("three"))
        .scope("lib2", "1")
        .span(Span::new("four").event(Event::new("e")))
}

#[test]
fn every_edit_arrives() {
    let mut kit = Kit::<Editor>::new(json!({})).unwrap();
    let out = kit.run(&spans());
    // What an outcome writes it does not also replace.
    assert_eq!(out.span_names(), ["****", "two", "four"]);
    assert_eq!(out.span(0).keys(), ["secret", "count", "seen"]);
    assert_eq!(out.span(0).get("secret"), Some(&"****".into()));
    assert_eq!(out.span(0).get("count"), Some(&7.into()));
    // A replaced text goes wherever it stands as a value of the field.
    assert_eq!(out.span(1).get("other"), Some(&"****".into()));
    assert_eq!(
        out.span(1).get("list"),
        Some(&Attr::Array(vec![Attr::Int(1)]))
    );
    assert_eq!(out.span(2).event_names(), ["e"]);
    assert!(out.left.spans().all(|span| span.status_code == 1));
    let states: Vec<&str> = out.left.spans().map(|span| &span.trace_state[..]).collect();
    assert_eq!(states, ["****", "seen", ""]);
    assert_eq!(out.resource(0).keys(), ["host"]);
    assert_eq!(out.resource(1).get("team"), Some(&"seen".into()));
    assert_eq!(
        out.left.resources[1].scopes.len(),
        1,
        "an emptied scope goes"
    );
    assert_eq!(out.dropped(Context::Span), [2]);
    assert_eq!(out.count("edits"), 3);
}

#[test]
fn a_misspelt_key_is_named_with_the_one_that_was_meant() {
    let error = Kit::<Editor>::new(json!({"lable": "x"})).err().unwrap();
    assert_eq!(
        error.to_string(),
        "/lable: unknown key `lable`; did you mean `label`?"
    );
    let error = Kit::<Editor>::new(json!({"label": 3})).err().unwrap();
    assert_eq!(
        error,
        ConfigError::at("/label", "invalid type: integer `3`, expected a string")
    );
    assert!(
        Kit::<Editor>::new(json!(null)).is_ok(),
        "an empty section is an empty object"
    );
}

/// Looks at the texts of a batch that it may not read.
struct Peek(TextField);

impl Processor for Peek {
    type Config = Nothing;

    fn configure(_: Nothing, contract: &mut Contract) -> Result<Self, ConfigError> {
        Ok(Peek(contract.read_text("span.name")))
    }

    fn process(&mut self, batch: &Batch<'_>, _: &mut Outcome) -> Result<(), PluginError> {
        let readable: Vec<&str> = (0..batch.texts.len() as u32)
            .map(|index| batch.texts.get(index))
            .filter(|text| !text.is_empty())
            .collect();
        assert_eq!(readable, ["one", "two", "three", "four"]);
        assert_eq!(batch.text(self.0).len(), 4);
        assert_eq!(batch.parents(Context::Scope), [0, 1, 1]);
        assert_eq!(batch.parents(Context::Span), [0, 0, 1, 2]);
        assert!(batch.table(Context::SpanEvent).is_none());
        Ok(())
    }
}

#[test]
fn a_plugin_sees_only_what_it_declared() {
    assert_eq!(
        Kit::<Peek>::new(json!({})).unwrap().run(&spans()).left,
        spans()
    );
}

/// Breaks a rule: writes rows beyond the table.
struct Liar(WriteField);

impl Processor for Liar {
    type Config = Nothing;

    fn configure(_: Nothing, contract: &mut Contract) -> Result<Self, ConfigError> {
        Ok(Liar(contract.write("span.name")))
    }

    fn process(&mut self, _: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        outcome.set(self.0, 99, Cell::Absent);
        Ok(())
    }
}

#[test]
fn a_broken_rule_fails_the_test() {
    let run = std::panic::catch_unwind(|| Kit::<Liar>::new(json!({})).unwrap().run(&spans()));
    assert!(run.is_err());
}
