//! Configuring a plugin as a component of the manifest says.

use std::sync::Arc;

use spanmill_otlp::StageContract;
use spanmill_runtime::{ConfigureError, Limits, Plugin, Problem, Slot};

use crate::config::{
    ComponentId, Diagnostic, Diagnostics, Manifest, Pipeline, PluginUse, Role, Settings, Signal,
};
use crate::pipeline::rights;
use crate::pipeline::roles::roles;
use crate::pipeline::version::{Version, limits};

/// A plugin that took its settings.
pub struct LoadedPlugin {
    /// What it is, and what it declared; of a connector with several roles, in the first.
    pub version: Arc<Version>,
    /// Memory of one instance after it was configured, in bytes.
    pub memory_bytes: usize,
    first: Option<Slot>,
    /// What it is in its other roles.
    others: Vec<(Arc<Version>, Option<Slot>)>,
}

impl LoadedPlugin {
    /// What it is in each of its roles.
    pub fn versions(&self) -> impl Iterator<Item = &Arc<Version>> {
        let others = self.others.iter().map(|(version, _)| version);
        std::iter::once(&self.version).chain(others)
    }

    /// One more instance of one of its versions; the first call hands out the one that was configured at load.
    pub(in crate::pipeline) fn instantiate(
        &mut self,
        version: &Arc<Version>,
    ) -> Result<Slot, ConfigureError> {
        let others = self.others.iter_mut();
        let mut all = std::iter::once((&self.version, &mut self.first))
            .chain(others.map(|(version, first)| (&*version, first)));
        let first = all.find(|(one, _)| Arc::ptr_eq(one, version));
        match first.and_then(|(_, first)| first.take()) {
            Some(slot) => Ok(slot),
            None => version.instantiate(),
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
    let place = used.spec.source_place.unwrap_or(used.place);
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
    let plugin = plugin.with_environment(Arc::clone(&spec.environment.0));
    let roles = roles_of(manifest, id, role, &plugin);
    let mut configured = Vec::with_capacity(roles.len());
    let mut rights = StageContract::default();
    for plugin_role in &roles {
        let offered = offer(&plugin, plugin_role, id, &used.settings, limits(spec));
        let (slot, settings) = offered.map_err(|error| match error {
            ConfigureError::Settings(problems) => problems
                .iter()
                .map(|problem| used.settings.problem(&problem.path, &problem.message))
                .collect(),
            error => vec![at_file(error.to_string())],
        })?;
        let declared = slot.declared();
        let contract = StageContract::parse(&declared.reads, &declared.writes);
        let mut contract = contract.map_err(|error| {
            vec![at_file(format!(
                "the plugin declares what it may not: {error}"
            ))]
        })?;
        contract.may_hold = slot.may_hold();
        rights::add(&mut rights, &contract);
        configured.push((plugin_role, slot, settings, contract));
    }
    let signals = signals_of(manifest, id, role);
    if let Some(allow) = &spec.allow {
        rights::check_allow(allow, &rights, &signals).map_err(|why| {
            let place = spec.place.unwrap_or(used.place);
            vec![Diagnostic::error(place, format!("{owner}: {why}"))]
        })?;
    }
    let stats = Arc::default();
    let mut health = None;
    let mut versions = configured
        .into_iter()
        .map(|(plugin_role, slot, settings, contract)| {
            // How the component fares is told of all its roles together.
            let health = health.get_or_insert_with(|| slot.health());
            let slot = slot.with_health(Arc::clone(health));
            let version = Version {
                id: id.clone(),
                role,
                plugin_role: plugin_role.clone(),
                plugin: plugin.clone(),
                declared: slot.declared().clone(),
                contract,
                rights: rights.clone(),
                roles: roles.clone(),
                signals: signals.clone(),
                spec: spec.clone(),
                health: Arc::clone(health),
                stats: Arc::clone(&stats),
                settings,
            };
            (Arc::new(version), slot)
        });
    let Some((version, slot)) = versions.next() else {
        return Err(vec![at_file(
            "the plugin has nothing to do here".to_owned(),
        )]);
    };
    Ok(LoadedPlugin {
        memory_bytes: slot.memory_bytes(),
        version,
        first: Some(slot),
        others: versions
            .map(|(version, slot)| (version, Some(slot)))
            .collect(),
    })
}

/// The roles that a component has in the manifest's pipelines, each once. One that stands in none is configured in the
/// first role that its plugin has.
fn roles_of(
    manifest: &Manifest,
    id: &ComponentId,
    role: Role,
    plugin: &Plugin,
) -> Vec<spanmill_runtime::Role> {
    let mut all = Vec::new();
    for pipeline in &manifest.pipelines {
        for role in roles(manifest, pipeline, id, plugin.kinds()) {
            if !all.contains(&role) {
                all.push(role);
            }
        }
    }
    if all.is_empty() {
        let mut kinds = plugin.kinds().iter().copied();
        let kind = kinds.find(|kind| Role::of(*kind) == role);
        all.extend(kind.map(spanmill_runtime::Role::of));
    }
    all
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

/// Complains of each pipeline that a plugin stands in and whose signal it does not take, or that takes from it what it does
/// not make.
pub(super) fn check_signals(manifest: &Manifest, loaded: &LoadedPlugin, out: &mut Diagnostics) {
    if loaded.version.role == Role::Connector {
        check_outputs(manifest, loaded, out);
    }
    for version in loaded.versions() {
        check_version(manifest, version, out);
    }
}

/// Complains of each pipeline that takes from a connector what it does not make.
fn check_outputs(manifest: &Manifest, loaded: &LoadedPlugin, out: &mut Diagnostics) {
    let id = &loaded.version.id;
    let kinds = loaded.version.plugin.kinds();
    let makes = |from: &Pipeline, to: Signal| {
        let roles = roles(manifest, from, id, kinds);
        roles.iter().any(|role| match role {
            spanmill_runtime::Role::Connector => to == Signal::Metrics,
            spanmill_runtime::Role::Router { signal, .. } => to == *signal,
            spanmill_runtime::Role::RecordConnector => loaded.versions().any(|version| {
                let records = version.declared.records.as_ref();
                records.is_some_and(|records| records.signal() == to)
            }),
            spanmill_runtime::Role::Processor => false,
        })
    };
    for onward in manifest.fed_by(id) {
        let to = onward.id.signal;
        let mut from = manifest.pipelines.iter();
        if from.any(|from| from.exporters.contains(id) && makes(from, to)) {
            continue;
        }
        let message = format!(
            "pipeline {}: receivers: connector {id} makes no {to} of what it is given",
            onward.id
        );
        out.push(
            Diagnostic::error(onward.place, message).help(
                "take it out of this pipeline; `spanmill inspect` shows what a plugin can be",
            ),
        );
    }
}

fn check_version(manifest: &Manifest, version: &Version, out: &mut Diagnostics) {
    let (id, role) = (&version.id, version.role);
    let takes = &version.declared.signals;
    for pipeline in &manifest.pipelines {
        let kinds = version.plugin.kinds();
        if !roles(manifest, pipeline, id, kinds).contains(&version.plugin_role) {
            continue;
        }
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
    role: &spanmill_runtime::Role,
    id: &ComponentId,
    settings: &Settings,
    limits: Limits,
) -> Result<(Slot, String), ConfigureError> {
    let configure = |settings: &Settings| {
        let text = settings.json().to_string();
        Slot::in_role(plugin, role.clone(), id.as_str(), &text, limits).map(|slot| (slot, text))
    };
    let mut settings = settings.clone();
    let mut result = configure(&settings);
    for _ in 0..READINGS {
        let Err(ConfigureError::Settings(before)) = &result else {
            break;
        };
        let Some((path, otherwise)) = before.iter().find_map(|problem| {
            let otherwise = settings.read_otherwise(&problem.path)?;
            Some((problem.path.clone(), otherwise))
        }) else {
            break;
        };
        let again = configure(&otherwise);
        // What was read otherwise may be wrong that way as well, or what it stands in.
        let is_wrong_too = |problem: &Problem| {
            problem.path.starts_with(&path)
                || (path.starts_with(&problem.path) && !before.contains(problem))
        };
        if let Err(ConfigureError::Settings(problems)) = &again
            && problems.iter().any(is_wrong_too)
        {
            break;
        }
        (settings, result) = (otherwise, again);
    }
    result
}
