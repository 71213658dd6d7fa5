//! The manifest: the OpenTelemetry Collector's YAML, with a section `plugins:` of our own.
//!
//! Reading goes in three steps: text to a tree that knows its places, `${env:...}` replaced in it, and a walk that makes
//! typed settings of it. Each step collects every mistake. Whether a plugin likes its settings is not known
//! here: it says so when it is configured, and [`Settings::problem`] makes a diagnostic of that.

mod admin;
mod entries;
mod extensions;
mod files;
mod ledger;
mod limits;
mod manifest;
mod pipeline;
mod pipelines;
mod plugins;
mod settings;
mod storage;
mod telemetry;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use spanmill_manifest::{Entry, Section, did_you_mean};

pub use crate::connect::HostConnector;
pub use crate::process::{Batch, HostProcessor, MemoryLimiter};
pub use admin::TapRights;
pub use files::check_files;
pub use limits::Limits;
pub use manifest::{Connector, Manifest, Processor};
pub use pipeline::{Pipeline, PipelineId};
pub use plugins::{Allow, OnError, PluginSpec, PluginUse, Role};
pub use settings::{Settings, to_json as settings_json};
pub(crate) use spanmill_manifest::MAX_BYTES;
#[cfg(test)]
pub(crate) use spanmill_manifest::Secret;
pub use spanmill_manifest::{
    ComponentId, Diagnostic, Diagnostics, Lookup, ManifestSource, Source, TextRange, parse_duration,
};
pub use spanmill_model::{PerSignal, Signal};
pub use telemetry::LogLevel;

use crate::component::{Component, ComponentKind};
use crate::components;
use crate::export::ExporterConfig;
use crate::extension::component::ExtensionConfig;
use crate::receive::component::ReceiverConfig;
use crate::telemetry::config::MetricsSettings;
use entries::component_entries;
use pipelines::DeclaredComponents;

/// A manifest, and the warnings about it.
#[derive(Debug)]
pub struct LoadedManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// Warnings only.
    pub warnings: Diagnostics,
}

/// Parses a manifest. Paths in it are relative to `folder`; `env` looks up environment variables.
///
/// # Errors
///
/// Every mistake in it, and the warnings.
pub fn parse(
    source: Source,
    folder: &Path,
    env: Lookup<'_>,
) -> Result<LoadedManifest, Diagnostics> {
    match examine(source, folder, env) {
        (Some(manifest), warnings) if !warnings.has_errors() => {
            Ok(LoadedManifest { manifest, warnings })
        }
        (_, mistakes) => Err(mistakes),
    }
}

/// Like [`parse`], but also returns what could be read of a manifest with mistakes, so that its plugins can report theirs
/// too. Only a manifest without errors may run.
pub fn examine(source: Source, folder: &Path, env: Lookup<'_>) -> (Option<Manifest>, Diagnostics) {
    let source = Arc::new(source);
    let mut out = Diagnostics::new(Arc::clone(&source));
    let manifest = read(&source, folder, env, &mut out);
    (manifest, out)
}

fn read(
    source: &Arc<Source>,
    folder: &Path,
    env: Lookup<'_>,
    out: &mut Diagnostics,
) -> Option<Manifest> {
    let root = spanmill_manifest::read(source, env, out)?;
    let mut root = Section::root(&root, out);

    let plugins = root
        .section("plugins", out)
        .map(|section| plugins::specs(&section, folder, env, out))
        .unwrap_or_default();
    let mut declared = DeclaredComponents::default();

    let entries = component_entries(&mut root, "receivers", &mut declared.receivers, out);
    let receivers = each(entries, |id, entry| receiver(id, entry, out));
    let entries = component_entries(&mut root, "processors", &mut declared.processors, out);
    let processors = each(entries, |id, entry| {
        processor(id, entry, &plugins, env, out)
    });
    let entries = component_entries(&mut root, "connectors", &mut declared.connectors, out);
    let connectors = each(entries, |id, entry| {
        connector(id, entry, &plugins, env, out)
    });
    let entries = component_entries(&mut root, "exporters", &mut declared.exporters, out);
    let exporters = each(entries, |id, entry| exporter(id, entry, out));
    let entries = component_entries(&mut root, "extensions", &mut declared.extensions, out);
    let extensions = each(entries, |id, entry| extension(id, entry, out));
    let admin = root.section("admin", out).map(|s| admin::admin(s, out));
    let ledger = root.section("ledger", out).map(|s| ledger::ledger(s, out));
    let limits = root
        .section("limits", out)
        .map(|s| limits::limits(s, out))
        .unwrap_or_default();

    let mut manifest = Manifest {
        receivers,
        processors,
        connectors,
        exporters,
        extensions,
        pipelines: Vec::new(),
        admin,
        ledger,
        limits,
        log_level: None,
        metrics: MetricsSettings::default(),
        traces: None,
        source: Arc::clone(source),
    };
    match root.section("service", out) {
        Some(mut service) => {
            let telemetry = telemetry::read(&mut service, out);
            manifest.log_level = telemetry.log_level;
            manifest.metrics = telemetry.metrics;
            manifest.traces = telemetry.traces;
            pipelines::read(&mut service, &declared, &mut manifest, out);
            let used = extensions::used(&mut service, &declared.extensions, out);
            manifest.extensions.retain(|id, _| used.contains(id));
            storage::check_storage(&manifest, out);
            service.finish(out);
        }
        None => out.push(
            Diagnostic::error(TextRange::default(), "manifest: service is missing").help(
                "add `service:` with `pipelines:`, which say how the components are connected",
            ),
        ),
    }
    root.finish(out);
    Some(manifest)
}

fn each<T>(
    entries: Vec<(ComponentId, &Entry)>,
    mut read: impl FnMut(&ComponentId, &Entry) -> Option<T>,
) -> BTreeMap<ComponentId, T> {
    entries
        .into_iter()
        .filter_map(|(id, entry)| read(&id, entry).map(|component| (id, component)))
        .collect()
}

fn receiver(
    id: &ComponentId,
    entry: &Entry,
    out: &mut Diagnostics,
) -> Option<Arc<dyn ReceiverConfig>> {
    let owner = format!("receiver {id}");
    let Some(component) = components::receiver(id.kind()) else {
        out.push(unknown_type(ComponentKind::Receiver, id, entry));
        return None;
    };
    Some(open(component, id, entry, owner, out))
}

fn exporter(
    id: &ComponentId,
    entry: &Entry,
    out: &mut Diagnostics,
) -> Option<Arc<dyn ExporterConfig>> {
    let owner = format!("exporter {id}");
    let Some(component) = components::exporter(id.kind()) else {
        out.push(unknown_type(ComponentKind::Exporter, id, entry));
        return None;
    };
    Some(open(component, id, entry, owner, out))
}

/// `None` for one that is not known: the service's list says so, if it names it.
fn extension(
    id: &ComponentId,
    entry: &Entry,
    out: &mut Diagnostics,
) -> Option<Arc<dyn ExtensionConfig>> {
    let owner = format!("extension {id}");
    let component = components::extension(id.kind())?;
    Some(open(component, id, entry, owner, out))
}

fn connector(
    id: &ComponentId,
    entry: &Entry,
    plugins: &BTreeMap<String, PluginSpec>,
    env: Lookup<'_>,
    out: &mut Diagnostics,
) -> Option<Connector> {
    match components::host_connector(id.kind()) {
        Some(component) => {
            let owner = format!("connector {id}");
            Some(Connector::Host(open(component, id, entry, owner, out)))
        }
        None => plugins::plugin_use(id, entry, Role::Connector, plugins, env, out)
            .map(|plugin| Connector::Plugin(Box::new(plugin))),
    }
}

fn processor(
    id: &ComponentId,
    entry: &Entry,
    plugins: &BTreeMap<String, PluginSpec>,
    env: Lookup<'_>,
    out: &mut Diagnostics,
) -> Option<Processor> {
    match components::host_processor(id.kind()) {
        Some(component) => {
            let owner = format!("processor {id}");
            Some(Processor::Host(open(component, id, entry, owner, out)))
        }
        None => plugins::plugin_use(id, entry, Role::Processor, plugins, env, out)
            .map(|plugin| Processor::Plugin(Box::new(plugin))),
    }
}

/// Reads the settings of a component that the host implements.
fn open<C>(
    component: &Component<C>,
    id: &ComponentId,
    entry: &Entry,
    owner: String,
    out: &mut Diagnostics,
) -> C {
    let warning = component
        .alias(id.kind())
        .and_then(|alias| alias.warning.as_ref());
    if let Some(warning) = warning {
        let message = format!("{owner}: {}", warning.message);
        out.push(Diagnostic::warning(entry.key_place, message).help(warning.help));
    }
    let section = Section::open(&entry.value, entry.key_place, owner, out);
    (component.read)(section, out)
}

/// The error for a receiver or exporter of an unknown type.
fn unknown_type(kind: ComponentKind, id: &ComponentId, entry: &Entry) -> Diagnostic {
    let role = kind.name();
    let message = format!("{role} {id}: there is no {role} of type `{}`", id.kind());
    let known: Vec<&str> = components::types(kind).collect();
    let instead = components::instead_of(kind, id.kind()).map(str::to_owned);
    Diagnostic::error(entry.key_place, message)
        .maybe_help(instead.or_else(|| did_you_mean(id.kind(), components::type_names(kind))))
        .help(format!("the {role}s of this version: {}", known.join(", ")))
}
