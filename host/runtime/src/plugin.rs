//! A compiled plugin: what it is, and how instances of it are made.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre, Linker};

use crate::abi::v0_1::{ABOUT, CONNECTOR, PROCESSOR, STATE, TICKER, bindings};
use crate::about::About;
use crate::error::{LoadError, words};
use crate::instance::{Instance, Limits};
use crate::sandbox::Guest;

/// What a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Changes batches.
    Processor,
    /// Makes metrics of batches.
    Connector,
}

#[derive(Clone)]
pub(crate) enum Exports {
    Processor(bindings::exports::spanmill::plugin::processor::GuestIndices),
    Connector(bindings::exports::spanmill::plugin::connector::GuestIndices),
}

/// A compiled plugin, ready to be instantiated. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) name: Arc<str>,
    pub(crate) pre: InstancePre<Guest>,
    pub(crate) exports: Exports,
    pub(crate) state: Option<bindings::exports::spanmill::plugin::state::GuestIndices>,
    pub(crate) about: Option<bindings::exports::spanmill::plugin::about::GuestIndices>,
    has_ticker: bool,
    hash: Arc<str>,
    size: usize,
    imports: Arc<[String]>,
}

/// The imports that are granted: ours, and WASI with nothing behind it.
fn is_granted(import: &str) -> bool {
    matches!(import, "spanmill:plugin/log@0.1.0" | "spanmill:plugin/counters@0.1.0")
        // Types grant nothing.
        || matches!(
            import,
            "spanmill:plugin/telemetry@0.1.0" | "spanmill:plugin/contract@0.1.0" | "spanmill:plugin/metrics@0.1.0"
        )
        || ["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/", "wasi:sockets/"]
            .iter()
            .any(|granted| import.starts_with(granted))
}

impl Plugin {
    pub(crate) fn new(
        name: &str,
        hash: String,
        size: usize,
        component: &Component,
        linker: &Linker<Guest>,
    ) -> Result<Self, LoadError> {
        let owned = || name.to_owned();
        let engine = component.engine();
        let shape = component.component_type();
        let names = |all: &mut dyn Iterator<Item = String>| all.collect::<Vec<_>>();
        let exports = names(&mut shape.exports(engine).map(|(name, _)| name.to_owned()));
        let imports = names(&mut shape.imports(engine).map(|(name, _)| name.to_owned()));
        let refused: Vec<&str> = imports
            .iter()
            .map(String::as_str)
            .filter(|import| !is_granted(import))
            .collect();
        let other_version = |kind: &str| {
            exports
                .iter()
                .find(|export| export.starts_with(kind))
                .map(|found| words(found))
        };
        let has = |wanted: &str| exports.iter().any(|export| export == wanted);
        let (has_state, has_about, has_ticker) = (has(STATE), has(ABOUT), has(TICKER));
        let kind = if has(PROCESSOR) {
            Kind::Processor
        } else if has(CONNECTOR) {
            Kind::Connector
        } else if let Some(found) = other_version("spanmill:plugin/processor") {
            return Err(LoadError::Version {
                name: owned(),
                found,
                supported: PROCESSOR,
            });
        } else if let Some(found) = other_version("spanmill:plugin/connector") {
            return Err(LoadError::Version {
                name: owned(),
                found,
                supported: CONNECTOR,
            });
        } else {
            let exports = match exports.len() {
                0 => "nothing".to_owned(),
                _ => words(&exports.join(", ")),
            };
            return Err(LoadError::NoInterface {
                name: owned(),
                exports,
            });
        };
        if !refused.is_empty() {
            return Err(LoadError::Imports {
                name: owned(),
                imports: words(&refused.join(", ")),
            });
        }
        let mismatch = |error: wasmtime::Error| LoadError::Mismatch {
            name: owned(),
            why: words(&format!("{error:#}")),
        };
        let pre = linker.instantiate_pre(component).map_err(mismatch)?;
        use bindings::exports::spanmill::plugin::{about, connector, processor, state};
        let exports = match kind {
            Kind::Processor => {
                Exports::Processor(processor::GuestIndices::new(&pre).map_err(mismatch)?)
            }
            Kind::Connector => {
                Exports::Connector(connector::GuestIndices::new(&pre).map_err(mismatch)?)
            }
        };
        let state = match has_state {
            true => Some(state::GuestIndices::new(&pre).map_err(mismatch)?),
            false => None,
        };
        let about = match has_about {
            true => Some(about::GuestIndices::new(&pre).map_err(mismatch)?),
            false => None,
        };
        Ok(Plugin {
            name: name.into(),
            pre,
            exports,
            state,
            about,
            has_ticker,
            hash: hash.into(),
            size,
            imports: imports.into(),
        })
    }

    /// The name it was loaded by, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SHA-256 of the component, in hexadecimal: its version.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The component's size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The interfaces it imports.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Whether it hands its state on.
    pub fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// Whether it exports `ticker`, which this version of the host does not call.
    pub fn has_ticker(&self) -> bool {
        self.has_ticker
    }

    /// What the plugin says of itself; `None` if it does not export `about`. Asks an instance of its own, which takes
    /// about as long as a start.
    ///
    /// # Errors
    ///
    /// A plugin that does not start, fails to answer, or answers with what the contract does not allow.
    pub fn about(&self) -> Result<Option<About>, LoadError> {
        if self.about.is_none() {
            return Ok(None);
        }
        let bad = |why| LoadError::About {
            name: self.name.to_string(),
            why,
        };
        let mut instance = Instance::new(self, "about", Limits::default())?;
        match instance
            .describe()
            .map_err(|fault| bad(fault.to_string()))?
        {
            None => Ok(None),
            Some(about) => about.checked().map(Some).map_err(bad),
        }
    }

    /// Processor or connector.
    pub fn kind(&self) -> Kind {
        match self.exports {
            Exports::Processor(_) => Kind::Processor,
            Exports::Connector(_) => Kind::Connector,
        }
    }

    /// The interface it exports, with its version.
    pub fn interface(&self) -> &'static str {
        match self.kind() {
            Kind::Processor => PROCESSOR,
            Kind::Connector => CONNECTOR,
        }
    }
}
