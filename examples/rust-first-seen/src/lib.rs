//! Marks the first span of each operation of each service. What it has seen is handed on when it is swapped for another
//! version or other settings.

mod known;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::Deserialize;
use spanmill_sdk::{
    About, AttributeField, Batch, Cell, ConfigError, Context, Contract, Counter, Level, Outcome,
    PluginError, Problems, Processor, RestoreError, Sharding, State, TextField, Value, WriteField,
    log,
};

use known::Known;

/// The component's section of the manifest.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The attribute that is true on a first span.
    attribute: String,
    /// How many operations are remembered; beyond, none is marked.
    limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            attribute: "first_seen".to_owned(),
            limit: 50_000,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new();
        if self.attribute.is_empty() {
            problems.push("/attribute", "must not be empty");
        }
        if !(1..=200_000).contains(&self.limit) {
            problems.push("/limit", "must be between 1 and 200000");
        }
        problems.check()
    }
}

/// The plugin.
pub struct FirstSeen {
    limit: usize,
    known: Known,
    /// The resource and the name of the spans of this batch that were looked at.
    looked_at: BTreeSet<(u32, u32)>,
    is_full: bool,
    service: AttributeField,
    name: TextField,
    mark: WriteField,
    marked: Counter,
}

impl Processor for FirstSeen {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        settings.check()?;
        // One instance sees every span, so that only one of them is the first.
        contract.shard(Sharding::Whole);
        Ok(FirstSeen {
            limit: settings.limit,
            known: Known::default(),
            looked_at: BTreeSet::new(),
            is_full: false,
            service: contract.read_attribute(Context::Resource, "service.name"),
            name: contract.read_text("span.name"),
            mark: contract.write_attribute(Context::Span, &settings.attribute),
            marked: contract.counter("operations_marked"),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let services = batch.attribute(self.service);
        let resources = batch.parents(Context::Scope);
        let spans = batch
            .parents(Context::Span)
            .iter()
            .zip(batch.text(self.name));
        let mut marked = 0;
        self.looked_at.clear();
        for (row, (&scope, &name)) in spans.enumerate() {
            let Some(&resource) = resources.get(scope as usize) else {
                continue;
            };
            // Within a batch, numbers tell operations apart.
            if !self.looked_at.insert((resource, name)) {
                continue;
            }
            let service = match services.get(resource as usize, &batch.texts) {
                Value::Text(service) => service,
                _ => "",
            };
            let operation = batch.texts.get(name);
            if self.known.contains(service, operation) {
                continue;
            }
            if self.known.len() >= self.limit {
                self.warn_once();
                break;
            }
            self.known.insert(service, operation);
            outcome.set(self.mark, row as u32, Cell::Bool(true));
            marked += 1;
        }
        if marked > 0 {
            self.marked.add(marked);
        }
        Ok(())
    }
}

impl FirstSeen {
    fn warn_once(&mut self) {
        if !self.is_full {
            self.is_full = true;
            log(
                Level::Warn,
                "as many operations are known as `limit` says; new ones are not marked",
            );
        }
    }
}

impl State for FirstSeen {
    const FORMAT: u32 = 1;

    fn snapshot(&self) -> Vec<u8> {
        self.known.to_bytes()
    }

    fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        if format != Self::FORMAT {
            return Err(RestoreError::Format);
        }
        self.known =
            Known::from_bytes(data).ok_or_else(|| RestoreError::data("not a list of hashes"))?;
        Ok(())
    }
}

impl About for FirstSeen {
    const NAME: &'static str = "first_seen";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Marks the first span of each operation of each service";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(FirstSeen, state, about);
