//! The trait of a plugin that chooses pipelines, and what it chooses.

use serde::de::DeserializeOwned;
use spanmill_model::{Context, PerContext, Signal};

use crate::{Batch, ConfigError, Contract, PluginError};

/// A router: sends rows on, unchanged, to pipelines that it chooses.
pub trait Router: Sized {
    /// The settings, as for a processor.
    type Config: DeserializeOwned;

    /// Takes the settings and the pipelines that it may send to, and declares the fields it reads. It takes the signal of
    /// the pipelines unless the contract says otherwise.
    ///
    /// # Errors
    ///
    /// Every mistake in the settings, such as a pipeline that is not among those given.
    fn configure(
        config: Self::Config,
        pipelines: &Pipelines,
        contract: &mut Contract,
    ) -> Result<Self, ConfigError>;

    /// Takes one batch. What is not routed goes nowhere.
    ///
    /// # Errors
    ///
    /// Why the batch, or the plugin, is of no use.
    fn process(&mut self, batch: &Batch<'_>, routes: &mut Routes) -> Result<(), PluginError>;
}

/// The pipelines that a router may send to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipelines {
    signal: Signal,
    names: Vec<String>,
}

impl Pipelines {
    /// At most 64 pipelines of a signal, by their names, such as `traces/eu`.
    pub fn new(signal: Signal, names: Vec<String>) -> Self {
        Pipelines { signal, names }
    }

    /// What they carry.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// One of them; `None` if there is none of this name.
    pub fn find(&self, name: &str) -> Option<PipelineSet> {
        let at = self.names.iter().position(|known| known == name)?;
        Some(PipelineSet(1u64.checked_shl(at as u32)?))
    }
}

/// Some of a router's pipelines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PipelineSet(u64);

impl PipelineSet {
    /// No pipeline: a row that goes to these goes nowhere.
    pub const NONE: PipelineSet = PipelineSet(0);

    /// Those of both.
    #[must_use]
    pub const fn with(self, other: PipelineSet) -> Self {
        PipelineSet(self.0 | other.0)
    }

    /// Whether there are none.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Where the rows of one batch go. At first nowhere.
#[derive(Clone, Debug)]
pub struct Routes {
    rows: PerContext<usize>,
    context: Context,
    sets: Vec<u64>,
}

impl Routes {
    /// No routes yet, for a batch.
    pub fn new(batch: &Batch<'_>) -> Self {
        Routes {
            rows: PerContext::new(|context| batch.rows(context)),
            context: Context::Resource,
            sets: vec![0],
        }
    }

    /// Sends all rows to the same pipelines.
    pub fn send_all(&mut self, to: PipelineSet) {
        self.context = Context::Resource;
        self.sets.clear();
        self.sets.push(to.0);
    }

    /// Sends each row of a context, with what is below it, to pipelines of its own: resources, scopes, spans, log records,
    /// metrics or data points. The last call counts.
    ///
    /// `to` has one set for each row; further ones are left out, and rows without one go nowhere.
    pub fn send_each(&mut self, context: Context, to: impl IntoIterator<Item = PipelineSet>) {
        self.context = context;
        self.sets.clear();
        self.sets.extend(to.into_iter().map(|set| set.0));
        self.sets.resize(*self.rows.get(context), 0);
    }

    #[doc(hidden)]
    pub fn into_parts(self) -> (Context, Vec<u64>) {
        (self.context, self.sets)
    }
}
