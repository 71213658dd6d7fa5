//! A plugin that does what no plugin should, as its settings say. It reads and writes `span.name`, and
//! misbehaves on batches that have a span named `misbehave`; on others it numbers spans by the batches that
//! this instance has seen. It stands on the bare bindings: the SDK would not let it do much of this.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "processor-plugin",
        generate_all,
    });
}

mod answers;
mod crimes;

use std::cell::{Cell, RefCell};

use bindings::exports::spanmill::plugin::processor::Guest;
use bindings::spanmill::plugin::contract::{ConfigError, Contract, PluginError, Problem, Sharding};
use bindings::spanmill::plugin::telemetry::{Batch, Outcome};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    behaviour: String,
}

thread_local! {
    static BEHAVIOUR: RefCell<String> = const { RefCell::new(String::new()) };
    static BATCHES: Cell<u64> = const { Cell::new(0) };
}

struct Hostile;

impl Guest for Hostile {
    fn configure(settings: String) -> Result<Contract, ConfigError> {
        let settings: Settings = serde_json::from_str(&settings).map_err(|error| {
            ConfigError::Settings(vec![Problem {
                path: "/behaviour".to_owned(),
                message: error.to_string(),
            }])
        })?;
        let mut contract = Contract {
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
            _ => {}
        }
        BEHAVIOUR.set(settings.behaviour);
        Ok(contract)
    }

    fn process(batch: Batch) -> Result<Outcome, PluginError> {
        BATCHES.set(BATCHES.get() + 1);
        let behaviour = BEHAVIOUR.with_borrow(String::clone);
        if !answers::has_text(&batch, "misbehave") {
            return Ok(answers::numbered(&batch, BATCHES.get()));
        }
        if let Some(outcome) = answers::broken(&batch, &behaviour) {
            return Ok(outcome);
        }
        crimes::commit(&behaviour)?;
        Ok(answers::numbered(&batch, BATCHES.get()))
    }
}

bindings::export!(Hostile with_types_in bindings);
