//! Configuring a plugin as a component of the manifest says.

use std::sync::Arc;

use spanmill_otlp::StageContract;
use spanmill_runtime::{ConfigureError, Kind, Limits, Plugin, Slot};

use crate::config::{
    ComponentId, Diagnostic, Diagnostics, Manifest, Pipeline, PluginUse, Role, Settings, Signal,
};
use crate::pipeline::rights::check_allow;
use crate::pipeline::version::{Version, limits};

/// A plugin that took its settings.
pub struct LoadedPlugin {
    /// What it is, and what it declared.
    pub version: Arc<Version>,
    /// Memory of one instance after it was configured, in bytes.
    pub memory_bytes: usize,
    first: Option<Slot>,
}

impl LoadedPlugin {
    /// One more instance; the first call hands out the one that was configured at load.
    pub fn instantiate(&mut self) -> Result<Slot, ConfigureError> {
        match self.first.take() {
            Some(slot) => Ok(slot),
            None => self.version.instantiate(),
        }
    }
}

/// A complaint at the place where the manifest says which plugin a component is.
pub(super) fn at_file(
    id: &ComponentId,
    used: &PluginUse,
    role: Role,
    message: String,
) -> Diagnostic {
    let place = used.spec.file_place.unwrap_or(used.place);
    Diagnostic::error(place, format!("{} {id}: {message}", role.name()))
}

/// Configures a plugin as a component of the manifest says.
pub(super) fn configure(
    manifest: &Manifest,
    id: &ComponentId,
    used: &PluginUse,
    role: Role,
    plugin: Plugin,
) -> Result<LoadedPlugin, Vec<Diagnostic>> {
    let spec = &used.spec;
    let owner = format!("{} {id}", role.name());
    let at_file = |message| at_file(id, used, role, message);
    if !plugin.kinds().iter().any(|kind| Role::of(*kind) == role) {
        let kinds: Vec<_> = plugin.kinds().iter().map(|kind| kind.name()).collect();
        let is = kinds.join(" and ");
        let list = plugin.kinds().first().map_or(role, |kind| Role::of(*kind));
        return Err(vec![
            at_file(format!("the plugin is a {is}"))
                .help(format!("name it under `{}s:`", list.name())),
        ]);
    }
    if role == Role::Connector && !plugin.is(Kind::Connector) {
        return Err(vec![at_file(
            "the plugin makes no metrics, and this version feeds no other connectors yet"
                .to_owned(),
        )]);
    }
    let (slot, settings) =
        offer(&plugin, role, id, &used.settings, limits(spec)).map_err(|error| match error {
            ConfigureError::Settings(problems) => problems
                .iter()
                .map(|problem| used.settings.problem(&problem.path, &problem.message))
                .collect(),
            error => vec![at_file(error.to_string())],
        })?;
    let declared = slot.declared().clone();
    let contract = StageContract::parse(&declared.reads, &declared.writes).map_err(|error| {
        vec![at_file(format!(
            "the plugin declares what it may not: {error}"
        ))]
    })?;
    let signals = signals_of(manifest, id, role);
    if let Some(allow) = &spec.allow {
        check_allow(allow, &contract, &signals).map_err(|why| {
            let place = spec.place.unwrap_or(used.place);
            vec![Diagnostic::error(place, format!("{owner}: {why}"))]
        })?;
    }
    Ok(LoadedPlugin {
        memory_bytes: slot.memory_bytes(),
        version: Arc::new(Version {
            id: id.clone(),
            role,
            plugin,
            declared,
            contract,
            signals,
            spec: spec.clone(),
            health: slot.health(),
            stats: Arc::default(),
            settings,
        }),
        first: Some(slot),
    })
}

/// Where a pipeline names those of its plugins that have a role, and which they are.
fn fed(pipeline: &Pipeline, role: Role) -> (&'static str, &[ComponentId]) {
    match role {
        Role::Processor => ("processors", &pipeline.processors),
        Role::Connector => ("exporters", &pipeline.exporters),
    }
}

/// The signals of the pipelines that a component stands in.
fn signals_of(manifest: &Manifest, id: &ComponentId, role: Role) -> Vec<Signal> {
    let stands_in = |signal: &Signal| {
        let pipelines = manifest.pipelines.iter();
        let mut pipelines = pipelines.filter(|pipeline| pipeline.id.signal == *signal);
        pipelines.any(|pipeline| fed(pipeline, role).1.contains(id))
    };
    Signal::ALL.into_iter().filter(stands_in).collect()
}

/// Complains of each pipeline that a plugin stands in and whose signal it does not take.
pub(super) fn check_signals(manifest: &Manifest, version: &Version, out: &mut Diagnostics) {
    let (id, role) = (&version.id, version.role);
    let takes = &version.declared.signals;
    for pipeline in &manifest.pipelines {
        let signal = pipeline.id.signal;
        let (list, here) = fed(pipeline, role);
        if takes.contains(&signal) || !here.contains(id) {
            continue;
        }
        let names: Vec<&str> = takes.iter().map(|signal| signal.name()).collect();
        let takes = names.join(" and ");
        let message = format!(
            "pipeline {}: {list}: {id} takes {takes} under its settings, not {signal}",
            pipeline.id
        );
        out.push(Diagnostic::error(pipeline.place, message).help(format!(
            "take it out of this pipeline, or give it settings for {signal} if it has any"
        )));
    }
}

/// How many settings of one component are offered to its plugin in another reading.
const READINGS: usize = 64;

/// Configures a plugin. What it will not have is offered once more in the other reading it has, one setting after the
/// other; a reading that it will not have either is taken back, and what it said first counts.
fn offer(
    plugin: &Plugin,
    role: Role,
    id: &ComponentId,
    settings: &Settings,
    limits: Limits,
) -> Result<(Slot, String), ConfigureError> {
    let configure = |settings: &Settings| {
        let text = settings.json().to_string();
        Slot::in_role(plugin, role.of_plugin(), id.as_str(), &text, limits).map(|slot| (slot, text))
    };
    let mut settings = settings.clone();
    let mut result = configure(&settings);
    for _ in 0..READINGS {
        let Err(ConfigureError::Settings(problems)) = &result else {
            break;
        };
        let Some((path, otherwise)) = problems.iter().find_map(|problem| {
            let otherwise = settings.read_otherwise(&problem.path)?;
            Some((problem.path.clone(), otherwise))
        }) else {
            break;
        };
        let again = configure(&otherwise);
        if let Err(ConfigureError::Settings(problems)) = &again
            && problems
                .iter()
                .any(|problem| problem.path.starts_with(&path))
        {
            break;
        }
        (settings, result) = (otherwise, again);
    }
    result
}
