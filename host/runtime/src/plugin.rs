//! A compiled plugin: what it is, and how instances of it are made.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre, Linker};

use crate::abi::v0_1::bindings::exports::spanmill::plugin as exports;
use crate::abi::v0_1::{
    ABOUT, CONNECTOR, GROUPER, HOLDER, PROCESSOR, REASONS, RECORD_CONNECTOR, ROUTER, STATE, TICKER,
};
use crate::error::{LoadError, words};
use crate::imports::is_granted;
use crate::role::{Kind, Role};
use crate::sandbox::Guest;

/// The roles that a plugin exports.
#[derive(Clone, Default)]
pub(crate) struct Exports {
    pub(crate) processor: Option<exports::processor::GuestIndices>,
    pub(crate) connector: Option<exports::connector::GuestIndices>,
    pub(crate) record_connector: Option<exports::record_connector::GuestIndices>,
    pub(crate) router: Option<exports::router::GuestIndices>,
}

/// A compiled plugin, ready to be instantiated. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) name: Arc<str>,
    pub(crate) pre: InstancePre<Guest>,
    pub(crate) exports: Exports,
    pub(crate) state: Option<exports::state::GuestIndices>,
    pub(crate) about: Option<exports::about::GuestIndices>,
    pub(crate) ticker: Option<exports::ticker::GuestIndices>,
    pub(crate) holder: Option<exports::holder::GuestIndices>,
    pub(crate) reasons: Option<exports::reasons::GuestIndices>,
    pub(crate) grouper: Option<exports::grouper::GuestIndices>,
    kinds: Arc<[Kind]>,
    hash: Arc<str>,
    size: usize,
    imports: Arc<[String]>,
    pub(crate) environment: Arc<[(String, String)]>,
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
        let other_version = |kind: &str| {
            exports
                .iter()
                .find(|export| export.split('@').next() == Some(kind))
                .map(|found| words(found))
        };
        let has = |wanted: &str| exports.iter().any(|export| export == wanted);
        let kinds: Vec<Kind> = Kind::ALL
            .into_iter()
            .filter(|kind| has(interface(*kind)))
            .collect();
        if kinds.is_empty() {
            let other = Kind::ALL.into_iter().find_map(|kind| {
                let supported = interface(kind);
                let (name, _) = supported.split_once('@')?;
                Some((other_version(name)?, supported))
            });
            if let Some((found, supported)) = other {
                return Err(LoadError::Version {
                    name: owned(),
                    found,
                    supported,
                });
            }
            let exports = match exports.len() {
                0 => "nothing".to_owned(),
                _ => words(&exports.join(", ")),
            };
            return Err(LoadError::NoInterface {
                name: owned(),
                exports,
            });
        }
        let refused = imports.iter().map(String::as_str);
        let refused: Vec<&str> = refused.filter(|import| !is_granted(import)).collect();
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
        macro_rules! indices {
            ($interface:ident, $name:expr) => {
                match has($name) {
                    true => Some(exports::$interface::GuestIndices::new(&pre).map_err(mismatch)?),
                    false => None,
                }
            };
        }
        let roles = Exports {
            processor: indices!(processor, PROCESSOR),
            connector: indices!(connector, CONNECTOR),
            record_connector: indices!(record_connector, RECORD_CONNECTOR),
            router: indices!(router, ROUTER),
        };
        let state = indices!(state, STATE);
        let about = indices!(about, ABOUT);
        let ticker = indices!(ticker, TICKER);
        let holder = indices!(holder, HOLDER);
        let reasons = indices!(reasons, REASONS);
        let grouper = indices!(grouper, GROUPER);
        Ok(Plugin {
            name: name.into(),
            pre,
            exports: roles,
            state,
            about,
            ticker,
            holder,
            reasons,
            grouper,
            kinds: kinds.into(),
            hash: hash.into(),
            size,
            imports: imports.into(),
            environment: Arc::default(),
        })
    }

    /// The same plugin, whose instances are given an environment: variables and their values.
    pub fn with_environment(mut self, environment: Arc<[(String, String)]>) -> Self {
        self.environment = environment;
        self
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

    /// Whether it exports `ticker`, as plugins that hold rows do.
    pub fn has_ticker(&self) -> bool {
        self.ticker.is_some()
    }

    /// Whether it exports `reasons`: it says by which of its rules it answered.
    pub fn has_reasons(&self) -> bool {
        self.reasons.is_some()
    }

    /// Whether it exports `grouper`: it may put rows under other resources.
    pub fn has_grouper(&self) -> bool {
        self.grouper.is_some()
    }

    /// What it can be, at least one.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Whether it can be of a kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// The role of the first of its kinds, for those who look at a plugin that stands nowhere.
    pub fn main_role(&self) -> Role {
        Role::of(self.kinds.first().copied().unwrap_or(Kind::Processor))
    }

    /// The interfaces it exports for its kinds, with their version.
    pub fn interfaces(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.iter().map(|kind| interface(*kind))
    }
}

/// The interface of a kind.
fn interface(kind: Kind) -> &'static str {
    match kind {
        Kind::Processor => PROCESSOR,
        Kind::Connector => CONNECTOR,
        Kind::RecordConnector => RECORD_CONNECTOR,
        Kind::Router => ROUTER,
    }
}
