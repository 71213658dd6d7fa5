//! Plugins linked into the program instead of run in a sandbox, so that what the sandbox costs can be measured with
//! everything around it as it is.
//!
//! Only with the feature `native`, which the product does not have, and only after [`register`]: no manifest and no
//! file leads here. A plugin's file is still loaded, since it says what the plugin is. Natively there are no limits,
//! no state that is handed on, no held rows, and no counters.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use spanmill_otlp::{BatchView, Outcome};

use crate::abi::v0_1::answer::{AppliedRules, Decisions, Declared};
use crate::error::{ConfigureError, Fault, LoadError};
use crate::instance::{self, Answer, Limits, Snapshot};
use crate::plugin::Plugin;
use crate::role::Role;

/// One batch through a configured plugin.
pub type Process = Box<dyn FnMut(&BatchView<'_>) -> Result<Answer, Fault> + Send>;

/// Makes an instance of a plugin, from its settings as JSON.
pub type Configure = fn(&str) -> Result<(Process, Declared), ConfigureError>;

static REGISTERED: OnceLock<BTreeMap<&'static str, Configure>> = OnceLock::new();

/// Has plugins run natively, by the names of their files without `.wasm`. From then on no other plugin runs at all,
/// so that none is taken for what it is not. The first call of a process counts; gives whether this was it.
pub fn register(plugins: impl IntoIterator<Item = (&'static str, Configure)>) -> bool {
    REGISTERED.set(plugins.into_iter().collect()).is_ok()
}

/// An instance of either sort; see [`instance::Instance`].
pub(crate) enum Instance {
    Sandboxed(Box<instance::Instance>),
    Native {
        configure: Configure,
        process: Option<Process>,
    },
}

impl Instance {
    pub(crate) fn new(
        plugin: &Plugin,
        role: &Role,
        component: &str,
        limits: Limits,
    ) -> Result<Self, LoadError> {
        let Some(registered) = REGISTERED.get() else {
            return instance::Instance::new(plugin, role, component, limits)
                .map(|instance| Instance::Sandboxed(Box::new(instance)));
        };
        let name = Path::new(plugin.name()).file_stem();
        let configure = name
            .and_then(|name| registered.get(name.to_str()?))
            .ok_or_else(|| LoadError::Start {
                name: plugin.name().to_owned(),
                why: "this program runs plugins natively, and has none of this name".to_owned(),
            })?;
        Ok(Instance::Native {
            configure: *configure,
            process: None,
        })
    }

    pub(crate) fn configure(&mut self, settings: &str) -> Result<Declared, ConfigureError> {
        match self {
            Instance::Sandboxed(instance) => instance.configure(settings),
            Instance::Native { configure, process } => {
                let (made, declared) = configure(settings)?;
                *process = Some(made);
                Ok(declared)
            }
        }
    }

    pub(crate) fn process(&mut self, view: &BatchView<'_>) -> Result<Answer, Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.process(view),
            Instance::Native { process, .. } => match process {
                Some(process) => process(view),
                None => Err(Fault::State("it was not configured".to_owned())),
            },
        }
    }

    pub(crate) fn tick(&mut self, now_unix_nano: u64, ending: bool) -> Result<Decisions, Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.tick(now_unix_nano, ending),
            Instance::Native { .. } => Ok(Decisions::default()),
        }
    }

    pub(crate) fn sees_released(&mut self) -> Result<bool, Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.sees_released(),
            Instance::Native { .. } => Ok(false),
        }
    }

    pub(crate) fn released(&mut self, view: &BatchView<'_>) -> Result<Outcome, Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.released(view),
            Instance::Native { .. } => Ok(Outcome::default()),
        }
    }

    pub(crate) fn is_full(&mut self) -> Result<bool, Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.is_full(),
            Instance::Native { .. } => Ok(false),
        }
    }

    pub(crate) fn explain(&mut self, on: bool) -> Result<(), Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.explain(on),
            Instance::Native { .. } => Ok(()),
        }
    }

    pub(crate) fn why(&mut self, count: usize) -> Result<Option<AppliedRules>, Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.why(count),
            Instance::Native { .. } => Ok(None),
        }
    }

    pub(crate) fn review(&mut self, view: &BatchView<'_>) -> Result<(), Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.review(view),
            Instance::Native { .. } => Ok(()),
        }
    }

    pub(crate) fn snapshot(&mut self) -> Result<Option<Snapshot>, Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.snapshot(),
            Instance::Native { .. } => Ok(None),
        }
    }

    pub(crate) fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Fault> {
        match self {
            Instance::Sandboxed(instance) => instance.restore(snapshot),
            Instance::Native { .. } => Ok(()),
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        match self {
            Instance::Sandboxed(instance) => instance.memory_bytes(),
            Instance::Native { .. } => 0,
        }
    }

    pub(crate) fn take_dropped_lines(&mut self) -> u64 {
        match self {
            Instance::Sandboxed(instance) => instance.take_dropped_lines(),
            Instance::Native { .. } => 0,
        }
    }

    pub(crate) fn take_counts(&mut self, each: impl FnMut(&str, u64)) {
        if let Instance::Sandboxed(instance) = self {
            instance.take_counts(each);
        }
    }
}
