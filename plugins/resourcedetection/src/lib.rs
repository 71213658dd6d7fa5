//! The resource detection processor: adds to resources what is known of the host and the environment.
//!
//! Settings and meaning are those of the Collector's `resourcedetection`, with the detectors that need nothing but the
//! environment. A plugin has no environment but what its host gives it: see the README for the variables.

mod cloud;
mod env;
mod environment;
mod facts;
mod settings;
mod system;

use std::marker::PhantomData;

use spanmill_sdk::{
    AttributeField, Batch, Cell, ConfigError, Context, Contract, Level, Outcome, PluginError,
    Processor, Signal, Value, WriteField, nested,
};

use cloud::{HEROKU, LAMBDA};
pub use environment::{Environment, Process};
use facts::{Fact, Facts};
use settings::Settings;

/// The resource detection processor, of what some environment says.
#[derive(Debug)]
pub struct ResourceDetection<E = Process> {
    attributes: Vec<Attribute>,
    environment: PhantomData<E>,
}

#[derive(Debug)]
struct Attribute {
    fact: Fact,
    /// Where it is not to be overridden.
    read: Option<AttributeField>,
    write: WriteField,
}

impl Fact {
    fn cell(&self, outcome: &mut Outcome) -> Cell {
        match self {
            Fact::Text(text) => Cell::Text(outcome.text(text)),
            Fact::Int(number) => Cell::Int(*number),
            Fact::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    nested::push_item(&mut list, &Value::Text(item));
                }
                Cell::Array(outcome.bytes(&list))
            }
        }
    }
}

/// Runs the detectors in order.
fn detect<E: Environment>(settings: &Settings) -> Result<Facts, ConfigError> {
    let mut facts = Facts::default();
    let must_be = settings.fail_on_missing_metadata;
    for detector in &settings.detectors {
        let detector = detector.trim();
        let mut missing = Vec::new();
        let found = match detector {
            "system" => settings
                .system
                .detect::<E>(&mut facts)
                .map(|unknown| missing = unknown),
            "heroku" => {
                let choice = &settings.heroku.resource_attributes;
                HEROKU.detect::<E>(choice, must_be, &mut facts)
            }
            "lambda" => {
                let choice = &settings.lambda.resource_attributes;
                LAMBDA.detect::<E>(choice, must_be, &mut facts)
            }
            _ => env::detect::<E>(&mut facts),
        };
        if let Err(why) = found {
            return Err(ConfigError::Unavailable(format!(
                "detector {detector}: {why}"
            )));
        }
        if !missing.is_empty() {
            let message = format!(
                "detector {detector}: not known here: {}",
                missing.join(", ")
            );
            spanmill_sdk::log(Level::Warn, &message);
        }
    }
    Ok(facts)
}

impl<E: Environment> Processor for ResourceDetection<E> {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        settings.check()?;
        if settings.timeout.is_some() {
            let message = "timeout has no effect: no detector here waits for anything";
            spanmill_sdk::log(Level::Warn, message);
        }
        let Facts(facts) = detect::<E>(&settings)?;
        let keys: Vec<&str> = facts.iter().map(|(key, _)| key.as_str()).collect();
        let found = match keys.as_slice() {
            [] => "detected nothing".to_owned(),
            keys => format!("detected {}", keys.join(", ")),
        };
        spanmill_sdk::log(Level::Info, &found);
        contract.take(Signal::ALL);
        let attributes = facts.into_iter().map(|(key, fact)| Attribute {
            fact,
            read: (!settings.overrides).then(|| contract.read_attribute(Context::Resource, &key)),
            write: contract.write_attribute(Context::Resource, &key),
        });
        Ok(ResourceDetection {
            attributes: attributes.collect(),
            environment: PhantomData,
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let rows = batch.rows(Context::Resource);
        if rows == 0 {
            return Ok(());
        }
        for Attribute { fact, read, write } in &self.attributes {
            let Some(read) = read else {
                let cell = fact.cell(outcome);
                outcome.set_all(*write, cell);
                continue;
            };
            let values = batch.attribute(*read);
            let mut cell = None;
            for row in (0..rows).filter(|row| values.cell(*row).0 == 0) {
                let cell = *cell.get_or_insert_with(|| fact.cell(outcome));
                outcome.set(*write, row as u32, cell);
            }
        }
        Ok(())
    }
}

impl spanmill_sdk::About for ResourceDetection {
    const NAME: &'static str = "resourcedetection";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(ResourceDetection, about);

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_is_that_of_the_settings() {
        let schema = schemars::schema_for!(super::settings::Settings);
        spanmill_sdk::testing::check_schema(
            &serde_json::to_value(schema).unwrap(),
            include_str!("../settings.schema.json"),
            concat!(env!("CARGO_MANIFEST_DIR"), "/settings.schema.json"),
        );
    }
}
