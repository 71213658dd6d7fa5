//! One instance of a plugin: a store of its own, called with a deadline. After a trap it is dead.

mod optional;

use std::time::Duration;

use spanmill_otlp::{BatchView, MAX_PIPELINES, Outcome, Records, Routes};
use wasmtime::{Store, Trap};

use crate::abi::v0_1::{self as abi, answer, bindings};
use crate::about::About;
use crate::contract;
use crate::error::{ConfigureError, Fault, LoadError, words};
use crate::place::{causes, place};
use crate::plugin::Plugin;
use crate::role::Role;
use crate::sandbox::Guest;
use bindings::exports::spanmill::plugin::{
    about, connector, grouper, holder, processor, reasons, record_connector, router, state, ticker,
};
use bindings::spanmill::plugin::contract::{ConfigError, PluginError};

/// What a plugin may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of one instance, in MiB.
    pub memory_mib: u64,
    /// How long one call may take.
    pub timeout: Duration,
    /// The largest answer to one call, in MiB.
    pub output_mib: u64,
    /// An instance with more memory than this is replaced between two batches, in MiB.
    pub recycle_mib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_mib: 64,
            timeout: Duration::from_secs(1),
            output_mib: 64,
            recycle_mib: 48,
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
    /// A record connector's.
    Records(Records),
    /// A router's.
    Routes(Routes),
}

enum Calls {
    Processor(processor::Guest),
    Connector(connector::Guest),
    RecordConnector(record_connector::Guest),
    Router(router::Guest),
}

/// One instance.
pub(crate) struct Instance {
    store: Store<Guest>,
    calls: Calls,
    role: Role,
    state: Option<state::Guest>,
    about: Option<about::Guest>,
    ticker: Option<ticker::Guest>,
    holder: Option<holder::Guest>,
    reasons: Option<reasons::Guest>,
    grouper: Option<grouper::Guest>,
    /// Whether it is asked where rows go.
    groups_rows: bool,
    limits: Limits,
}

/// What an instance knows of earlier batches, in its plugin's own layout.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The layout's number.
    pub format: u32,
    /// What it knows.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for Snapshot {
    /// Without the data: there may be attributes' values in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("format", &self.format)
            .field("bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

const MIB: u64 = 1024 * 1024;

impl Instance {
    /// Makes an instance for a role, which takes well below a millisecond.
    pub(crate) fn new(
        plugin: &Plugin,
        role: &Role,
        component: &str,
        limits: Limits,
    ) -> Result<Self, LoadError> {
        let memory = usize::try_from(limits.memory_mib.saturating_mul(MIB)).unwrap_or(usize::MAX);
        let output = usize::try_from(limits.output_mib.saturating_mul(MIB)).unwrap_or(usize::MAX);
        let mut store = Store::new(
            plugin.pre.engine(),
            Guest::new(component, memory, &plugin.environment),
        );
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(output);
        store.epoch_deadline_callback(|mut guest| Ok(guest.data_mut().clock.expired()));
        let first = store.data_mut().clock.start(limits.timeout);
        store.set_epoch_deadline(first);
        let start = |error: wasmtime::Error, store: &Store<Guest>| LoadError::Start {
            name: plugin.name().to_owned(),
            why: match store.data().memory.refused {
                true => Fault::Memory {
                    limit_mib: limits.memory_mib,
                    place: place(&error, store),
                }
                .to_string(),
                false => words(&causes(&error)),
            },
        };
        let instance = match plugin.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(start(error, &store)),
        };
        macro_rules! load {
            ($indices:expr) => {
                match $indices {
                    Some(indices) => Some(
                        indices
                            .load(&mut store, &instance)
                            .map_err(|error| start(error, &store))?,
                    ),
                    None => None,
                }
            };
        }
        let exports = &plugin.exports;
        let calls = match role {
            Role::Processor => load!(&exports.processor).map(Calls::Processor),
            Role::Connector => load!(&exports.connector).map(Calls::Connector),
            Role::RecordConnector => load!(&exports.record_connector).map(Calls::RecordConnector),
            Role::Router { .. } => load!(&exports.router).map(Calls::Router),
        };
        let Some(calls) = calls else {
            let kinds: Vec<_> = plugin.kinds().iter().map(|kind| kind.name()).collect();
            return Err(LoadError::Role {
                name: plugin.name().to_owned(),
                wanted: role.kind(),
                kinds: kinds.join(" and "),
            });
        };
        Ok(Instance {
            calls,
            role: role.clone(),
            state: load!(&plugin.state),
            about: load!(&plugin.about),
            ticker: load!(&plugin.ticker),
            holder: load!(&plugin.holder),
            reasons: load!(&plugin.reasons),
            grouper: load!(&plugin.grouper),
            groups_rows: false,
            store,
            limits,
        })
    }

    /// Sets the limits of one call.
    fn begin(&mut self) {
        let first = self.store.data_mut().clock.start(self.limits.timeout);
        self.store.set_epoch_deadline(first);
        self.store.data_mut().memory.refused = false;
    }

    pub(crate) fn configure(&mut self, settings: &str) -> Result<answer::Declared, ConfigureError> {
        self.begin();
        let store = &mut self.store;
        let answered = match (&self.calls, &self.role) {
            (Calls::Processor(guest), _) => guest
                .call_configure(store, settings)
                .map(|result| result.map(|declared| Ok(abi::declared(declared)))),
            (Calls::Connector(guest), _) => guest.call_configure(store, settings).map(|result| {
                result.map(|declared| {
                    Ok(answer::Declared {
                        metrics: Some(abi::metric_stream(declared.metrics)),
                        ..abi::declared(declared.contract)
                    })
                })
            }),
            (Calls::RecordConnector(guest), _) => {
                guest.call_configure(store, settings).map(|result| {
                    result.map(|declared| {
                        Ok(answer::Declared {
                            records: Some(abi::record_plan(declared.records)?),
                            ..abi::declared(declared.contract)
                        })
                    })
                })
            }
            (Calls::Router(guest), Role::Router { signal, pipelines }) => {
                if pipelines.len() > MAX_PIPELINES {
                    return Err(ConfigureError::Unavailable(format!(
                        "a router sends to at most {MAX_PIPELINES} pipelines, and the manifest gives it {}",
                        pipelines.len()
                    )));
                }
                let names: Vec<&str> = pipelines.iter().map(String::as_str).collect();
                guest
                    .call_configure(store, settings, abi::signal(*signal), &names)
                    .map(|result| result.map(|declared| Ok(abi::declared(declared))))
            }
            // An instance has the calls of its role.
            (Calls::Router(_), _) => return Err(Fault::State("it has no role".to_owned()).into()),
        };
        self.store.data_mut().counters.fix();
        match answered {
            Err(error) => Err(self.fault(&error).into()),
            Ok(Ok(declared)) => {
                let declared: answer::Declared = declared.map_err(ConfigureError::Contract)?;
                self.groups_rows = self.asks_to_group()?;
                contract::check(&declared, &self.role)
                    .and_then(|()| contract::check_grouping(&declared, self.groups_rows))
                    .map_err(ConfigureError::Contract)?;
                Ok(declared)
            }
            Ok(Err(ConfigError::Settings(problems))) => {
                Err(ConfigureError::Settings(abi::problems(problems)))
            }
            Ok(Err(ConfigError::Unavailable(why))) => Err(ConfigureError::Unavailable(words(&why))),
        }
    }

    pub(crate) fn process(&mut self, view: &BatchView<'_>) -> Result<Answer, Fault> {
        self.begin();
        let store = &mut self.store;
        let answered = match &self.calls {
            Calls::Processor(guest) => {
                match abi::lower(view, |batch| guest.call_process(store, batch)) {
                    Ok(Ok(outcome)) => return self.with_groups(abi::outcome(outcome)?),
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
            Calls::RecordConnector(guest) => {
                match abi::lower(view, |batch| guest.call_process(store, batch)) {
                    Ok(Ok(records)) => return Ok(Answer::Records(abi::records(records))),
                    Ok(Err(error)) => Ok(error),
                    Err(error) => Err(error),
                }
            }
            Calls::Router(guest) => {
                match abi::lower(view, |batch| guest.call_process(store, batch)) {
                    Ok(Ok(routes)) => return Ok(Answer::Routes(abi::routes(routes))),
                    Ok(Err(error)) => Ok(error),
                    Err(error) => Err(error),
                }
            }
        };
        Err(self.failure(answered))
    }

    /// Asks for decisions about held rows; none if it does not export `ticker`.
    pub(crate) fn tick(
        &mut self,
        now_unix_nano: u64,
        ending: bool,
    ) -> Result<answer::Decisions, Fault> {
        self.begin();
        let Some(guest) = &self.ticker else {
            return Ok(answer::Decisions::default());
        };
        let answered = match guest.call_tick(&mut self.store, now_unix_nano, ending) {
            Ok(Ok(decisions)) => return abi::decisions(decisions).map_err(Fault::Decisions),
            Ok(Err(error)) => Ok(error),
            Err(error) => Err(error),
        };
        Err(self.failure(answered))
    }

    /// Shows held rows again; nothing if it does not export `ticker`.
    pub(crate) fn review(&mut self, view: &BatchView<'_>) -> Result<(), Fault> {
        self.begin();
        let store = &mut self.store;
        let Some(guest) = &self.ticker else {
            return Ok(());
        };
        let answered = match abi::lower(view, |batch| guest.call_review(store, batch)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Ok(error),
            Err(error) => Err(error),
        };
        Err(self.failure(answered))
    }

    /// Why a call failed: what the plugin says, or what ended it.
    fn failure(&self, answered: wasmtime::Result<PluginError>) -> Fault {
        match answered {
            Ok(PluginError::NotConfigured) => {
                Fault::State("it says that it was not configured".to_owned())
            }
            Ok(PluginError::Batch(why)) => Fault::Batch(words(&why)),
            Ok(PluginError::State(why)) => Fault::State(words(&why)),
            Err(error) => self.fault(&error),
        }
    }

    /// What the plugin says it is, unchecked; `None` if it does not export `about`.
    pub(crate) fn describe(&mut self) -> Result<Option<About>, Fault> {
        self.begin();
        let Some(guest) = &self.about else {
            return Ok(None);
        };
        match guest.call_describe(&mut self.store) {
            Ok(description) => Ok(Some(abi::described(description))),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// What the instance knows; `None` if it does not hand it on.
    pub(crate) fn snapshot(&mut self) -> Result<Option<Snapshot>, Fault> {
        self.begin();
        let Some(guest) = &self.state else {
            return Ok(None);
        };
        match guest.call_snapshot(&mut self.store) {
            Ok(state::SavedStateResult { format, data }) => Ok(Some(Snapshot { format, data })),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// Takes over what another instance knew.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Fault> {
        self.begin();
        let Some(guest) = &self.state else {
            return Ok(());
        };
        let given = state::SavedStateParam {
            format: snapshot.format,
            data: &snapshot.data,
        };
        match guest.call_restore(&mut self.store, given) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(state::RestoreError::Format)) => Err(Fault::Restore(format!(
                "it does not know format {}",
                snapshot.format
            ))),
            Ok(Err(state::RestoreError::Data(why))) => Err(Fault::Restore(words(&why))),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// Memory in use, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().memory.used
    }

    /// Passes on what the plugin itself has counted since this was last asked.
    pub(crate) fn take_counts(&mut self, each: impl FnMut(&str, u64)) {
        self.store.data_mut().counters.take(each);
    }

    /// Its log lines that were too many, since this was last asked.
    pub(crate) fn take_dropped_lines(&mut self) -> u64 {
        self.store.data().take_dropped_lines()
    }

    fn fault(&self, error: &wasmtime::Error) -> Fault {
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Fault::Deadline {
                limit: self.limits.timeout,
                place: place(error, &self.store),
            },
            None if causes(error).contains("fuel allocated for hostcalls") => {
                Fault::Output(self.limits.output_mib)
            }
            // A guest that does not get its memory mostly traps; one that went on has met something else above.
            _ if self.store.data().memory.refused => Fault::Memory {
                limit_mib: self.limits.memory_mib,
                place: place(error, &self.store),
            },
            Some(trap) => Fault::Trap(format!("{trap}{}", place(error, &self.store))),
            None => Fault::Trap(words(&causes(error))),
        }
    }
}
