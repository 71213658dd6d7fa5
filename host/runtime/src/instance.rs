//! One instance of a plugin: a store of its own, called with a deadline. After a trap it is dead.

use std::time::Duration;

use spanmill_otlp::{BatchView, Outcome};
use wasmtime::{Store, Trap};

use crate::abi::v0_1::{self as abi, answer, bindings};
use crate::engine::TICK;
use crate::error::{ConfigureError, Fault, LoadError};
use crate::plugin::{Exports, Plugin};
use crate::sandbox::Guest;
use bindings::exports::spanmill::plugin::{connector, processor};
use bindings::spanmill::plugin::contract;

/// What a plugin may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of one instance, in MiB.
    pub memory_mib: u64,
    /// How long one call may take.
    pub timeout: Duration,
    /// The largest answer to one call, in MiB.
    pub output_mib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_mib: 64,
            timeout: Duration::from_secs(1),
            output_mib: 64,
        }
    }
}

/// What a plugin answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A processor's.
    Outcome(Outcome),
    /// A connector's.
    Emission(answer::Emission),
}

enum Calls {
    Processor(processor::Guest),
    Connector(connector::Guest),
}

/// One instance.
pub(crate) struct Instance {
    store: Store<Guest>,
    calls: Calls,
    limits: Limits,
}

const MIB: u64 = 1024 * 1024;

impl Instance {
    /// Makes an instance, which takes well below a millisecond.
    pub(crate) fn new(plugin: &Plugin, component: &str, limits: Limits) -> Result<Self, LoadError> {
        let memory = usize::try_from(limits.memory_mib.saturating_mul(MIB)).unwrap_or(usize::MAX);
        let output = usize::try_from(limits.output_mib.saturating_mul(MIB)).unwrap_or(usize::MAX);
        let mut store = Store::new(plugin.pre.engine(), Guest::new(component, memory));
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(output);
        store.epoch_deadline_trap();
        store.set_epoch_deadline(ticks(limits.timeout));
        let start = |error: wasmtime::Error, store: &Store<Guest>| LoadError::Start {
            name: plugin.name().to_owned(),
            why: match store.data().memory.refused {
                true => Fault::Memory(limits.memory_mib).to_string(),
                false => format!("{error:#}"),
            },
        };
        let instance = match plugin.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(start(error, &store)),
        };
        let calls = match &plugin.exports {
            Exports::Processor(indices) => {
                indices.load(&mut store, &instance).map(Calls::Processor)
            }
            Exports::Connector(indices) => {
                indices.load(&mut store, &instance).map(Calls::Connector)
            }
        };
        match calls {
            Ok(calls) => Ok(Instance {
                store,
                calls,
                limits,
            }),
            Err(error) => Err(start(error, &store)),
        }
    }

    pub(crate) fn configure(&mut self, settings: &str) -> Result<answer::Declared, ConfigureError> {
        self.store.set_epoch_deadline(ticks(self.limits.timeout));
        let answered = match &self.calls {
            Calls::Processor(guest) => guest
                .call_configure(&mut self.store, settings)
                .map(|result| result.map(abi::declared)),
            Calls::Connector(guest) => {
                guest
                    .call_configure(&mut self.store, settings)
                    .map(|result| {
                        result.map(|declared| answer::Declared {
                            metrics: Some(abi::metric_stream(declared.metrics)),
                            ..abi::declared(declared.contract)
                        })
                    })
            }
        };
        match answered {
            Err(error) => Err(self.fault(&error).into()),
            Ok(Ok(declared)) => Ok(declared),
            Ok(Err(contract::ConfigError::Settings(problems))) => {
                Err(ConfigureError::Settings(abi::problems(problems)))
            }
            Ok(Err(contract::ConfigError::Unavailable(why))) => {
                Err(ConfigureError::Unavailable(why))
            }
        }
    }

    pub(crate) fn process(&mut self, view: &BatchView<'_>) -> Result<Answer, Fault> {
        self.store.set_epoch_deadline(ticks(self.limits.timeout));
        let store = &mut self.store;
        let answered = match &self.calls {
            Calls::Processor(guest) => {
                match abi::lower(view, |batch| guest.call_process(store, batch)) {
                    Ok(Ok(outcome)) => return abi::outcome(outcome).map(Answer::Outcome),
                    Ok(Err(error)) => Ok(error),
                    Err(error) => Err(error),
                }
            }
            Calls::Connector(guest) => {
                match abi::lower(view, |batch| guest.call_process(store, batch)) {
                    Ok(Ok(emission)) => return Ok(Answer::Emission(abi::emission(emission))),
                    Ok(Err(error)) => Ok(error),
                    Err(error) => Err(error),
                }
            }
        };
        Err(match answered {
            Ok(contract::PluginError::NotConfigured) => {
                Fault::State("it says that it was not configured".to_owned())
            }
            Ok(contract::PluginError::Batch(why)) => Fault::Batch(why),
            Ok(contract::PluginError::State(why)) => Fault::State(why),
            Err(error) => self.fault(&error),
        })
    }

    /// Memory in use, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().memory.used
    }

    /// The plugin's own counters since they were last taken.
    pub(crate) fn take_counts(&mut self) -> Vec<(String, u64)> {
        let counts = &mut self.store.data_mut().counts;
        counts
            .iter_mut()
            .filter(|(_, total)| **total > 0)
            .map(|(name, total)| (name.clone(), std::mem::take(total)))
            .collect()
    }

    fn fault(&self, error: &wasmtime::Error) -> Fault {
        if self.store.data().memory.refused {
            return Fault::Memory(self.limits.memory_mib);
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Fault::Deadline(self.limits.timeout),
            Some(trap) => Fault::Trap(format!("{trap}{}", place(error))),
            None if format!("{error:#}").contains("fuel allocated for hostcalls") => {
                Fault::Output(self.limits.output_mib)
            }
            None => Fault::Trap(format!("{error:#}")),
        }
    }
}

/// The innermost function that a trap names, if it does.
fn place(error: &wasmtime::Error) -> String {
    let frame = error
        .downcast_ref::<wasmtime::WasmBacktrace>()
        .and_then(|trace| trace.frames().first())
        .and_then(|frame| frame.func_name());
    frame.map_or_else(String::new, |name| format!(" in {name}"))
}

fn ticks(timeout: Duration) -> u64 {
    // One more, since the tick under way may end at once.
    timeout
        .as_nanos()
        .div_ceil(TICK.as_nanos())
        .try_into()
        .unwrap_or(u64::MAX / 2)
        + 1
}
