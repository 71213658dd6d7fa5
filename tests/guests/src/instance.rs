//! Which behaviour a batch meets.

use crate::bindings::spanmill::plugin::contract::{
    ConfigError, Contract, PluginError, Problem, Sharding,
};
use crate::bindings::spanmill::plugin::counters;
use crate::bindings::spanmill::plugin::telemetry::{Batch, Outcome, Signal};
use crate::state::{INSTANCE, Settings};
use crate::{answers, crimes, manners};

/// Contracts that are right, wrong, or not to be had.
pub fn configure(version: u32, settings: &str) -> Result<Contract, ConfigError> {
    let mut settings: Settings = serde_json::from_str(settings).map_err(|error| {
        ConfigError::Settings(vec![Problem {
            path: "/behaviour".to_owned(),
            message: error.to_string(),
        }])
    })?;
    if version > 1 {
        let instead = settings.v2.take();
        settings.behaviour = instead.unwrap_or(settings.behaviour);
    }
    counters::count("declared", 0);
    let mut contract = Contract {
        signals: vec![Signal::Traces],
        reads: vec!["span.name".to_owned()],
        writes: vec!["span.name".to_owned()],
        sharding: Sharding::None,
    };
    match settings.behaviour.as_str() {
        "panic-in-configure" => panic!("no settings are good enough"),
        "loop-in-configure" => crimes::spin(),
        "unavailable" => {
            return Err(ConfigError::Unavailable("it is not my day".to_owned()));
        }
        "unknown-field" => contract.reads.push("span.colour".to_owned()),
        "read-twice" => contract.reads.push("span.name".to_owned()),
        "reads-more" => {
            let secret = r#"span.attributes["secret"]"#;
            contract.reads.push(secret.to_owned());
            contract.writes.push(secret.to_owned());
        }
        "no-signal" => contract.signals.clear(),
        "signal-twice" => contract.signals.push(Signal::Traces),
        "log-field" => contract.reads.push("log.body".to_owned()),
        "by-trace" => contract.sharding = Sharding::ByTrace,
        "whole" => contract.sharding = Sharding::Whole,
        _ => {}
    }
    INSTANCE.with_borrow_mut(|instance| instance.settings = settings);
    Ok(contract)
}

/// Answers a batch as the behaviour has it.
pub fn process(version: u32, batch: &Batch) -> Result<Outcome, PluginError> {
    INSTANCE.with_borrow_mut(|instance| {
        instance.batches += 1;
        instance.served += 1;
        let name = match version {
            1 => format!("batch {}", instance.batches),
            version => format!("v{version} batch {}", instance.batches),
        };
        if let Some(outcome) = manners::answer(instance, batch, &name) {
            return Ok(outcome);
        }
        if !answers::has_text(batch, "misbehave") {
            return Ok(answers::named(batch, &name));
        }
        let settings = &instance.settings;
        if let Some(outcome) = answers::oversized(batch, settings, &name) {
            return Ok(outcome);
        }
        if let Some(outcome) = answers::broken(batch, &settings.behaviour) {
            return Ok(outcome);
        }
        crimes::commit(&settings.behaviour)?;
        Ok(answers::named(batch, &name))
    })
}
