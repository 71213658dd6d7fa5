//! Puts each span under a resource of its name's, or does what `behaviour` says when it is asked where rows go.

use std::collections::HashMap;

use spanmill_sdk::{
    Batch, Cell, ConfigError, Context, Contract, Grouper, Groups, Outcome, PluginError, Processor,
    TextField, WriteField,
};

/// What to do.
#[derive(Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Behaviour {
    /// As it should.
    Well,
    /// It does not declare what it needs.
    Undeclared,
    /// It drops the first span, which is in a group all the same.
    Drop,
    /// It traps.
    Trap,
    /// It never comes back.
    Loop,
    /// It names a group that is not there.
    NoGroup,
    /// It has groups for fewer rows than there are.
    TooFew,
    /// It names a text that is not there.
    NoText,
    /// It has each span under a resource of a mebibyte.
    Large,
}

/// What to do.
#[derive(serde::Deserialize)]
pub struct Settings {
    behaviour: Behaviour,
}

/// The plugin.
pub struct ByName {
    behaviour: Behaviour,
    name: TextField,
    mark: WriteField,
    groups: Groups,
}

impl Processor for ByName {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        if settings.behaviour != Behaviour::Undeclared {
            contract.write_attributes(Context::Resource);
        }
        Ok(ByName {
            behaviour: settings.behaviour,
            name: contract.read_text("span.name"),
            mark: contract.write_attribute(Context::Span, "marked"),
            groups: Groups::default(),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        outcome.set_all(self.mark, Cell::Bool(true));
        if self.behaviour == Behaviour::Drop {
            outcome.drop_row(Context::Span, 0);
        }
        let mut groups = Groups::new(batch);
        let key = groups.text("name");
        let large = match self.behaviour {
            Behaviour::Large => Some(groups.text(&"x".repeat(1 << 20))),
            Behaviour::NoText => Some(u32::MAX - 1),
            _ => None,
        };
        let mut known = HashMap::new();
        for (row, name) in batch.text(self.name).iter().enumerate() {
            let group = match large {
                Some(text) => groups.add([(text, Cell::Int(row as i64))]),
                None => {
                    let add = || groups.add([(key, Cell::Text(*name))]);
                    *known.entry(*name).or_insert_with(add)
                }
            };
            groups.put(row, group);
        }
        match self.behaviour {
            Behaviour::NoGroup => groups.put(0, 1_000_000),
            Behaviour::TooFew => drop(groups.of_each.pop()),
            _ => {}
        }
        self.groups = groups;
        Ok(())
    }
}

impl Grouper for ByName {
    fn group(&mut self) -> Groups {
        match self.behaviour {
            Behaviour::Trap => panic!("told to"),
            Behaviour::Loop => loop {
                std::hint::black_box(());
            },
            _ => std::mem::take(&mut self.groups),
        }
    }
}

spanmill_sdk::register_processor!(ByName, grouper);
