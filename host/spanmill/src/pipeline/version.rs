//! A version of a component: a compiled plugin under some settings, and what it has done.

use std::sync::Arc;

use spanmill_otlp::StageContract;
use spanmill_runtime::{ConfigureError, Declared, Health, Limits, Plugin, Sharding, Slot};

use super::stats::Stats;
use crate::config::{ComponentId, PluginSpec, Role, Signal};

/// A version of a component. Its instances share it.
pub struct Version {
    /// The component's id.
    pub id: ComponentId,
    /// Processor or connector.
    pub role: Role,
    /// What its instances are made for.
    pub(super) plugin_role: spanmill_runtime::Role,
    /// What the plugin declares in all roles that the component has.
    pub(super) rights: StageContract,
    /// All of those roles.
    pub(super) roles: Vec<spanmill_runtime::Role>,
    /// The compiled plugin.
    pub plugin: Plugin,
    /// What it declared.
    pub declared: Declared,
    /// What it declared about fields, checked.
    pub contract: StageContract,
    /// The signals of the pipelines that it stands in.
    pub signals: Vec<Signal>,
    /// The manifest's word on it.
    pub spec: PluginSpec,
    /// What its instances have done.
    pub stats: Arc<Stats>,
    /// How they fare.
    pub health: Arc<Health>,
    pub(super) settings: String,
}

impl Version {
    /// Whether the other does the same under the same terms, so that it need not be put in place of this one.
    pub fn is_like(&self, other: &Version) -> bool {
        self.id == other.id
            && self.plugin_role == other.plugin_role
            && self.plugin.hash() == other.plugin.hash()
            && self.settings == other.settings
            && self.spec.has_terms_of(&other.spec)
    }

    /// Whether it may hold rows: it exports `ticker`, and one instance sees every row of a trace.
    pub fn may_hold(&self) -> bool {
        self.contract.may_hold
    }

    /// Whether it is given an empty batch once a second: a connector that sees whole traces, or everything, may measure what
    /// has not come in time.
    pub(super) fn measures_time(&self) -> bool {
        self.declared.metrics.is_some() && self.declared.sharding != Sharding::None
    }

    /// Whether the other is of the same component in the same role, however it does it.
    pub(super) fn takes_place_of(&self, other: &Version) -> bool {
        self.id == other.id && self.plugin_role.kind() == other.plugin_role.kind()
    }

    /// One more instance.
    pub fn instantiate(&self) -> Result<Slot, ConfigureError> {
        let limits = limits(&self.spec);
        let role = self.plugin_role.clone();
        let slot = Slot::in_role(&self.plugin, role, self.id.as_str(), &self.settings, limits)?;
        Ok(slot.with_health(Arc::clone(&self.health)))
    }
}

/// A plugin's limits, as the manifest has them.
pub(super) fn limits(spec: &PluginSpec) -> Limits {
    Limits {
        memory_mib: spec.memory_mib,
        timeout: spec.timeout,
        output_mib: spec.output_mib,
        recycle_mib: spec.recycle_mib,
    }
}
